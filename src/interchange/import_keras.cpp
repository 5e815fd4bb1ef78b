#include "taugate/interchange/import_keras.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/natural_order.h"
#include "fli/formats/hdf5.h"
#include "fli/formats/zip.h"
#include "taugate/core/file.h"

namespace taugate {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostWeights = std::size_t{1} << 26;  // of one matrix
constexpr const char* kWeightsInArchive = "model.weights.h5";

/// What a saved model tells about its layers.
struct KerasConfig {
  struct Recurrent {
    std::string activation, recurrent_activation;
    bool rounds = false;  ///< the activation is QKeras' clip(x, -1, 1) rounded to 8 bits
    std::optional<bool> reset_after;
  };
  std::vector<Recurrent> grus;               ///< of the whole model
  std::vector<std::string> gru_names;        ///< of the model's own layers, in its order
  std::map<std::string, std::string> dense;  ///< activation by name
  bool quantized = false;                    ///< has QKeras' quantizers
  std::string other_quantizer;               ///< one that is not quantized_bits(8, 0)
};

/// The name of an activation, which may be a text or an object with a name in it.
std::string activation_name(const Json& layer, const char* key) {
  const auto it = layer.find(key);
  if (it == layer.end() || it->is_null()) return {};
  if (it->is_string()) return *it;
  if (it->is_object() && it->contains("config") && (*it)["config"].is_string())
    return (*it)["config"];
  return it->dump();
}

/// Whether a QGRU's activation is quantized_tanh(8), with QKeras' hard tanh, or quantized_bits(8,
/// 0).
bool clips_to_8_bits(const Json& layer) {
  const auto it = layer.find("activation");
  if (it == layer.end()) return false;
  if (it->is_string()) {
    const std::string text = *it;
    return text == "quantized_tanh" || text.starts_with("quantized_tanh(8") ||
           text.starts_with("quantized_bits(8,0");
  }
  const std::string kind = it->is_object() ? it->value("class_name", "") : "";
  if ((kind != "quantized_tanh" && kind != "quantized_bits") || !it->contains("config"))
    return false;
  const Json& config = (*it)["config"];
  return config.value("bits", 0) == 8 && config.value("integer", 0) == 0 &&
         !config.value("use_real_tanh", false);
}

/// A QGRU's quantizers, which in the form that is known here are all of 8 bits.
void note_quantizers(const Json& layer, KerasConfig& config) {
  for (const char* key :
       {"kernel_quantizer", "recurrent_quantizer", "bias_quantizer", "state_quantizer"}) {
    const auto it = layer.find(key);
    if (it == layer.end()) continue;
    config.quantized = true;
    const Json::json_pointer bits("/config/bits"), integer("/config/integer");
    const bool known = it->is_object() && it->contains(bits) && it->contains(integer);
    if (it->is_string() || (known && (*it)[bits] == 8 && (*it)[integer] == 0)) continue;
    config.other_quantizer = concat(layer.value("name", "a GRU"), "'s ", key, " is ",
                                    known ? concat("of ", (*it)[bits].dump(), " bits, ",
                                                   (*it)[integer].dump(), " of them whole")
                                          : it->dump());
  }
}

/// Walks every layer of the configuration, also of models within models.
void collect(const Json& node, const std::string& file, KerasConfig& config) {
  if (node.is_object() && node.contains("class_name") && node.contains("config") &&
      node["class_name"].is_string() && node["config"].is_object()) {
    const std::string kind = node["class_name"];
    const Json& layer = node["config"];
    require(kind != "Bidirectional", file, ": has a Bidirectional layer, wanted one direction");
    if (kind.ends_with("GRU") || kind.ends_with("GRUCell")) {  // QGRU, too
      require(!layer.value("go_backwards", false), file,
              ": has a GRU with go_backwards, wanted one that runs forwards");
      KerasConfig::Recurrent gru{activation_name(layer, "activation"),
                                 activation_name(layer, "recurrent_activation"),
                                 clips_to_8_bits(layer),
                                 {}};
      if (layer.contains("reset_after")) gru.reset_after = layer["reset_after"].get<bool>();
      config.grus.push_back(std::move(gru));
      note_quantizers(layer, config);
    } else if (kind.ends_with("Dense")) {
      config.dense[layer.value("name", "")] = activation_name(layer, "activation");
    }
  }
  if (node.is_structured())
    for (const Json& child : node) collect(child, file, config);
}

KerasConfig parse_config(const std::string& text, const std::string& file) {
  KerasConfig config;
  if (text.empty()) return config;
  try {
    const Json json = Json::parse(text);
    collect(json, file, config);
    const Json::json_pointer layers("/config/layers");
    if (json.contains(layers))
      for (const Json& layer : json[layers])
        if (layer.value("class_name", "").ends_with("GRU"))
          config.gru_names.push_back(layer.at("config").value("name", ""));
  } catch (const Json::exception&) {
    fail(file, ": the model's configuration in it is damaged");
  }
  return config;
}

/// An array of the file.
struct Array {
  std::string path, what;  ///< `what` for messages: "dataset 'encoder/kernel'"
  std::vector<std::size_t> shape;
  std::function<std::vector<float>()> read;
};
/// The arrays of one layer by part: "kernel", "recurrent_kernel", "bias".
using Parts = std::map<std::string, Array>;

bool take_suffix(std::string& text, const std::string& suffix) {
  if (!text.ends_with(suffix)) return false;
  text.resize(text.size() - suffix.size());
  return true;
}
bool take_prefix(std::string& text, const std::string& prefix) {
  if (!text.starts_with(prefix)) return false;
  text.erase(0, prefix.size());
  return true;
}

/// Layers by the group that holds their weights. What no layer of a network owns is left out.
std::map<std::string, Parts> layer_groups(const Hdf5File& file, WeightGrid grid) {
  std::map<std::string, Parts> groups;
  for (const Hdf5Dataset& dataset : file.datasets()) {
    if (dataset.path.starts_with("optimizer") || !dataset.numeric ||
        dataset.path.find("seed_generator") != std::string::npos)
      continue;
    const std::size_t slash = dataset.path.rfind('/');
    std::string part = dataset.path.substr(slash == std::string::npos ? 0 : slash + 1);
    take_suffix(part, ":0");
    const std::string what = concat("dataset '", dataset.path, "'");
    groups[slash == std::string::npos ? "" : dataset.path.substr(0, slash)][part] = {
        dataset.path, what, dataset.shape, [&file, dataset, what, grid] {
          return weights_on(grid, concat(file.name(), ": ", what), dataset.dtype,
                            [&] { return file.values<float>(dataset.path, kMostWeights); });
        }};
  }
  return groups;
}

/// The same of LAYER/kernel:0, LAYER.kernel, LAYER_kernel ... in safetensors.
std::map<std::string, Parts> layer_groups(const Safetensors& content, const std::string& file,
                                          WeightGrid grid) {
  std::map<std::string, Parts> groups;
  for (const StoredTensor& t : content.tensors) {
    std::string group = t.name, part;
    take_suffix(group, ":0");
    for (const char* known : {"recurrent_kernel", "kernel", "bias"})
      if (part.empty() && take_suffix(group, known)) part = known;
    require(!part.empty(), file, ": found tensor '", t.name,
            "' beside a Keras GRU's recurrent_kernel, wanted kernel, recurrent_kernel and bias of "
            "each layer");
    while (!group.empty() && std::string("/._").find(group.back()) != std::string::npos)
      group.pop_back();
    std::replace(group.begin(), group.end(), '.', '/');
    groups[group][part] = {t.name, concat("tensor '", t.name, "'"), t.shape,
                           [&t, file, grid] { return weights_on(grid, file, t); }};
  }
  return groups;
}

/// Keras 3 numbers a layer's weights in the order in which the layer made them.
Parts named_parts(const Parts& parts) {
  if (!parts.contains("0")) return parts;
  const bool recurrent = parts.contains("1") && parts.at("1").shape.size() == 2;
  const std::vector<std::string> names =
      recurrent ? std::vector<std::string>{"kernel", "recurrent_kernel", "bias"}
                : std::vector<std::string>{"kernel", "bias"};
  Parts named;
  for (const auto& [number, array] : parts) {
    std::size_t i = 0;
    const char* const end = number.data() + number.size();
    const bool known = std::from_chars(number.data(), end, i).ptr == end && i < names.size();
    named[known ? names[i] : number] = array;
  }
  return named;
}

/// LAYER of LAYER/LAYER/gru_cell, LAYER/gru_cell_3, MODEL/LAYER/gru_cell, LAYER/LAYER, ...
std::string layer_of_path(std::string group) {
  take_prefix(group, "model_weights/");
  std::vector<std::string> path;
  for (std::size_t at = 0; at <= group.size();) {
    const std::size_t end = std::min(group.find('/', at), group.size());
    std::string step = group.substr(at, end - at);
    if (path.empty() || path.back() != step) path.push_back(std::move(step));
    at = end + 1;
  }
  if (path.size() > 1 && path.back().find("cell") != std::string::npos) path.pop_back();
  std::string name;
  for (const std::string& step : path) name += (name.empty() ? "" : "/") + step;
  return name;
}

/// What the user calls the layer whose weights lie in `group`.
std::string layer_name(const Hdf5File& file, const KerasConfig& config, std::string group) {
  if (take_suffix(group, "/vars")) {
    take_suffix(group, "/cell");
    if (!group.starts_with("layers/")) return group;
    // Keras 3 numbers the layers of a kind here, and keeps their names beside them; Keras 2 has
    // them in the configuration alone.
    if (const auto name = file.text_attribute(group + "/vars", "name")) return *name;
    take_prefix(group, "layers/");
    for (std::size_t i = 0; i < config.gru_names.size(); ++i)
      for (const std::string kind : {"gru", "qgru"})
        if (group == (i == 0 ? kind : concat(kind, '_', i))) return config.gru_names[i];
    return group;
  }
  return layer_of_path(group);
}

/// [columns of z | r | h] of `rows` rows to rows r, z, n of `rows` columns.
std::vector<float> gates_in_order(const std::vector<float>& keras, int rows, int hidden) {
  std::vector<float> ours(keras.size());
  std::size_t at = 0;
  for (const int gate : {1, 0, 2})  // where r, z, n are in Keras' order
    for (int unit = 0; unit < hidden; ++unit)
      for (int row = 0; row < rows; ++row)
        ours[at++] = keras[static_cast<std::size_t>(row) * 3 * hidden +
                           static_cast<std::size_t>(gate) * hidden + unit];
  return ours;
}

class Reader {
 public:
  Reader(const std::string& file, const KerasConfig& config) : file_(file), config_(config) {}

  ImportedGru gru(const std::string& name, const Parts& parts) const {
    const auto [hidden, recurrent_columns] = matrix_shape(parts, name, "recurrent_kernel");
    const bool reads = parts.contains("kernel");  // a decoder that reads zeros needs none
    const auto [inputs, columns] =
        reads ? matrix_shape(parts, name, "kernel") : std::pair{0, recurrent_columns};
    require(columns == 3 * hidden && recurrent_columns == columns, file_, ": layer '", name,
            "': found kernels [", inputs, "][", columns, "] and [", hidden, "][", recurrent_columns,
            "], wanted a GRU's [I][3H] and [H][3H]",
            columns == 4 * hidden ? " (4H are an LSTM's)" : "");
    ImportedGru gru;
    gru.name = name;
    gru.inputs = inputs;
    gru.hidden = hidden;
    if (reads) gru.weight_ih = gates_in_order(parts.at("kernel").read(), inputs, hidden);
    gru.weight_hh = gates_in_order(parts.at("recurrent_kernel").read(), hidden, hidden);
    gru.bias_ih = gru.bias_hh = std::vector<float>(static_cast<std::size_t>(columns));
    if (parts.contains("bias"))
      read_bias(parts.at("bias"), gru);
    else if (!config_.grus.empty() && config_.grus.front().reset_after)
      gru.form = *config_.grus.front().reset_after ? GruForm::reset_after : GruForm::reset_before;
    return gru;
  }

  ImportedLinear linear(const std::string& name, const Parts& parts) const {
    const auto [inputs, outputs] = matrix_shape(parts, name, "kernel");
    ImportedLinear layer{name, inputs, outputs, {}, {}, {}};
    const std::vector<float> kernel = parts.at("kernel").read();
    for (int o = 0; o < outputs; ++o)
      for (int i = 0; i < inputs; ++i)
        layer.weight.push_back(kernel[static_cast<std::size_t>(i) * outputs + o]);
    layer.bias.resize(static_cast<std::size_t>(outputs));
    if (parts.contains("bias")) {
      const Array& bias = parts.at("bias");
      require(bias.shape == std::vector<std::size_t>{layer.bias.size()}, file_, ": ", bias.what,
              ": found shape ", shape_text(bias.shape), ", wanted [", outputs, "]");
      layer.bias = bias.read();
    }
    const auto it = config_.dense.find(name.substr(name.rfind('/') + 1));
    if (it != config_.dense.end())
      layer.activation = it->second;
    else if (config_.dense.size() == 1)  // a wrapper's name hides the layer's
      layer.activation = config_.dense.begin()->second;
    return layer;
  }

 private:
  std::pair<int, int> matrix_shape(const Parts& parts, const std::string& layer,
                                   const std::string& part) const {
    const auto it = parts.find(part);
    require(it != parts.end(), file_, ": layer '", layer, "' has no ", part);
    const auto& shape = it->second.shape;
    require(shape.size() == 2 && shape[0] >= 1 && shape[1] >= 1 && shape[0] <= 1 << 16 &&
                shape[1] <= 1 << 16,
            file_, ": ", it->second.what, ": found shape ", shape_text(shape), ", wanted a matrix");
    return {static_cast<int>(shape[0]), static_cast<int>(shape[1])};
  }

  /// reset_after has two rows of biases, for the input and for the state; reset_before has one.
  void read_bias(const Array& bias, ImportedGru& gru) const {
    const std::size_t columns = gru.bias_ih.size();
    const bool two = bias.shape == std::vector<std::size_t>{2, columns};
    require(two || bias.shape == std::vector<std::size_t>{columns}, file_, ": ", bias.what,
            ": found shape ", shape_text(bias.shape), ", wanted [2][", columns,
            "] (reset_after) or [", columns, "] (reset_before)");
    const std::vector<float> all = bias.read();
    const auto half = all.begin() + static_cast<std::ptrdiff_t>(columns);
    gru.form = two ? GruForm::reset_after : GruForm::reset_before;
    gru.bias_ih = gates_in_order({all.begin(), half}, 1, gru.hidden);
    if (two) gru.bias_hh = gates_in_order({half, all.end()}, 1, gru.hidden);
  }

  const std::string& file_;
  const KerasConfig& config_;
};

void read_activations(const KerasConfig& config, ImportedNetwork& network) {
  for (const KerasConfig::Recurrent& gru : config.grus) {
    std::optional<Activation> kind;
    if (gru.activation == "tanh" && gru.recurrent_activation == "sigmoid")
      kind = Activation::smooth;
    else if (gru.rounds && gru.recurrent_activation == "hard_sigmoid")  // QKeras' own
      kind = Activation::hard;
    if (!kind || network.activation.value_or(*kind) != *kind)
      network.unknown_activation =
          concat("the activations ", gru.recurrent_activation, " and ", gru.activation);
    network.activation = kind;
  }
  if (!network.unknown_activation.empty()) network.activation.reset();
}

/// The layers of these groups; name_of(group) is what the user calls one.
template <class NameOf>
ImportedNetwork network_of(const std::map<std::string, Parts>& groups, const KerasConfig& config,
                           const std::string& file, NameOf name_of) {
  const Reader reader(file, config);
  ImportedNetwork network;
  network.file = file;
  for (const auto& [group, raw] : groups) {
    const Parts parts = named_parts(raw);
    for (const auto& [part, array] : parts)
      require(part == "kernel" || part == "recurrent_kernel" || part == "bias", file, ": found ",
              array.what, ", wanted those of GRU and dense layers");
    const std::string layer = name_of(group);
    if (parts.contains("recurrent_kernel"))
      network.grus.push_back(reader.gru(layer, parts));
    else
      network.linears.push_back(reader.linear(layer, parts));
  }
  const auto by_name = [](const auto& a, const auto& b) { return natural_less(a.name, b.name); };
  std::sort(network.grus.begin(), network.grus.end(), by_name);
  std::sort(network.linears.begin(), network.linears.end(), by_name);
  read_activations(config, network);
  return network;
}

}  // namespace

ImportedNetwork keras_network(const std::filesystem::path& path, WeightGrid grid) {
  const std::string name = path.string();
  std::unique_ptr<Hdf5File> file;
  std::string text;
  if (read_prefix(path, 2) == "PK") {
    const ZipReader archive(path, ".keras archive");
    require(archive.has(kWeightsInArchive), name, ": a zip archive without ", kWeightsInArchive,
            ", so no .keras file (PyTorch's .pt is one, too: save its state_dict as safetensors)");
    file = std::make_unique<Hdf5File>(archive.read(kWeightsInArchive, kLargestFile), name);
    if (archive.has("config.json")) text = archive.read("config.json", 1 << 26);
  } else {
    file = std::make_unique<Hdf5File>(path);
    text = file->text_attribute("", "model_config").value_or("");
  }
  const KerasConfig config = parse_config(text, name);
  require(!config.quantized || grid != WeightGrid::any, name,
          ": its GRUs are QKeras': say so (--form qkeras)");
  require(config.other_quantizer.empty() || grid == WeightGrid::any, name, ": ",
          config.other_quantizer, ", wanted quantized_bits(8, 0)");
  return network_of(layer_groups(*file, grid), config, name,
                    [&](const std::string& group) { return layer_name(*file, config, group); });
}

ImportedNetwork keras_network(const Safetensors& content, const std::string& file,
                              WeightGrid grid) {
  return network_of(layer_groups(content, file, grid), {}, file, layer_of_path);
}

}  // namespace taugate
