#pragma once
// Fake quantization: a tape's operation that puts values onto an integer grid and back, so that a
// network is trained with the rounding that its integers will have (Jacob et al., CVPR 2018).
//
//     q = clip(round(x / s), low, high)   ties to even, as the integers round      y = s q
//
// Rounding has no useful derivative, so gradients go straight through it (Bengio et al. 2013),
// where the grid did not saturate, and into a learned scale as Esser et al. (LSQ, ICLR 2020) derive
// it from the same rule:
//
//     dx = dy where low <= round(x / s) <= high, else 0
//     ds = sum of dy (q - x / s)   there, and of dy q where it saturated

#include "taugate/autograd/tape.h"

namespace taugate {

/// The integers of a grid: signed ones of b bits are {-2^(b-1), 2^(b-1) - 1}, or, symmetric,
/// {-(2^(b-1) - 1), 2^(b-1) - 1}.
struct IntegerRange {
  int low = -127, high = 127;
};

/// x [T][F][B]. Scales, above 0: [1][1] for all, or [F][1], one a feature. A scale whose `grad` is
/// empty is fixed. Throws Error for other shapes, low >= high, or a scale that is not above 0.
template <class S>
Var<S> fake_quant(Tape<S>& tape, Var<S> x, Weight<S> scale, IntegerRange range);

/// Of a weight [rows][cols]; scales [1][1] or [rows][1].
template <class S>
Weight<S> fake_quant(Tape<S>& tape, Weight<S> w, Weight<S> scale, IntegerRange range);

}  // namespace taugate
