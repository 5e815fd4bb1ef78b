#!/bin/sh
# A program that runs a network (taugate::taugate alone) links the compiler's runtime, OpenMP and zlib: nothing else.
#
#   tests/project/shared_libraries.sh <program>
set -eu
libraries=$(ldd "$1" | awk '{ print $1 }')
echo "$libraries"
echo "$libraries" | grep -q '^libc\.so' || { echo "not a dynamically linked program"; exit 1; }
if others=$(echo "$libraries" |
            grep -vE '^(linux-vdso|(.*/)?ld-linux.*|libc|libm|libstdc\+\+|libgcc_s|libgomp|libomp|libz)\.?(so.*)?$'); then
  echo "these are too many:" $others
  exit 1
fi
