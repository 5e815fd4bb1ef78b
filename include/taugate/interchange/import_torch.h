#pragma once
// PyTorch's weights.

#include <string>

#include "taugate/core/safetensors.h"
#include "taugate/interchange/import_network.h"

namespace taugate {

/// PyTorch's state_dict in a safetensors file. Layers are nn.GRU (P.weight_ih_l0, ...), nn.GRUCell
/// (P.weight_ih, ...) and nn.Linear (P.weight, P.bias). Error for LSTMs, plain RNNs, bidirectional
/// GRUs, and shapes that do not fit together.
ImportedNetwork torch_network(const Safetensors& content, const std::string& file,
                              WeightGrid grid = WeightGrid::any);

}  // namespace taugate
