#!/bin/sh
# Fuzzes each reader of measured files in turn.
#
#   tests/fuzz/run.sh <fuzz_reader> <work dir> <seconds a reader>
#
# The corpus of a reader grows in <work dir>/corpus/<reader>; what it finds lies in <work dir>/found.
# Seeds: the measured files in ../shared/data or TAUGATE_DATA, where they are, and what the reader's
# corpus holds already.
set -eu
program=$1 work=$2 seconds=$3
data=${TAUGATE_DATA:-$(dirname "$0")/../../../shared/data}
mkdir -p "$work/found"

seed() {  # READER FILE...
  mkdir -p "$work/corpus/$1"
  reader=$1
  shift
  for file; do [ ! -f "$file" ] || cp "$file" "$work/corpus/$reader/seed-$(basename "$file")"; done
}
seed sdt "$data/images/IRF.sdt"
seed ptu "$data/images/ptu_example.ptu"
seed phd "$data"/phd/*irf*.phd
seed npy "$data"/irf/*.npy
seed npz "$data"/images/*.npz
seed mat "$data"/irf/*.mat
seed text "$data"/horiba/*.txt "$data"/flimlib/*.dat
seed tiff
seed hdf5

code=0
for corpus in "$work"/corpus/*; do
  reader=$(basename "$corpus")
  echo "== $reader"
  "$program" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2500 -max_len=300000 \
    -artifact_prefix="$work/found/$reader-" "$corpus" > "$work/$reader.log" 2>&1 ||
    { code=1; echo "   finding, see $work/$reader.log"; }
  grep -E '^Done|SUMMARY' "$work/$reader.log" || true
done
exit $code
