#!/bin/sh
# Runs the program in several ranks under each MPI that is here, and compares every file with that of one process.
#
#   scripts/mpi_test.sh BUILD OUT
#
# BUILD: the folder of the mpi preset, which is configured anew for each. One test a line; exits with 77 where there
# is no MPI.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 BUILD OUT" >&2; exit 2; }
build=$(realpath -m "$1")
sources=$(cd "$(dirname "$0")/.." && pwd)
rm -rf "$2"
mkdir -p "$2"
cd "$2"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1

small='--samples 6000 --hidden 8 --batch 100 --validation 3000 --no-pictures'
long='--samples 200000 --hidden 16 --batch 100 --validation 500 --no-pictures'
tests=0
say() { tests=$((tests + 1)); printf '  %-9s %s\n' "$mpi" "$1"; }
die() { echo "$mpi: $1" >&2; exit 1; }
same() { cmp "$1" "$2" >&2 || die "$3"; say "$3"; }
ranks() { count=$1; shift; "mpiexec.$mpi" -n "$count" "$program" "$@" >>log.txt 2>&1; }

found=
for mpi in openmpi mpich; do
  command -v "mpicxx.$mpi" >/dev/null || { echo "  $mpi: not here (Debian: lib$mpi-dev)"; continue; }
  found=yes
  (cd "$sources" && cmake --preset mpi -B "$build" -U 'MPI_*' -D "MPI_CXX_COMPILER=mpicxx.$mpi" &&
    cmake --build "$build" --target taugate_program) >"build_$mpi.txt" 2>&1 || { tail -n 20 "build_$mpi.txt" >&2; die 'does not build'; }
  program=$PWD/taugate.$mpi
  cp "$build/taugate" "$program"

  # The same files for any number of ranks and threads.
  [ -f alone.st ] || {
    "$program" train $small -o alone.st --threads 2 >log.txt 2>&1
    "$program" train $small --integers --bits 8 -o integers.st >>log.txt 2>&1
    "$program" distill alone.st $small -o student.st >>log.txt 2>&1
    "$program" train $long -o long.st --threads 2 >>log.txt 2>&1
  }
  for n in 1 2 3 4; do
    for threads in 1 2; do
      ranks "$n" train $small --threads "$threads" -o "train.st"
      same alone.st train.st "train, $n ranks of $threads threads"
    done
  done
  "mpiexec.$mpi" -n 1 "$program" train $small --threads 2 -o mixed.st : \
    -n 2 "$program" train $small --threads 1 -o mixed.st >>log.txt 2>&1
  same alone.st mixed.st 'train, a rank of 2 threads and two of 1'
  ranks 3 train $small --integers --bits 8 -o q.st
  same integers.st q.st 'train --integers, 3 ranks'
  ranks 3 distill alone.st $small -o s.st
  same student.st s.st 'distill, 3 ranks'

  # A rank that dies, and Ctrl-C, with what goes on from their checkpoints.
  rm -f r.st*
  "mpiexec.$mpi" -n 3 "$program" train $long --threads 1 -o r.st >>log.txt 2>&1 &
  launcher=$!
  until [ -f r.st.checkpoint ]; do sleep 0.2; done
  sleep 0.5
  kill -KILL "$(pgrep -n -f "$program train.*r[.]st")"
  ! wait "$launcher" || die 'a rank that was killed is no failure'
  [ -z "$(pgrep -f "$program")" ] || { sleep 3; [ -z "$(pgrep -f "$program")" ] || die 'a killed rank leaves others running'; }
  [ ! -f r.st ] || die 'nothing was broken off'
  "mpiexec.$mpi" -n 2 "$program" train $long --threads 1 -o r.st --resume >>log.txt 2>&1 &
  launcher=$!
  sleep 2.5
  kill -INT "$launcher"
  wait "$launcher" || true
  [ -f r.st.checkpoint ] || die 'Ctrl-C leaves no checkpoint'
  ranks 4 train $long --threads 1 -o r.st --resume
  same long.st r.st 'train: 3 ranks and one killed, 2 and Ctrl-C, 4 to the end'

  [ -d alone ] || "$program" reproduce --tables distillation --scale smoke --no-pictures -o alone >>log.txt 2>&1
  rm -rf shared
  ranks 3 reproduce --tables distillation --scale smoke --no-pictures -o shared
  same alone/tables.csv shared/tables.csv 'reproduce, 3 ranks'

  [ -f alone.csv ] || {
    mkdir data
    for i in 1 2 3 4 5 6; do "$program" simulate --samples 200 --seed $i -o "data/$i.npz" >>log.txt 2>&1; done
    "$program" fit data --irf-fwhm 0.2 --irf-delay 1.5 --table alone.csv >>log.txt 2>&1
  }
  rm -f shared.csv*
  ranks 3 fit data --irf-fwhm 0.2 --irf-delay 1.5 --table shared.csv
  same alone.csv shared.csv 'fit --table, 3 ranks'

  code=0
  ranks 2 train --samples 0 -o x.st || code=$?
  [ "$code" -eq 2 ] || die "misuse ends with $code"
  [ "$(grep -c 'samples: found 0' log.txt)" -eq 1 ] || die 'misuse is told more than once'
  code=0
  ranks 2 info alone.st || code=$?
  [ "$code" -eq 2 ] || die "a command of one process ends with $code"
  say 'misuse in one line'
  : >log.txt
done
[ -n "$found" ] || { echo 'skipped: found no MPI'; exit 77; }
echo "$tests tests passed"
