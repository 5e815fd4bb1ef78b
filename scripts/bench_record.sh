#!/bin/sh
# Measures everything that docs/performance.md shows and writes it to docs/results/*.csv, then draws
# docs/images/*.svg and fills the tables of the page from these. About 20 minutes; the machine should have nothing else to do.
#
#   [ROUNDS=7] scripts/bench_record.sh COMMIT
#
# ROUNDS=1 is a trial of a few minutes whose figures are good for nothing else.
# Wants build/bench and build/peers; `make bench-record` builds them first.
set -eu
cd "$(dirname "$0")/.."
commit=$1
rounds=${ROUNDS:-7}
results=docs/results
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Files appear under their names only when all measurements are there.
build/bench/taugate_bench --commit="$commit" --benchmark_repetitions="$rounds" --csv="$scratch/bench.csv"
integers() { # NAME
  build/bench/taugate_bench --benchmark_filter='^integers/' --commit="$commit" --benchmark_repetitions="$rounds" \
    --csv="$scratch/$1.csv"
}
integers integers
TAUGATE_ARCH=avx2 integers integers-avx2
build/bench/taugate_fixture "$scratch/fixture"
build/bench/taugate_processes "$scratch/fixture" --rounds="$rounds" --commit="$commit" --csv="$scratch/processes.csv" \
  oneDNN=build/peers/first_inference_onednn libtorch=build/peers/first_inference_torch

peers() { # NAME OPTION...
  name=$1
  shift
  build/peers/taugate_peers --commit "$commit" --rounds "$rounds" --csv "$scratch/peers-$name.csv" "$@"
}
python=build/python-peers/bin/python
networks=lite-16,lite-32,lite-64,lite-128,64x16,teacher
peers infer --jobs infer --networks $networks --batches 1024,1 --python $python
peers train --jobs train --networks lite-32,64x16,teacher --batches 1024
peers busy --jobs busy --networks lite-32 --batches 1024
peers avx2 --jobs infer --networks $networks --batches 1024,1 --isa avx2

mkdir -p "$results"
cp "$scratch"/*.csv "$results"
scripts/plot_bench.sh
scripts/performance_tables.py
