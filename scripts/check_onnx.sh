#!/bin/sh
# Sets ONNX Runtime (from PyPI, in build/onnxruntime) beside `taugate infer` on networks of every form.
#
#   scripts/check_onnx.sh [PROGRAM]
set -eu
here=$(dirname "$0")
"$here/onnxruntime.sh" build/onnxruntime
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
build/onnxruntime/bin/python "$here/check_onnx.py" "${1:-build/release/taugate}" "$box"
