#pragma once
// Quantized weights in an otherwise float network: what "post-training quantization" means in
// Erbas et al. (2024) and in most papers. For comparison; integers run on quantize()'s models.

#include "taugate/quant/ptq/quantize.h"

namespace taugate {

/// The network with every weight w replaced by k s, its integer times its scale. Of the options'
/// widths only weight_bits counts; biases, operands and states stay as they are. Scales are not
/// rounded to short multipliers. Errors as quantize().
Model round_weights(const Model& model, const QuantizeOptions& options);

}  // namespace taugate
