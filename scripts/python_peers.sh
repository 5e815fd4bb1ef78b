#!/bin/sh
# Puts the engines that bench/peers/python_peer.py knows, from PyPI, into a virtual environment of their own.
#
#   scripts/python_peers.sh FOLDER [PACKAGE ...]
#
# PyPI's torch is built for CUDA: with what it loads it takes 5 GB. The comparison goes without a package that cannot be
# installed, or is not among those named.
set -eu
folder=$1
shift
[ $# -gt 0 ] || set -- onnxruntime openvino jax torch
[ -x "$folder/bin/python" ] || python3 -m venv "$folder" || exit 0
for package in numpy onnx "$@"; do
  "$folder/bin/python" -c "import $package" 2>/dev/null || "$folder/bin/python" -m pip -q install "$package" ||
    echo "note: $package could not be installed; the comparison goes without it" >&2
done
