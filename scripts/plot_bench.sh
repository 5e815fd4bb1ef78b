#!/bin/sh
# Draws docs/images/*.svg from docs/results/*.csv: the roofline, and how cost grows.
#
#   scripts/plot_bench.sh [BENCH.csv PEERS.csv FOLDER]
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
bench=${1:-$here/docs/results/bench.csv}
peers=${2:-$here/docs/results/peers-infer.csv}
folder=${3:-$here/docs/images}
mkdir -p "$folder"
gnuplot -e "bench='$bench'; peers='$peers'; folder='$folder'" "$here/scripts/plot_bench.gnuplot"
echo "drew $folder/roofline.svg, growth.svg and peers.svg"
