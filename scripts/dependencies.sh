#!/bin/sh
# Installs the Debian packages that a target of the Makefile needs and this machine lacks.
#
#   scripts/dependencies.sh build|test|demo|bench|peers|clang|arm|fuzz|python|napari|mpi|web|lint|synth
#
# Silent and instant when nothing is missing. Installs as root, or through sudo; where neither is
# possible it names the command to run and fails.
set -eu

build='g++ cmake ninja-build pkg-config libxsimd-dev nlohmann-json3-dev libcxxopts-dev libzip-dev
       zlib1g-dev libhdf5-dev libtiff-dev libpugixml-dev libeigen3-dev'
pictures='gnuplot-nox fonts-dejavu-core'
test="$build $pictures doctest-dev verilator ccache python3-venv libmatio-dev libonnx-dev libprotobuf-dev zsh"

case ${1:-} in
  build) wanted=$build ;;
  test) wanted=$test ;;
  demo) wanted="$build $pictures dataset-fashion-mnist" ;;
  bench) wanted="$build libbenchmark-dev gnuplot-nox" ;;
  peers) wanted="$build libtorch-dev libdnnl-dev libopenblas0-openmp python3-venv" ;;
  clang) wanted="$test clang libomp-dev" ;;
  arm) wanted="$build doctest-dev ccache g++-aarch64-linux-gnu qemu-user" ;;
  fuzz) wanted="$build clang libomp-dev libclang-rt-14-dev libmatio-dev" ;;
  python) wanted="$build python3-venv python3-dev" ;;
  napari) wanted="$build python3-venv python3-dev libegl1 libgl1 libdbus-1-3 libfontconfig1 libglib2.0-0 libxkbcommon0" ;;
  mpi) wanted="$build libopenmpi-dev openmpi-bin libmpich-dev mpich" ;;
  web) wanted='cmake ninja-build libxsimd-dev nlohmann-json3-dev libeigen3-dev libstb-dev emscripten' ;;
  synth) wanted='debootstrap python3-minimal' ;;
  lint) wanted="$test clang libomp-dev clang-tidy clang-format" ;;
  *)
    echo "usage: $0 build|test|demo|bench|peers|clang|arm|fuzz|python|napari|mpi|web|lint|synth" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "note: not a Debian system; the equivalents of these packages are needed:" $wanted >&2
  exit 0
fi

# dpkg-query complains about packages that it has never heard of: those are missing too.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null || true)
missing=
for package in $wanted; do
  case "
$installed
" in
    *"
installed $package
"*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
  as_root=sudo
else
  echo "error: packages are missing, and installing them takes root. Run as root:" >&2
  echo "  apt-get update && apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

echo "installing missing Debian packages:$missing"
apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"; }
apt update || echo "note: apt-get update failed; trying with the lists at hand" >&2
apt install -y --no-install-recommends $missing
