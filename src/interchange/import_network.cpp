#include "taugate/interchange/import_network.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "fli/formats/hdf5.h"
#include "taugate/core/file.h"
#include "taugate/interchange/import_keras.h"
#include "taugate/interchange/import_torch.h"

namespace taugate {
namespace {

template <class Layer>
std::string names_of(const std::vector<Layer>& layers) {
  std::string text;
  for (const auto& layer : layers) text += (text.empty() ? "" : ", ") + layer.name;
  return text.empty() ? "none" : text;
}

/// Whether the name holds the (lower-case) part, in any case.
bool holds(std::string name, const std::string& part) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name.find(part) != std::string::npos;
}

template <class Layer>
const Layer& layer_named(const std::vector<Layer>& layers, const std::string& name,
                         const std::string& file) {
  for (const Layer& layer : layers)
    if (layer.name == name) return layer;
  fail_usage(file, ": found no layer '", name,
             "'; its layers of that kind are: ", names_of(layers));
}

using Side = std::vector<const ImportedGru*>;

/// The layers of one side by their names, or by a part that the names hold.
Side side_of(const ImportedNetwork& network, const std::vector<std::string>& names,
             const std::string& part) {
  Side side;
  for (const std::string& name : names)
    side.push_back(&layer_named(network.grus, name, network.file));
  if (!names.empty()) return side;
  for (const ImportedGru& gru : network.grus)
    if (holds(gru.name, part)) side.push_back(&gru);
  return side;
}

/// Whether only the numbers at their ends tell the names apart: gru and gru_1.
bool numbered_alike(const std::string& a, const std::string& b) {
  const auto stem = [](const std::string& name) {
    return name.substr(0, name.find_last_not_of("0123456789_") + 1);
  };
  return stem(a) == stem(b);
}

/// Encoder and decoder.
std::pair<Side, Side> sides_of(const ImportedNetwork& network, const LayerMapping& layer_mapping) {
  Side encoder = side_of(network, layer_mapping.encoder, "enc"),
       decoder = side_of(network, layer_mapping.decoder, "dec");
  if (encoder.empty() && decoder.empty() && network.grus.size() == 2) {
    const ImportedGru &a = network.grus[0], &b = network.grus[1];
    const bool second_reads_one = b.inputs == 1 && a.inputs != 1;
    if (second_reads_one || a.inputs != b.inputs || numbered_alike(a.name, b.name)) {
      encoder = {second_reads_one ? &b : &a};
      decoder = {second_reads_one ? &a : &b};
    }
  }
  require(!encoder.empty() && encoder.size() == decoder.size(), network.file, ": found ",
          encoder.size(), " encoder and ", decoder.size(),
          " decoder layers by name, wanted as many of both; name them (--encoder, --decoder) out "
          "of: ",
          names_of(network.grus));
  return {encoder, decoder};
}

/// Each layer reads the one below. What a decoder's first layer reads is not looked at.
void check_side(const Side& side, bool first_reads_one, const std::string& file) {
  for (std::size_t k = 0; k < side.size(); ++k) {
    if (k == 0 && !first_reads_one) continue;
    const int wanted = k == 0 ? 1 : side[k - 1]->hidden;
    require(side[k]->inputs == wanted, file, ": layer '", side[k]->name, "' reads ",
            side[k]->inputs, " values a step", side[k]->inputs ? "" : " (it has no input weights)",
            ", wanted ", wanted,
            k == 0 ? ", a trace's counts" : concat(", what '", side[k - 1]->name, "' makes"));
  }
}

GruForm form_of(const ImportedNetwork& network, const Side& layers, std::optional<GruForm> given) {
  std::optional<GruForm> form;
  for (const ImportedGru* gru : layers) {
    if (!gru->form) continue;
    require(!form || *form == *gru->form, network.file, ": layer '", gru->name, "' is ",
            name_of(*gru->form), ", those before it are not; wanted one form");
    form = gru->form;
  }
  if (form && given && *form != *given)
    fail_usage(network.file, ": its layers are ", name_of(*form), ", found the wish for ",
               name_of(*given));
  require(form || given, network.file,
          ": does not tell whether its GRUs are reset_after or reset_before; say it (--form)");
  return form ? *form : *given;
}

Activation activation_of(const ImportedNetwork& network, std::optional<Activation> given) {
  require(
      network.unknown_activation.empty() || given, network.file, ": its GRUs have ",
      network.unknown_activation,
      ", wanted sigmoid and tanh, or QKeras' hard_sigmoid and quantized_tanh(8); where they are "
      "one of the kinds here under another name, say which (--activation)");
  if (network.activation && given && *network.activation != *given)
    fail_usage(network.file, ": its activations are ", name_of(*network.activation),
               ", found the wish for ", name_of(*given));
  return network.activation.value_or(given.value_or(Activation::smooth));
}

const ImportedLinear& head_of(const ImportedNetwork& network,
                              const std::optional<std::string>& name, int inputs) {
  require(name || network.linears.size() == 1, network.file, ": found ", network.linears.size(),
          " dense layers, wanted one; name the head (--head) out of: ", names_of(network.linears));
  const ImportedLinear& head =
      name ? layer_named(network.linears, *name, network.file) : network.linears.front();
  require(head.inputs == inputs, network.file, ": head '", head.name, "' reads ", head.inputs,
          " values, wanted ", inputs, ", what the decoder makes");
  require(head.activation.empty() || head.activation == "linear", network.file, ": head '",
          head.name, "' has the activation ", head.activation, ", wanted linear");
  return head;
}

/// Copies into a parameter. Error for a value that is not finite.
void put(Parameters& parameters, const ParameterRef& at, const std::vector<float>& values,
         const std::string& layer, const std::string& file) {
  for (float v : values)
    require(std::isfinite(v), file, ": layer '", layer, "' has a value that is not finite");
  std::copy(values.begin(), values.end(), parameters.data() + at.offset);
}

}  // namespace

ImportedNetwork read_network(const std::filesystem::path& path, WeightGrid grid) {
  const std::string start = read_prefix(path, 16), file = path.string();
  if (looks_like_hdf5(start) || start.starts_with("PK")) return keras_network(path, grid);
  require(start.size() > 8 && start[8] == '{', file,
          ": found neither safetensors nor HDF5 nor a .keras archive");
  const Safetensors content = read_safetensors(path);
  const bool keras = std::any_of(content.tensors.begin(), content.tensors.end(), [](const auto& t) {
    return t.name.find("recurrent_kernel") != std::string::npos;
  });
  ImportedNetwork network =
      keras ? keras_network(content, file, grid) : torch_network(content, file, grid);
  if (const auto it = content.metadata.find("gates"); it != content.metadata.end())
    network.gates = it->second;
  return network;
}

ImportedModel map_layers(const ImportedNetwork& network, const LayerMapping& layer_mapping) {
  const auto [encoder, decoder] = sides_of(network, layer_mapping);
  check_side(encoder, true, network.file);
  check_side(decoder, false, network.file);
  Seq2SeqConfig config;
  config.gates = layer_mapping.gates;
  for (std::size_t k = 0; k < encoder.size(); ++k) {
    config.hidden.push_back(encoder[k]->hidden);
    require(decoder[k]->hidden == encoder[k]->hidden, network.file, ": decoder layer '",
            decoder[k]->name, "' has ", decoder[k]->hidden, " units, wanted the ",
            encoder[k]->hidden, " of '", encoder[k]->name, "', whose last state it starts from");
  }
  Side all = encoder;
  all.insert(all.end(), decoder.begin(), decoder.end());
  config.form = form_of(network, all, layer_mapping.form);
  config.activation = activation_of(network, layer_mapping.activation);
  const ImportedLinear& head = head_of(network, layer_mapping.head, config.hidden.back());
  config.outputs = head.outputs;
  const int fed = decoder.front()->inputs;
  require(fed <= 1 || fed == config.outputs || layer_mapping.zero_fed, network.file, ": layer '",
          decoder.front()->name, "' reads ", fed,
          " values a step, where this decoder reads zeros; say so if it did (--zero-fed)");

  require(!network.gates || *network.gates == std::to_string(config.gates), network.file,
          ": its entry \"gates\" is ", network.gates.value_or(""), ", found the wish for ",
          config.gates);
  ImportedModel imported{Model(config), {}, {}, head.name, fed};
  Parameters& parameters = imported.model.parameters();
  for (std::size_t k = 0; k < all.size(); ++k) {
    const GruParameters& at = imported.model.layers()[k].parameters();
    const ImportedGru& gru = *all[k];
    if (at.input.rows > 0) put(parameters, at.input, gru.weight_ih, gru.name, network.file);
    put(parameters, at.recurrent, gru.weight_hh, gru.name, network.file);
    put(parameters, at.input_bias, gru.bias_ih, gru.name, network.file);
    if (at.recurrent_bias.rows > 0)
      put(parameters, at.recurrent_bias, gru.bias_hh, gru.name, network.file);
  }
  put(parameters, imported.model.head().weight(), head.weight, head.name, network.file);
  put(parameters, imported.model.head().bias(), head.bias, head.name, network.file);
  for (const ImportedGru* gru : encoder) imported.encoder.push_back(gru->name);
  for (const ImportedGru* gru : decoder) imported.decoder.push_back(gru->name);
  return imported;
}

}  // namespace taugate
