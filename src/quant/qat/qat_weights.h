#pragma once
// Weights of one training step: from the float master weights to the integers that quantize() would
// make of them, and back with the gradients.

#include "quant/ptq/weight_rows.h"
#include "taugate/autograd/tape.h"

namespace taugate {

/// A matrix of weights: the float master, its integers (held as floats), and the values that these stand for,
/// with a gradient of its own where the master has one.
struct QatMatrix {
  Weight<float> master;
  float* integers = nullptr;
  Weight<float> dequantized;
};

/// Rows of accumulators for one slice of a batch, in the tape's arena.
struct QatRows {
  QatMatrix input, recurrent;  ///< the first may be empty; the head's weights are `recurrent`
  int count = 0;
  WeightRow* rows = nullptr;    ///< [count], as the others
  double* scales = nullptr;     ///< what quantize() is told
  double* row_scale = nullptr;  ///< what its requantizers make of them, near the scales
  float* biases = nullptr;      ///< in units of 2^-fraction, as the sums of products are
  int weight_bits = 0;
  Weight<float> log2_scales;  ///< learned ones: [count] or one for all; otherwise empty
};

/// Room for `count` rows, which the caller fills in, as well as weight_bits.
QatRows qat_rows(Arena& arena, int count, Weight<float> input, Weight<float> recurrent);

/// Scales (by `options`, or the learned ones), integers, biases. Error, with `layer`, where floats
/// could not hold an accumulator. Records the way back: straight through the rounding; a weight
/// that saturates gets no gradient that would push it further.
void quantize_rows(Tape<float>& tape, const QatRows& rows, const QuantizeOptions& options,
                   const char* layer);

}  // namespace taugate
