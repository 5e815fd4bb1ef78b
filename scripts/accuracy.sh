#!/bin/sh
# All figures of docs/accuracy.md: trains the networks, quantizes them, and sets both beside the
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
train mono --prior paper --tau 0.1:3 --mono 1 --counts 10:3000
train mono-narrow --prior paper --mono 1 --counts 10:3000
train mono-bright --prior paper --mono 1
train bi --prior paper --counts 10:3000
echo '{"background_fraction": [0, 0.1]}' >"$out/background.json" # of the peak, a gate
train mono-background --tau 0.1:3 --mono 1 --counts 10:3000 --config "$out/background.json"
train mono-background-3M --samples 3M --tau 0.1:3 --mono 1 --counts 10:3000 --config "$out/background.json"

for name in mono bi; do
  "$taugate" quantize "$out/$name.safetensors" -o "$out/$name-8bit.safetensors" >"$out/$name-8bit.txt"
done
[ -e "$out/mono-8bit-trained.safetensors" ] ||
  "$taugate" train --integers --from "$out/mono.safetensors" --samples 300k --rate 1e-3 --seed 2 --no-pictures \
    --tau 0.1:3 --mono 1 --counts 10:3000 -o "$out/mono-8bit-trained.safetensors"

models() { # NAME.. -> FILE,FILE..
  files=
  for name in "$@"; do files="$files${files:+,}$out/$name.safetensors"; done
  echo "$files"
}
"$taugate" compare --models "$(models mono mono-8bit mono-8bit-trained mono-background)" --tau 1 \
  --estimators lm,lm-counts,mle,mle+shift,mle+width,cmm,rld,phasor --traces 2000 -o "$out/one"
"$taugate" compare --models "$(models mono mono-narrow mono-bright mono-background mono-background-3M)" \
  --estimators cmm --series counts,background,lifetime --tau 1 --traces 4000 -o "$out/priors"
"$taugate" compare --models "$(models bi bi-8bit)" --tau 0.4,1.2 --fraction 0.5 \
  --estimators mle,mle+shift,mle+width,lm --series counts,background,lifetime --traces 1000 -o "$out/two"

# Lifetime networks: floats, integers, two components.
lifetime="--model lifetime --counts 2:8000 --background-share 0:0.2"
train lifetime-one $lifetime --samples 10M --tau 0.1:3 --mono 1
[ -e "$out/lifetime-one-8bit.safetensors" ] ||
  "$taugate" train --integers --from "$out/lifetime-one.safetensors" --samples 2M --rate 2e-3 --seed 3 --no-pictures \
    -o "$out/lifetime-one-8bit.safetensors"
[ -e "$out/lifetime-one-12bit.safetensors" ] ||
  "$taugate" train --integers --from "$out/lifetime-one.safetensors" --operand-bits 12 --gate-bits 12 --samples 400k --rate 5e-4 \
    --seed 3 --no-pictures -o "$out/lifetime-one-12bit.safetensors"
train lifetime-two-3M $lifetime --samples 3M --prior paper
train lifetime-two $lifetime --samples 3M --prior paper --from "$out/lifetime-two-3M.safetensors" --rate 2e-3 --seed 2
train lifetime-two-wide $lifetime --samples 3M --tau1 0.1:1.2 --tau2 0.6:2.5 --mono 0

calibrate() { # MODEL TABLE OPTIONS...
  model=$1
  table=$2
  shift 2
  "$taugate" evaluate "$out/$model.safetensors" --calibration "$out/$table.csv" --reliability-plot "$out/$table.png" "$@"
}
calibrate lifetime-one calibration-one --tau 0.3:1.4 --mono 1
calibrate lifetime-one-8bit calibration-one-8bit --tau 0.3:1.4 --mono 1
calibrate lifetime-one-12bit calibration-one-12bit --tau 0.3:1.4 --mono 1
calibrate lifetime-two calibration-two
calibrate lifetime-two-wide calibration-two-wide --tau1 0.2:0.8 --tau2 0.8:1.5
