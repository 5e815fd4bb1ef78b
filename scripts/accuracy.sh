#!/bin/sh
# All figures of docs/accuracy.md: trains the networks, quantises them, and sets both beside the
# classical estimators and the bound.
#
#   scripts/accuracy.sh TAUGATE OUT      (half an hour on two cores; OUT is made)
set -eu
taugate=$1
out=$2
mkdir -p "$out"

train() { # NAME OPTIONS...
  name=$1
  shift
  [ -e "$out/$name.safetensors" ] ||
    "$taugate" train --samples 1M --seed 1 --no-pictures -o "$out/$name.safetensors" "$@"
}
train mono --tau 0.1:3 --mono 1 --counts 10:3000
train mono-narrow --mono 1 --counts 10:3000
train mono-bright --mono 1
train bi --counts 10:3000

for name in mono bi; do
  "$taugate" quantize "$out/$name.safetensors" -o "$out/$name-8bit.safetensors" >"$out/$name-8bit.txt"
done

"$taugate" compare --models "$out/mono.safetensors,$out/mono-8bit.safetensors" --tau 1 \
  --traces 2000 -o "$out/one"
"$taugate" compare --models "$out/mono.safetensors,$out/mono-narrow.safetensors,$out/mono-bright.safetensors" \
  --estimators cmm --series counts,lifetime --tau 1 --traces 4000 -o "$out/priors"
"$taugate" compare --models "$out/bi.safetensors,$out/bi-8bit.safetensors" --tau 0.4,1.2 --fraction 0.5 \
  --estimators mle,mle+shift,mle+width,lm --series counts,background,lifetime --traces 1000 -o "$out/two"
