#pragma once
// The published student's form from a float network whose weights lie on its grid.

#include "taugate/nn/model.h"
#include "taugate/quant/integer/integer_model.h"

namespace taugate {

/// Samples of the trace have `input_bits` bits, sign included, 8..16; docs/interchange.md tells
/// what rounding them costs. Error unless the network is reset_before and hard and every weight is
/// k/128 with k in -128..127. `file` is for messages.
IntegerModel qkeras_model(const Model& network, const std::string& file, int input_bits = 16);

}  // namespace taugate
