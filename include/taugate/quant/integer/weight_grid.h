#pragma once
// Weights as another framework's file stores them, and the fixed grid of QKeras'
// quantized_bits(8, 0): k / 128 with k in -128..127.

#include <functional>
#include <string>
#include <vector>

#include "taugate/core/safetensors.h"

namespace taugate {

enum class WeightGrid {
  any,          ///< floating point
  k128,         ///< k/128 in floating point, or k as I8; anything else is an Error
  k128_rounded  ///< the same, floating point rounded as QKeras does: halves to even, saturating
};

/// Values of type `dtype` (as in StoredTensor) that `read` gives as they are stored. `what` names
/// them in messages, "student.h5: dataset 'encoder/kernel'".
std::vector<float> weights_on(WeightGrid grid, const std::string& what, const std::string& dtype,
                              const std::function<std::vector<float>()>& read);
/// The same for a tensor of that file.
std::vector<float> weights_on(WeightGrid grid, const std::string& file, const StoredTensor& tensor);

}  // namespace taugate
