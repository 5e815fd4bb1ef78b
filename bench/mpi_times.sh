#!/bin/sh
# How training of the 64x16 network at batch 1024 gains from a second core: two threads of one process beside two ranks of one
# thread, each in turns with one thread. Prints the median of the rates and of the ratios within a round.
#
#   bench/mpi_times.sh PROGRAM [ROUNDS]
#
# PROGRAM: built by the mpi preset with the MPI whose mpirun comes first in PATH.
set -eu
[ $# -ge 1 ] || { echo "usage: $0 PROGRAM [ROUNDS]" >&2; exit 2; }
program=$(realpath "$1")
rounds=${2:-5}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
train="$program train --model seq2seq --hidden 64,16 --batch 1024 --samples 50k --validation 64 --no-pictures -q"
rate() { # rate COMMAND..: traces a second
  "$@" -o m.st --json m.json >/dev/null
  python3 -c 'import json; j = json.load(open("m.json")); print(j["samples"] / j["seconds"])'
}
for round in $(seq "$rounds"); do
  echo "$(rate $train --threads 1) $(rate $train --threads 2) $(rate mpirun --quiet -n 2 $train --threads 1)"
done | python3 -c '
import statistics, sys
rounds = [list(map(float, line.split())) for line in sys.stdin]
for i, name in enumerate(("1 thread", "2 threads", "2 ranks")):
    print(f"{name:9}  {statistics.median(r[i] for r in rounds):7.0f} traces/s  {statistics.median(r[i] / r[0] for r in rounds):.3f} x one thread")'
