#!/bin/sh
# The umbrella headers name every header that is installed, and none of them needs anybody else's.
#
#   tests/project/public_headers.sh <include dir of the installed package> <C++ compiler>
set -eu
include=$1
compiler=$2

used=$(echo '#include <taugate/fli.h>' | "$compiler" -std=c++20 -x c++ -I "$include" -M - | tr -s ' \\' '\n')

code=0
for header in $(cd "$include" && find taugate -name '*.h'); do
  echo "$used" | grep -qxF "$include/$header" ||
    { echo "$header: installed, but neither taugate.h nor fli.h includes it (private headers stand beside their sources)"; code=1; }
done
if echo "$used" | grep -v "^$include/taugate/" | grep -E 'nlohmann|xsimd|cxxopts|/zip(conf)?\.h|/zlib\.h|/hdf5\.h|[Ee]igen|doctest'; then
  echo "a public header includes these; a user does not have them"
  code=1
fi
[ "$(echo "$used" | grep -c "^$include/")" -gt 30 ] || { echo "too few headers: $used"; code=1; }
exit $code
