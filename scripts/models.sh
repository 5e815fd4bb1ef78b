#!/bin/sh
# Trains the models that come with the program anew, measures them and writes their cards; about 5 minutes of a processor core.
#
#   scripts/models.sh PROGRAM FOLDER [NAME]...      FOLDER/NAME.safetensors, FOLDER/NAME.json; all, or those named
set -eu
program=$1 folder=$2
shift 2
wanted=" $* "
mkdir -p "$folder"

# make NAME ABOUT LIFETIMES RISE|- OPTIONS...
make_model() {
  name=$1 about=$2 lifetimes=$3 rise=$4
  shift 4
  [ "$wanted" = "  " ] || case $wanted in *" $name "*) ;; *) return 0 ;; esac
  options="--model lifetime --mono 1 --background-share 0:0.2 --half $*"
  "$program" train $options --no-pictures -o "$folder/$name.safetensors"
  turned=
  [ "$rise" = - ] || turned="--rise $rise"
  "$program" models --describe "$folder/$name.safetensors" --about "$about" --tau "$lifetimes" $turned \
             --command "taugate train $options -o $name.safetensors"
}

make_model ss2-70 "SwissSPAD2, one lifetime a pixel" 0.3:1.4 - \
           --preset ss2-70 --tau 0.1:3 --counts 2:8000 --samples 3M
make_model ss3-135 "SwissSPAD3, one lifetime a pixel" 0.3:1.4 - \
           --preset ss3-135 --tau 0.1:3 --counts 1:4000 --samples 1500k
make_model iccd-176 "gated ICCD, one lifetime a pixel" 0.3:1.4 - \
           --preset iccd-176 --tau 0.1:3 --counts 0.5:4000 --samples 1200k
tcspc="--gates 256 --counts 0.3:5000"
make_model tcspc-80mhz "TCSPC at 80 MHz, one lifetime a pixel" 0.4:4 0.6 $tcspc --gate-step 0.039 --period 12.5 \
           --tau 0.15:6 --irf-delay 0.3:0.9 --irf-fwhm 0.05:0.4 --irf-tail 0.05:0.3 --samples 1500k
make_model tcspc-40mhz "TCSPC at 40 MHz, one lifetime a pixel" 0.5:8 1.2 $tcspc --gate-step 0.078 --period 25 \
           --tau 0.2:12 --irf-delay 0.8:1.6 --irf-fwhm 0.05:0.5 --irf-tail 0.05:0.3 --samples 1500k
make_model tcspc-20mhz "TCSPC at 20 MHz, one lifetime a pixel" 1:15 2.4 $tcspc --gate-step 0.156 --period 50 \
           --tau 0.4:25 --irf-delay 1.8:3 --irf-fwhm 0.05:0.8 --irf-tail 0.05:0.4 --samples 1200k
