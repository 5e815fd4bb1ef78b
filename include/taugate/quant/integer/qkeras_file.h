#pragma once
// The published student's form as a file: weights on the grid of k/128.

#include <string>

#include "taugate/core/safetensors.h"
#include "taugate/quant/integer/integer_model.h"

namespace taugate {

/// The published student's form: a QKeras GRU's weights and biases, as k/128 or as I8 k, under the
/// names of a float model; T from the metadata entry "gates". Samples of the trace have
/// `input_bits` bits, 8..16. `file` is for messages.
IntegerModel qkeras_model(const Safetensors& content, const std::string& file, int input_bits = 8);

}  // namespace taugate
