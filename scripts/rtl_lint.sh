#!/bin/sh
# rtl/ as another tool reads it: no message may come. Exit 77 (a skipped test) without the tool.
#
#   scripts/rtl_lint.sh TOOLS slang|verible|verilator|parameters|licence
#
# TOOLS: a folder that scripts/rtl_tools.sh has prepared; `verilator` is the current one in it.
# parameters: values out of range stop elaboration, in synthesis too (Debian's Verilator).
set -eu
[ $# -eq 2 ] || { echo "usage: $0 TOOLS slang|verible|verilator|parameters|licence" >&2; exit 2; }
tools=$(cd "$1" 2>/dev/null && pwd || echo "$1")
cd "$(dirname "$0")/.."
sources="rtl/taugate_pkg.sv $(ls rtl/*.sv | grep -v taugate_pkg | tr '\n' ' ')"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# silent COMMAND...: it must succeed and say nothing.
silent() {
  [ -x "$1" ] || { echo "skipped: $1 is not installed"; exit 77; }
  if ! "$@" >"$log" 2>&1 || [ -s "$log" ]; then cat "$log" >&2; exit 1; fi
}

case $2 in
  slang)
    for parameters in '' '-G H=9 -G NOut=3 -G Cores=3' '-G Activation=1 -G AccBits=40 -G PortBits=25'; do
      # A cast to a parameter's width is useless for some values of it.
      silent "$tools/bin/python" scripts/slang.py -Wextra -Wpedantic -Werror -Wno-useless-cast \
        --top seq2seq_top $parameters $sources
    done
    ;;
  verible)
    # A parameter of type string is not what every tool takes.
    silent "$tools/bin/verible-verilog-lint" \
      --rules=explicit-parameter-storage-type=exempt_type:string $sources rtl/synth/*.sv
    ;;
  verilator)
    for parameters in '' '-DSYNTHESIS' '-GCores=3 -GNOut=3 -GH=9'; do
      silent "$tools/bin/verilator-current" --lint-only -Wall --assert --quiet --top-module seq2seq_top $parameters \
        rtl/taugate.vlt $sources
    done
    ;;
  parameters)
    for value in H=1 NOut=0 NOut=33 TMax=0 Contexts=0 Cores=0 Activation=2 WeightBits=17 \
      OperandFraction=16 AccBits=15 AccBits=56 MulBits=17 ShiftBits=3 SumBits=7 GateSumFraction=7 \
      CandidateSumFraction=15 GateFraction=1 CandidateFraction=23 StateFraction=6 ReadFraction=0 Feedback=2 OutputBits=7 \
      UserBits=0 CounterBits=7 PortBits=8 LoadFiles=2; do
      if verilator --lint-only -DSYNTHESIS --top-module seq2seq_top "-G$value" rtl/taugate.vlt \
        $sources >"$log" 2>&1 || ! grep -q "${value%=*}: found ${value#*=}, wanted" "$log"; then
        echo "error: $value is taken without a word" >&2
        head -n 5 "$log" >&2
        exit 1
      fi
    done
    ;;
  licence)
    missing=$(grep -L 'SPDX-License-Identifier: Apache-2.0' $(find rtl -type f ! -name '*.md'))
    [ -z "$missing" ] || { echo "error: found no SPDX line in:" $missing >&2; exit 1; }
    ;;
  *) echo "error: no tool is called $2" >&2; exit 2 ;;
esac
