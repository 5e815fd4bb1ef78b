#!/bin/sh
# Installs the Python package's wheel (python_wheel.sh) and the napari plugin into an environment of their own, and runs
# napari/tests there, without a display.
#
#   scripts/napari_test.sh FOLDER [pytest options]
#
# PYTHON and FOLDER as for python_test.sh, whose FOLDER may be the same. Exits with 77 where PyPI cannot be reached.
set -eu
sources=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
folder=$1/$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
shift
wheel=$("$sources/scripts/python_wheel.sh" "$folder")
folder=$(cd "$folder" && pwd)
[ -x "$folder/napari/bin/pip" ] || "$python" -m venv "$folder/napari"
install() { "$folder/napari/bin/pip" install -q --disable-pip-version-check "$@" >"$folder/napari.log" 2>&1; }
install "$wheel" 'napari[pyqt6]' matplotlib npe2 pytest pytest-qt || {
  echo "skipped: PyPI cannot be reached ($folder/napari.log)"
  exit 77
}
install --force-reinstall --no-deps "$wheel" "$sources/napari" || { cat "$folder/napari.log" >&2; exit 1; }
cd "$sources/napari"
QT_API=pyqt6 QT_QPA_PLATFORM=offscreen exec "$folder/napari/bin/python" -m pytest -q -p no:cacheprovider "$@" tests
