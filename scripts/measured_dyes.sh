#!/bin/sh
# Reads lifetimes off measured decays: for every IRF in FOLDER (*_irf_*.phd) and the decay of the same
# name without "_irf", trains a network for that IRF and that laser period, and runs it.
#
#   scripts/measured_dyes.sh FOLDER OUT
#
# docs/real-data.md explains the options. SAMPLES_MEASURED: traces to train each on (default: 300k).
set -eu
taugate=${TAUGATE:-build/release/taugate}
folder=$1
out=$2
for irf in "$folder"/*_irf_*.phd; do
  decay=$(printf '%s' "$irf" | sed 's/_irf_/_/')
  name=$(basename "$decay" .phd)
  [ -e "$decay" ] || continue
  echo "-- $name"
  "$taugate" train --measured "$decay" --irf "$irf" --tau 0.2:6 --counts 1e3:1e5 \
    --samples "${SAMPLES_MEASURED:-300k}" -o "$out/$name.safetensors"
  "$taugate" infer "$out/$name.safetensors" "$decay" --irf "$irf" -o "$out/$name"
done
