#!/bin/sh
# Reads lifetimes off measured decays: for every IRF in FOLDER (*_irf_*.phd) and the decay of the same
# name without "_irf", fits the decay, trains a network for that IRF, that laser period and lifetimes
# from a third to three times what the fit found, and runs it.
#
#   scripts/measured_dyes.sh FOLDER OUT
#
# docs/real-data.md explains the options. SAMPLES_MEASURED: traces to train each on (default: 300k).
# NETWORK=lifetime: networks that answer with lifetimes and standard deviations in place of decays.
set -eu
taugate=${TAUGATE:-build/release/taugate}
folder=$1
out=$2
mkdir -p "$out"
network=
if [ "${NETWORK:-}" = lifetime ]; then network='--model lifetime --background-share 0:0.1'; fi
for irf in "$folder"/*_irf_*.phd; do
  decay=$(printf '%s' "$irf" | sed 's/_irf_/_/')
  name=$(basename "$decay" .phd)
  [ -e "$decay" ] || continue
  echo "-- $name"
  found=$("$taugate" fit "$decay" --irf "$irf")
  echo "fit: $found"
  tau=$(echo "$found" | awk '{ print $1 / 3 ":" 3 * $1 }')
  # shellcheck disable=SC2086  # options, each a word
  "$taugate" train --measured "$decay" --irf "$irf" --tau "$tau" --counts 1e3:1e5 $network \
    --samples "${SAMPLES_MEASURED:-300k}" -o "$out/$name.safetensors"
  if [ -z "$network" ]; then set -- --irf "$irf"; else set --; fi
  "$taugate" infer "$out/$name.safetensors" "$decay" "$@" -o "$out/$name"
done
