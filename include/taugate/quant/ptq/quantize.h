#pragma once
// From a float network to integers. Weights become integers times a scale; the scale of a row of
// accumulators ends, with the grids of what they read and of what they become, in an integer
// multiplier and a shift.

#include <vector>

#include "taugate/nn/model.h"
#include "taugate/quant/integer/integer_model.h"

namespace taugate {

/// How large a weight's unit is, for the largest magnitude `most` of its row or tensor.
enum class WeightScale {
  symmetric,   ///< most / (2^(b-1) - 1): the largest weight is the largest integer
  paper,       ///< most / (2^b - 1), Erbas et al.'s formula: large weights saturate
  fixed_grid,  ///< 2^-(b-1), whatever the weights: QKeras' quantized_bits(b, 0)
};

/// The largest magnitudes to expect of what has no natural range.
struct Ranges {
  double gate_preact = 8.0;       ///< of r and z, which have levelled off at 8
  double candidate_preact = 8.0;  ///< of n and of its two parts; n has levelled off at 4
  double output = 2.0;            ///< the head's outputs
};
/// The widths with the finest pre-activations and outputs that hold these ranges.
Widths with_ranges(Widths widths, const Ranges& ranges);

struct QuantizeOptions {
  Widths widths = {};
  WeightScale scale = WeightScale::symmetric;
  bool per_row = true;         ///< a scale for each row of accumulators, or one for each layer
  bool powers_of_two = false;  ///< scales are powers of two, so that requantizing is a shift
  /// Of the requantizers' multipliers, 1..16: scales are rounded up, by less than 2^(1 - bits), to
  /// what such a multiplier stands for exactly, so that a sum fits 32 bits on its way (and a small
  /// multiplier in hardware). 0, and the paper's scale: as they are, to the nearest 16-bit
  /// multiplier.
  int multiplier_bits = 8;
};

/// What one unit of an integer weight is worth, for each row of accumulators.
struct WeightScales {
  /// [layer][row], encoder first. Rows of a layer: r, z, n (3H, W and U alike); for reset_after n's
  /// are of W_n only, and [H] more of U_n follow.
  std::vector<std::vector<double>> layers;
  std::vector<double> head;          ///< [C]
  std::vector<double> encoder_head;  ///< [E]
};

/// The scales that the options ask for. A row's unit is raised where its bias would otherwise not
/// fit its accumulator.
WeightScales weight_scales(const Model& model, const QuantizeOptions& options);

/// Integers of a model with these scales (learned ones, or those of weight_scales). Weights round
/// half to even and saturate. Throws Error for weights that are not finite, or when an accumulator
/// could overflow; UsageError for widths that do not fit together.
IntegerModel quantize(const Model& model, const Widths& widths, const WeightScales& scales);
IntegerModel quantize(const Model& model, const QuantizeOptions& options = {});

}  // namespace taugate
