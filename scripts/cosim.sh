#!/bin/sh
# The datapath beside the integer executor, word for word: models that are trained here, with gaps and
# stalls in the streams, and random models over the parameters; then what of rtl/ all that has run.
#
#   scripts/cosim.sh PROGRAM TEST_RTL FOLDER
set -eu
program=$(realpath "$1")
tests=$(realpath "$2")
scripts=$(realpath "$(dirname "$0")")
mkdir -p "$3"
cd "$3"
if command -v ccache >/dev/null; then export OBJCACHE=ccache; fi

# model NAME TRAIN_OPTIONS...: a small student, made once.
model() {
  name=$1
  shift
  [ -f "$name.safetensors" ] ||
    "$program" train --samples 100k --no-pictures "$@" -o "$name.safetensors" > "$name.log" 2>&1
}

# compare NAME BITS TRACES: streaming, then with gaps and stalls and over the write port.
compare() {
  integers=$1-$2bit
  [ -f "$integers.safetensors" ] ||
    "$program" quantize "$1.safetensors" --bits "$2" --samples 1000 -o "$integers.safetensors" \
      > "$integers.log" 2>&1
  echo "== $integers"
  "$program" cosim "$integers.safetensors" --work . --traces "$3" --json "$integers.json"
  "$program" cosim "$integers.safetensors" --work . --traces "$(($3 / 2))" --gaps 0.3 --stalls 0.3 \
    --write-port > "$integers-stalls.log"
  tail -n 1 "$integers-stalls.log"
}

"$tests" --no-skip -ts=full -tc='random models*' -d > random.log 2>&1 &
random=$!
"$tests" --no-skip -ts=full -tce='random models*' -d > others.log 2>&1 &
others=$!
model student16 --preset ss2-70 --hidden 16
model student32 --preset ss2-70 --hidden 32
model components32 --preset ss3-135 --hidden 32 --outputs 3
compare student16 8 200
compare student32 8 200
compare student32 16 100
compare components32 8 100
compare components32 16 60
echo "== random models"
wait "$random" || { cat random.log; exit 1; }
wait "$others" || { cat others.log; exit 1; }
grep -hE 'assertions|^[0-9.]+ s:' random.log others.log
"$scripts/rtl_coverage.sh" cosim/coverage
