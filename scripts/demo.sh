#!/bin/sh
# The main job, end to end: train a network on simulated pixels, measure it, map the lifetimes of images
# it has never seen, and, where measured decays are at hand, read their lifetimes.
#
#   scripts/demo.sh [FOLDER]        results go to FOLDER (default: out/demo)
#
# Environment: TAUGATE     the program (default: build/release/taugate)
#              SAMPLES     traces to train on (default: 3600k)
#              MNIST       an IDX file of masks, e.g. MNIST's train-images-idx3-ubyte
#              TAUGATE_DATA  folder with phd/*.phd (default: ../shared/data beside this checkout)
set -eu
cd "$(dirname "$0")/.."
out=${1:-out/demo}
taugate=${TAUGATE:-build/release/taugate}
data=${TAUGATE_DATA:-../shared/data}
mkdir -p "$out"
start=$(date +%s)
say() { printf '\n== %s\n' "$*"; }

say "1. train a 32-unit student on ${SAMPLES:-3600k} simulated pixels (70 gates, 12.5 ns), each seen once;
   prior: general, mostly one component (docs/training.md#which-prior)"
"$taugate" train --preset ss2-70 --prior general --hidden 32 --samples "${SAMPLES:-3600k}" \
  -o "$out/student.safetensors" --json "$out/student.json"

say "2. measure it on 20,000 pixels it has not seen, on mono-exponential ones of 1 ns, and on the paper's prior"
"$taugate" evaluate "$out/student.safetensors" --samples 20000 --json "$out/evaluation.json" \
  --scatter-plot "$out/scatter.png"
"$taugate" evaluate "$out/student.safetensors" --samples 20000 --tau1 1 --tau2 1 --mono 1 \
  --json "$out/evaluation-1ns.json"
"$taugate" evaluate "$out/student.safetensors" --samples 20000 --prior paper --json "$out/evaluation-paper.json"
echo
"$taugate" evaluate "$out/student.safetensors" --unlike --samples 20000 --json "$out/unlike.json"

say "3. map the lifetimes of images"
masks=${MNIST:-$(scripts/find_masks.sh)}
echo "masks: ${masks:-shapes drawn by the simulator}"
# Each image is one stained object: its pixels share their lifetimes, but not IRF, counts or noise.
"$taugate" simulate --images 16 --one-decay-per-image --counts 100:3000 ${masks:+--masks "$masks"} --seed 7 -o "$out/images.npz"
"$taugate" infer "$out/student.safetensors" "$out/images.npz" -o "$out/images"
# As in training: every pixel with lifetimes of its own.
"$taugate" simulate --images 16 --counts 100:3000 ${masks:+--masks "$masks"} --seed 8 -o "$out/pixels.npz"
"$taugate" infer "$out/student.safetensors" "$out/pixels.npz" -o "$out/pixels"

if ls "$data"/phd/*.phd >/dev/null 2>&1; then
  say "4. read the lifetimes of measured dyes (PicoHarp .phd), one short training each"
  scripts/measured_dyes.sh "$data/phd" "$out"
else
  say "4. no measured decays in $data/phd (set TAUGATE_DATA): skipped"
fi

say "done in $(($(date +%s) - start)) s; look at"
find "$out" -name '*.png' | sort | sed 's/^/  /'
