#!/bin/sh
# Checks that Yosys reads rtl/ as Verilator does. Exit 77 (a skipped test) where there is no Yosys
# that knows enough SystemVerilog: 0.52 is the first.
#
#   scripts/yosys_read.sh [RUN]
#
# RUN is a command before `yosys`, as scripts/synth_tools.sh makes it. Yosys has its own idea of
# some constructs (arrays of structs, casts of negated words) and says so only in a warning of a
# name that it declared by itself or of a port that it resized: here these are errors, and so are
# latches, loops and undriven wires.
set -eu
cd "$(dirname "$0")/.."

command -v "${1:-yosys}" >/dev/null || { echo "skipped: yosys is not installed"; exit 77; }
version=$("$@" yosys -V | sed 's/^Yosys \([0-9.]*\).*/\1/')
if [ "$(printf '0.52\n%s\n' "$version" | sort -V | head -n 1)" != 0.52 ]; then
  echo "skipped: yosys is $version, and reads this SystemVerilog from 0.52 on"
  exit 77
fi

sources="rtl/taugate_pkg.sv $(ls rtl/*.sv rtl/synth/*.sv | grep -v taugate_pkg | tr '\n' ' ')"
while read -r parameters; do
  set_parameters=
  for parameter in $parameters; do
    set_parameters="$set_parameters -chparam ${parameter%=*} ${parameter#*=}"
  done
  "$@" yosys -q -e 'Resizing cell port' -p "read_verilog -sv -noautowire $sources
    hierarchy -check -top synth_pins$set_parameters
    proc; flatten; opt_clean; check -assert; select -assert-none t:\$*latch*" >/dev/null
  echo "yosys $version reads rtl/ with $parameters"
done <<END
H=32 NOut=1
H=16 NOut=3 Contexts=3 Cores=2
H=32 WeightBits=16 OperandFraction=15 AccBits=38 MulBits=8 GateFraction=14 PortBits=25
END
