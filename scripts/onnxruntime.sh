#!/bin/sh
# Puts ONNX Runtime, from PyPI, into a virtual environment of its own, for the comparison.
#
#   scripts/onnxruntime.sh FOLDER
#
# Where that is not possible it leaves a note; the comparison then goes without it.
set -eu
folder=$1
[ -x "$folder/bin/python" ] && "$folder/bin/python" -c 'import numpy, onnx, onnxruntime' 2>/dev/null && exit 0
if python3 -m venv "$folder" && "$folder/bin/python" -m pip -q install onnxruntime onnx numpy; then
  exit 0
fi
echo "note: ONNX Runtime could not be installed; the comparison goes without it" >&2
