#include "taugate/interchange/import_torch.h"

#include <algorithm>
#include <map>

#include "core/natural_order.h"

namespace taugate {
namespace {

/// A layer's tensors by the part that they play.
using Parts = std::map<std::string, const StoredTensor*>;

/// A matrix whose sizes fit an int; Error naming the tensor otherwise.
std::pair<int, int> matrix_shape(const StoredTensor& t, const std::string& file) {
  require(t.shape.size() == 2 && t.shape[0] >= 1 && t.shape[1] >= 1 && t.shape[0] <= 1 << 16 &&
              t.shape[1] <= 1 << 16,
          file, ": tensor '", t.name, "': found shape ", shape_text(t.shape), ", wanted a matrix");
  return {static_cast<int>(t.shape[0]), static_cast<int>(t.shape[1])};
}

/// A bias of so many values, or zeros where there is none.
std::vector<float> bias_or_zeros(const Parts& parts, const std::string& part, int size,
                                 const std::string& file, WeightGrid grid) {
  const auto it = parts.find(part);
  if (it == parts.end()) return std::vector<float>(static_cast<std::size_t>(size));
  const StoredTensor& t = *it->second;
  require(t.shape == std::vector<std::size_t>{static_cast<std::size_t>(size)}, file, ": tensor '",
          t.name, "': found shape ", shape_text(t.shape), ", wanted [", size, "]");
  return weights_on(grid, file, t);
}

const StoredTensor& part_of(const Parts& parts, const std::string& layer, const std::string& part,
                            const std::string& file) {
  const auto it = parts.find(part);
  require(it != parts.end(), file, ": GRU '", layer, "' has no ", part);
  return *it->second;
}

struct TensorName {
  std::string layer;  ///< "encoder.l1" of encoder.weight_ih_l1, "encoder.0" of encoder.0.weight_ih
  std::string part;   ///< "weight_ih", "bias", ...; the whole last word where it is none of ours
  bool reverse = false;
};
TensorName parse(const std::string& tensor) {
  const std::size_t dot = tensor.rfind('.');
  TensorName name{dot == std::string::npos ? "" : tensor.substr(0, dot),
                  dot == std::string::npos ? tensor : tensor.substr(dot + 1)};
  for (const std::string part : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}) {
    if (!name.part.starts_with(part + "_l")) continue;
    std::string number = name.part.substr(part.size() + 2);
    name.reverse = number.ends_with("_reverse");
    if (name.reverse) number.resize(number.size() - std::string("_reverse").size());
    if (number.empty() || number.find_first_not_of("0123456789") != std::string::npos) break;
    name.layer += (name.layer.empty() ? "l" : ".l") + number;
    name.part = part;
    break;
  }
  return name;
}

ImportedGru gru_of(const std::string& name, const Parts& parts, const std::string& file,
                   WeightGrid grid) {
  const StoredTensor& recurrent = part_of(parts, name, "weight_hh", file);
  // A decoder that reads zeros needs no input weights, and ours has none.
  const auto input = parts.find("weight_ih");
  const bool reads = input != parts.end();
  const auto [rows, hidden] = matrix_shape(recurrent, file);
  const auto [input_rows, inputs] = reads ? matrix_shape(*input->second, file) : std::pair{rows, 0};
  require(rows == 3 * hidden && input_rows == rows, file, ": layer '", name,
          "': found weights of shapes ", reads ? shape_text(input->second->shape) : "none", " and ",
          shape_text(recurrent.shape), ", wanted a GRU's [3H][I] and [3H][H]",
          rows == 4 * hidden ? " (4H are an LSTM's)" : "");
  ImportedGru gru;
  gru.name = name;
  gru.inputs = inputs;
  gru.hidden = hidden;
  // nn.GRU has both biases or none; a single one is that of the older form, under our own names.
  const bool one_bias =
      !parts.contains("bias_hh") && (parts.contains("bias_ih") || grid != WeightGrid::any);
  gru.form = one_bias ? GruForm::reset_before : GruForm::reset_after;
  if (reads) gru.weight_ih = weights_on(grid, file, *input->second);
  gru.weight_hh = weights_on(grid, file, recurrent);
  gru.bias_ih = bias_or_zeros(parts, "bias_ih", rows, file, grid);
  gru.bias_hh = bias_or_zeros(parts, "bias_hh", rows, file, grid);
  return gru;
}

ImportedLinear linear_of(const std::string& name, const Parts& parts, const std::string& file,
                         WeightGrid grid) {
  require(parts.contains("weight"), file, ": layer '", name, "' has a bias, but no weight");
  const StoredTensor& weight = *parts.at("weight");
  const auto [outputs, inputs] = matrix_shape(weight, file);
  return {name,
          inputs,
          outputs,
          weights_on(grid, file, weight),
          bias_or_zeros(parts, "bias", outputs, file, grid),
          {}};
}

}  // namespace

ImportedNetwork torch_network(const Safetensors& content, const std::string& file,
                              WeightGrid grid) {
  std::map<std::string, Parts> grus, linears;
  for (const StoredTensor& t : content.tensors) {
    const TensorName name = parse(t.name);
    require(!name.reverse, file, ": tensor '", t.name,
            "' is of a bidirectional GRU; wanted one direction");
    const bool recurrent = name.part == "weight_ih" || name.part == "weight_hh" ||
                           name.part == "bias_ih" || name.part == "bias_hh";
    require(recurrent || name.part == "weight" || name.part == "bias", file, ": found tensor '",
            t.name, "', wanted those of GRU and dense layers");
    (recurrent ? grus : linears)[name.layer][name.part] = &t;
  }
  ImportedNetwork network;
  network.file = file;
  for (const auto& [name, parts] : grus) network.grus.push_back(gru_of(name, parts, file, grid));
  for (const auto& [name, parts] : linears)
    network.linears.push_back(linear_of(name, parts, file, grid));
  const auto by_name = [](const auto& a, const auto& b) { return natural_less(a.name, b.name); };
  std::sort(network.grus.begin(), network.grus.end(), by_name);
  std::sort(network.linears.begin(), network.linears.end(), by_name);
  return network;
}

}  // namespace taugate
