#!/bin/sh
# Synthesises, places and routes the core of rtl/ with open tools, and writes docs/results/synth.md.
#
#   scripts/synth.sh TOOLS OUT COMMIT
#
# TOOLS is a folder that scripts/synth_tools.sh prepared; netlists, logs and reports go to OUT. What
# is there already is not made again, unless rtl/ has changed since. SEEDS lists the seeds of place
# and route, all of which the table reports; ROUTES and DESIGNS choose some of the lines below;
# OPTIONS goes to nextpnr, as --detailed-timing-report.
set -eu

[ $# -eq 3 ] || { echo "usage: $0 TOOLS OUT COMMIT" >&2; exit 2; }
cd "$(dirname "$0")/.."
run=$1/run out=$2 commit=$3
SEEDS=${SEEDS:-1 2 3}
ROUTES=${ROUTES:-ecp5-8 ecp5-6 xc7a100t}
DESIGNS=${DESIGNS:-one-output three-outputs}
OPTIONS=${OPTIONS:-}
mkdir -p "$out"

sources="rtl/taugate_pkg.sv $(ls rtl/*.sv rtl/synth/*.sv | grep -v taugate_pkg | tr '\n' ' ')"

# Of each design, what differs from the defaults of synth_pins: 32 units, 8 bits, 176 gates.
parameters() {
  case $1 in
    one-output) echo NOut 1 ;;
    three-outputs) echo NOut 3 ;;
    two-cores) echo NOut 1 Cores 2 ;;
    sixteen-units) echo H 16 Contexts 3 ;;
    sixteen-bits) echo WeightBits 16 OperandFraction 15 AccBits 38 MulBits 8 GateFraction 14 ;;
    *) echo "error: no design is called $1" >&2; exit 2 ;;
  esac
}

# $(elaborate DESIGN PORTBITS): yosys commands up to the chosen parameters.
elaborate() {
  printf 'read_verilog -sv -noautowire %s; hierarchy -check -top synth_pins -chparam PortBits %s' \
    "$sources" "$2"
  set -- $(parameters "$1")
  while [ $# -gt 0 ]; do printf ' -chparam %s %s' "$1" "$2"; shift 2; done
}

synthesise() {
  design=$1 family=$2
  netlist=$out/$design-$family.json
  if [ -e "$netlist" ] && [ -z "$(find rtl -name '*.sv' -newer "$netlist")" ]; then return; fi
  echo "yosys: $design for $family"
  case $family in
    ecp5) port=18 map='synth_ecp5 -top synth_pins' ;;
    xc7) port=25 map='synth_xilinx -family xc7 -flatten -top synth_pins; opt_clean -purge' ;;
  esac
  nice "$run" yosys -q -l "$netlist.log" -p "$(elaborate "$design" $port); $map
    tee -q -o $netlist.dsp dump t:DSP48E1
    write_json $netlist.part" >/dev/null 2>&1 ||
    { tail -n 3 "$netlist.log" >&2; exit 1; }
  [ "$family" = ecp5 ] || python3 scripts/synth_xdc.py "$netlist.part" >"$netlist.xdc"
  mv "$netlist.part" "$netlist"
}

# place_and_route DESIGN ROUTE SEED. A failure of one seed is a line in the table, not the end.
place_and_route() {
  design=$1 route=$2 seed=$3
  case $route in
    ecp5-*)
      netlist=$out/$design-ecp5.json
      set -- nextpnr-ecp5 --85k --package CABGA381 --speed "${route#ecp5-}" --freq 160 \
        --lpf-allow-unconstrained
      ;;
    xc7a100t)
      netlist=$out/$design-xc7.json
      set -- nextpnr-himbaechel-xilinx --device xc7a100tcsg324-1 --freq 250 \
        -o "xdc=$netlist.xdc"
      ;;
    *) echo "error: no route is called $route" >&2; exit 2 ;;
  esac
  report=$out/$design-$route-$seed.report
  # A report without a clock is of OPTIONS=--pack-only or the like, and no result.
  if [ -e "$report" ] && [ ! "$netlist" -nt "$report" ] && grep -q '"achieved"' "$report"; then
    return
  fi
  echo "nextpnr: $design, $route, seed $seed"
  nice "$run" "$@" $OPTIONS --json "$netlist" --seed "$seed" --timing-allow-fail --quiet \
    --log "$report.log" --report "$report.part" >/dev/null 2>&1 ||
    { echo "note: this run failed; see $report.log" >&2; rm -f "$report.part"; return 0; }
  mv "$report.part" "$report"
}

scripts/yosys_read.sh "$run" yosys
"$run" yosys -V >"$out/versions"
"$run" nextpnr-ecp5 --version >>"$out/versions" 2>&1
case $ROUTES in *xc7*) "$run" nextpnr-himbaechel-xilinx --version >>"$out/versions" 2>&1 ;; esac

for design in $DESIGNS; do
  for route in $ROUTES; do
    case $route in xc7*) synthesise "$design" xc7 ;; *) synthesise "$design" ecp5 ;; esac
    for seed in $SEEDS; do place_and_route "$design" "$route" "$seed"; done
  done
done
python3 scripts/synth_table.py "$out" "$commit"
