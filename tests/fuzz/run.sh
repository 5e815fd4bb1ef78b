#!/bin/sh
# Fuzzes each reader of measured files in turn.
#
#   tests/fuzz/run.sh <dir of fuzz_reader and write_seeds> <work dir> <seconds a reader>
#
# The corpus of a reader grows in <work dir>/corpus/<reader>; what it finds lies in <work dir>/found.
# Seeds: the small files that write_seeds makes, the measured ones in ../shared/data or TAUGATE_DATA,
# where they are, and what the reader's corpus holds already. libtiff, libhdf5 and libzip are
# Debian's, without the instruments that lead the fuzzer and find accesses out of bounds.
set -eu
programs=$1 work=$2 seconds=$3
data=${TAUGATE_DATA:-$(dirname "$0")/../../../shared/data}
mkdir -p "$work/found"
"$programs/write_seeds" "$work/corpus"

seed() {  # READER FILE...
  mkdir -p "$work/corpus/$1"
  reader=$1
  shift
  for file; do [ ! -f "$file" ] || cp "$file" "$work/corpus/$reader/seed-$(basename "$file")"; done
}
seed sdt "$data/images/IRF.sdt"
seed ptu "$data/images/ptu_example.ptu"
seed phd "$data"/phd/*irf*.phd
seed tttr "$(dirname "$0")"/../data/tttr/*.ht3 "$(dirname "$0")"/../data/tttr/*.t3r
seed npy "$data"/irf/*.npy
seed npz "$data"/images/*.npz
seed mat "$data"/irf/*.mat
seed text "$data"/horiba/*.txt "$data"/flimlib/*.dat

code=0
for corpus in "$work"/corpus/*; do
  reader=$(basename "$corpus")
  echo "== $reader"
  "$programs/fuzz_reader" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2500 -max_len=300000 \
    -artifact_prefix="$work/found/$reader-" "$corpus" > "$work/$reader.log" 2>&1 ||
    { code=1; echo "   finding, see $work/$reader.log"; }
  grep -E '^Done|SUMMARY' "$work/$reader.log" || true
done
exit $code
