#pragma once
// Weights of Keras and QKeras.

#include <filesystem>
#include <string>

#include "taugate/core/safetensors.h"
#include "taugate/interchange/import_network.h"

namespace taugate {

/// Keras or QKeras: a saved model or weights as .h5 (Keras 1 to 3), .weights.h5 (Keras 3 and late
/// 2), or a .keras archive. Kernels are transposed and their gates z, r, h put in order. Error for
/// layers of other kinds, and for a saved model whose configuration has GRUs of two directions.
ImportedNetwork keras_network(const std::filesystem::path& path, WeightGrid grid = WeightGrid::any);
/// The same arrays in a safetensors file: LAYER/kernel, LAYER/recurrent_kernel, LAYER/bias, with a
/// slash, a dot or an underscore between.
ImportedNetwork keras_network(const Safetensors& content, const std::string& file,
                              WeightGrid grid = WeightGrid::any);

}  // namespace taugate
