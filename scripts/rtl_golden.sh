#!/bin/sh
# Golden vectors through rtl/ in Icarus, a simulator with unknown values: every word must be equal,
# nothing unknown, no assertion false. Exit 77 (a skipped test) without Icarus 12.
#
#   scripts/rtl_golden.sh TOOLS PROGRAM FOLDER
#
# TOOLS: a folder that scripts/rtl_tools.sh has prepared.
set -eu
[ $# -eq 3 ] || { echo "usage: $0 TOOLS PROGRAM FOLDER" >&2; exit 2; }
rtl=$(cd "$(dirname "$0")/../rtl" && pwd)
PATH=$(realpath -m "$1")/bin:$PATH
command -v iverilog >/dev/null || { echo "skipped: Icarus is not installed"; exit 77; }
version=$(iverilog -V 2>/dev/null | sed -n '1s/.*version \([0-9]*\).*/\1/p')
[ "$version" -ge 12 ] || { echo "skipped: Icarus is $version, and reads this SystemVerilog from 12 on"; exit 77; }
program=$(realpath "$2")
mkdir -p "$3"
cd "$3"

"$program" train --preset ss2-70 --hidden 4 --samples 500 --no-pictures -o float.safetensors >train.log 2>&1
sources="$rtl/taugate_pkg.sv $(ls "$rtl"/*.sv | grep -v taugate_pkg) $rtl/sim/golden.sv"
for bits in 8 16; do
  "$program" quantize float.safetensors --bits $bits --samples 500 -o model.safetensors >quantize.log 2>&1
  "$program" export-rtl model.safetensors --vectors 3 -o core >export.log 2>&1
  words=$(sed -n 's/.*OutputBits(\([0-9]*\)).*/\1/p' core/seq2seq_model.sv)
  iverilog -g2012 -Wall -o golden.vvp -s golden -Pgolden.Traces=3 -Pgolden.DataBits="$words" $sources \
    core/seq2seq_model.sv >build.log 2>&1
  [ ! -s build.log ] || { cat build.log >&2; exit 1; }
  (cd core && vvp ../golden.vvp) >run.log 2>&1
  cat run.log
  grep -q 'all equal, nothing unknown' run.log || exit 1
  ! grep -q ERROR run.log || exit 1
done
