#!/bin/sh
# Builds the Python package's wheel (python_wheel.sh), installs it into an environment of its own, and runs python/tests
# there.
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
wheel=$("$sources/scripts/python_wheel.sh" "$folder")
folder=$(cd "$folder" && pwd)
rm -rf "$folder/clean"
"$python" -m venv "$folder/clean"
"$folder/clean/bin/pip" install -q --disable-pip-version-check "$wheel[test]"
cd "$folder"  # where nothing but the installed package is called taugate
exec "$folder/clean/bin/python" -m pytest -q -p no:cacheprovider -c "$sources/pyproject.toml" \
  --rootdir "$sources" "$@" "$sources/python/tests"
