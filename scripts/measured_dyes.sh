#!/bin/sh
# Reads lifetimes off measured decays: for every IRF in FOLDER (*_irf_*.phd) and the decay of the same
# name without "_irf", fits the decay, trains a network for that IRF, that laser period and lifetimes
# from a third to three times what the fit found, and runs it.
#
#   scripts/measured_dyes.sh FOLDER OUT
#
# docs/real-data.md explains the options. SAMPLES_MEASURED: traces to train each on (default: 300k).
set -eu
taugate=${TAUGATE:-build/release/taugate}
folder=$1
out=$2
mkdir -p "$out"
for irf in "$folder"/*_irf_*.phd; do
  decay=$(printf '%s' "$irf" | sed 's/_irf_/_/')
  name=$(basename "$decay" .phd)
  [ -e "$decay" ] || continue
  echo "-- $name"
  found=$("$taugate" fit "$decay" --irf "$irf")
  echo "fit: $found"
  tau=$(echo "$found" | awk '{ print $1 / 3 ":" 3 * $1 }')
  "$taugate" train --measured "$decay" --irf "$irf" --tau "$tau" --counts 1e3:1e5 \
    --samples "${SAMPLES_MEASURED:-300k}" -o "$out/$name.safetensors"
  "$taugate" infer "$out/$name.safetensors" "$decay" --irf "$irf" -o "$out/$name"
done
