#pragma once
// GRU weights that another framework has trained: read from its files, put into the order of this
// house, and arranged as a Seq2Seq. docs/interchange.md tells the conventions apart.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "taugate/core/safetensors.h"
#include "taugate/nn/model.h"
#include "taugate/quant/integer/weight_grid.h"

namespace taugate {

/// One GRU layer in the order of this house: rows of gates r, z, n.
struct ImportedGru {
  std::string name;
  int inputs = 0, hidden = 0;    ///< inputs = 0: without input weights
  std::optional<GruForm> form;   ///< nothing where the file does not tell
  std::vector<float> weight_ih;  ///< [3H][I]
  std::vector<float> weight_hh;  ///< [3H][H]
  std::vector<float> bias_ih;    ///< [3H]; zero where the layer has none
  std::vector<float> bias_hh;    ///< [3H]; zero where the layer has none, or only one
};

/// One dense layer.
struct ImportedLinear {
  std::string name;
  int inputs = 0, outputs = 0;
  std::vector<float> weight;  ///< [O][I]
  std::vector<float> bias;    ///< [O]; zero where the layer has none
  std::string activation;     ///< as the file names it; empty where it does not
};

/// The layers of a file, in the natural order of their names (gru_2 before gru_10).
struct ImportedNetwork {
  std::string file;
  std::vector<ImportedGru> grus;
  std::vector<ImportedLinear> linears;
  /// What the file says; files of mere weights say nothing.
  std::optional<Activation> activation;
  /// Names of activations that the file gives and nobody here knows; empty otherwise.
  std::string unknown_activation;
  /// T, where a safetensors file tells it (metadata entry "gates").
  std::optional<std::string> gates;
};

/// PyTorch's state_dict in a safetensors file. Layers are nn.GRU (P.weight_ih_l0, ...), nn.GRUCell
/// (P.weight_ih, ...) and nn.Linear (P.weight, P.bias). Error for LSTMs, plain RNNs, bidirectional
/// GRUs, and shapes that do not fit together.
ImportedNetwork torch_network(const Safetensors& content, const std::string& file,
                              WeightGrid grid = WeightGrid::any);

/// Keras or QKeras: a saved model or weights as .h5 (Keras 1 to 3), .weights.h5 (Keras 3 and late
/// 2), or a .keras archive. Kernels are transposed and their gates z, r, h put in order. Error for
/// layers of other kinds, and for a saved model whose configuration has GRUs of two directions.
ImportedNetwork keras_network(const std::filesystem::path& path, WeightGrid grid = WeightGrid::any);
/// The same arrays in a safetensors file: LAYER/kernel, LAYER/recurrent_kernel, LAYER/bias, with a
/// slash, a dot or an underscore between.
ImportedNetwork keras_network(const Safetensors& content, const std::string& file,
                              WeightGrid grid = WeightGrid::any);

/// Any of these, by the first bytes of the file and the names of its tensors. `grid`: on which
/// the weights must lie.
ImportedNetwork read_network(const std::filesystem::path& path, WeightGrid grid = WeightGrid::any);

/// What a file of weights leaves open.
struct LayerMapping {
  int gates = 0;  ///< T
  /// Names of the layers, from the input on. Where empty: the layers whose names hold "enc" and
  /// "dec"; without such names, the two GRU layers there are: the one that alone reads one value a
  /// step first, or by the numbers at the end of their names. The head: the one dense layer.
  std::vector<std::string> encoder, decoder;
  std::optional<std::string> head;
  std::optional<GruForm> form;           ///< where the file does not tell
  std::optional<Activation> activation;  ///< where the file does not tell (default: smooth)
  /// That the decoder reads zeros. Needed only where its input is as wide as neither one count nor
  /// the outputs, so that it may well have read something else, such as the encoder's state.
  bool zero_fed = false;
};

struct ImportedModel {
  Model model;
  std::vector<std::string> encoder, decoder;  ///< the layers that were taken, by name
  std::string head;
  /// Input weights [3H][I] of the decoder's first layer, which reads zeros here: dropped. I, or 0
  /// where it had none.
  int dropped_inputs = 0;
};

/// Error where the layers do not make a Seq2Seq, with their names; UsageError where the layer_mapping
/// names what is not there or contradicts the file.
ImportedModel map_layers(const ImportedNetwork& network, const LayerMapping& layer_mapping);

}  // namespace taugate
