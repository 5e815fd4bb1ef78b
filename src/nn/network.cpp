#include "taugate/nn/network.h"

#include <algorithm>

#include "taugate/core/error.h"

namespace taugate {
namespace {

constexpr std::size_t kMostLayersOfASide = Network::kMostLayers / 2;

void check_hidden(const std::vector<int>& hidden) {
  if (hidden.empty() || hidden.size() > kMostLayersOfASide)
    fail_usage("hidden: found ", hidden.size(), " layers, wanted 1 to ", kMostLayersOfASide);
}

}  // namespace

void Network::validate() const {
  const auto in = [](int low, int value, int high) { return low <= value && value <= high; };
  if (!in(1, gates, 65536)) fail_usage("gates: found ", gates, ", wanted 1 to 65536");
  if (!in(1, head.outputs, 64)) fail_usage("outputs: found ", head.outputs, ", wanted 1 to 64");
  if (!in(0, encoder_outputs, 64))
    fail_usage("outputs of the encoder: found ", encoder_outputs, ", wanted 0 to 64");
  if (!in(1, features, 2)) fail_usage("features: found ", features, ", wanted 1 or 2");
  if (!in(1, static_cast<int>(layers.size()), kMostLayers))
    fail_usage("found a network of ", layers.size(), " layers, wanted 1 to ", kMostLayers);
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const GruSpec& layer = layers[k];
    if (!in(1, layer.units, kMostUnits))
      fail_usage("hidden: found ", layer.units, " units, wanted 1 to ", kMostUnits);
    require(layer.starts_from < static_cast<int>(k) &&
                (layer.starts_from < 0 ||
                 layers[static_cast<std::size_t>(layer.starts_from)].units == layer.units),
            "[network] layer ", k, " ('", layer.name,
            "'): wanted an earlier layer of the same size to start from");
    require(k > 0 || layer.reads != GruSpec::Reads::below, "[network] layer 0 ('", layer.name,
            "'): found one that reads the layer below, wanted the trace or zeros");
  }
  require(
      encoder_outputs == 0 || state_layers().back() + 1 == encoder_layers(),
      "[network] found a second head, and no decoder that starts from the encoder's last layer, "
      "whose final state it reads");
}

int Network::inputs(std::size_t layer) const {
  switch (layers[layer].reads) {
    case GruSpec::Reads::trace:
      return features;
    case GruSpec::Reads::zeros:
      return 0;
    case GruSpec::Reads::below:
      break;
  }
  return layers[layer - 1].units;
}

std::size_t Network::output_steps() const {
  return head.at == HeadSpec::At::every_step ? static_cast<std::size_t>(gates) : 1;
}

std::vector<std::size_t> Network::state_layers() const {
  std::vector<std::size_t> states;
  for (const GruSpec& layer : layers)
    if (layer.starts_from >= 0) states.push_back(static_cast<std::size_t>(layer.starts_from));
  if (states.empty()) states.push_back(layers.size() - 1);
  return states;
}

std::size_t Network::state_units() const {
  std::size_t units = 0;
  for (const std::size_t k : state_layers()) units += static_cast<std::size_t>(layers[k].units);
  return units;
}

int Network::widest() const {
  int units = 1;
  for (const GruSpec& layer : layers) units = std::max(units, layer.units);
  return units;
}

std::size_t Network::encoder_layers() const {
  std::size_t count = 0;
  while (count < layers.size() && layers[count].reads != GruSpec::Reads::zeros) ++count;
  return count;
}

GruForm Network::form() const {
  for (const GruSpec& layer : layers)
    require(layer.form == layers[0].form, "[network] layer '", layer.name, "' is ",
            name_of(layer.form), ", those before it are not; wanted one form");
  return layers.at(0).form;
}

Activation Network::activation() const {
  for (const GruSpec& layer : layers)
    require(layer.activation == layers[0].activation, "[network] layer '", layer.name, "' has ",
            name_of(layer.activation), " activations, those before it have not; wanted one kind");
  return layers.at(0).activation;
}

GruTensors::GruTensors(const std::string& layer)
    : weight_ih(layer + ".weight_ih"),
      weight_hh(layer + ".weight_hh"),
      bias_ih(layer + ".bias_ih"),
      bias_hh(layer + ".bias_hh") {}

LinearTensors::LinearTensors(const std::string& layer)
    : weight(layer + ".weight"), bias(layer + ".bias") {}

Network encoder_network(const Seq2SeqConfig& config) {
  check_hidden(config.hidden);
  Network network{config.gates, {}, {.outputs = config.outputs, .at = HeadSpec::At::last_step}};
  for (std::size_t k = 0; k < config.hidden.size(); ++k)
    network.layers.push_back({concat("encoder.", k), config.hidden[k],
                              k == 0 ? GruSpec::Reads::trace : GruSpec::Reads::below, -1,
                              config.form, config.activation});
  network.validate();
  return network;
}

Network seq2seq(const Seq2SeqConfig& config) {
  Network network = encoder_network(config);
  for (std::size_t k = 0; k < config.hidden.size(); ++k) {
    GruSpec layer = network.layers[k];
    layer.name = concat("decoder.", k);
    layer.starts_from = static_cast<int>(k);
    if (k == 0) layer.reads = GruSpec::Reads::zeros;
    network.layers.push_back(layer);
  }
  network.head.at = HeadSpec::At::every_step;
  network.encoder_outputs = config.encoder_outputs;
  network.validate();
  return network;
}

Seq2SeqConfig seq2seq_config(const Network& network) {
  Seq2SeqConfig config{network.gates,  network.head.outputs, {},
                       network.form(), network.activation(), network.encoder_outputs};
  for (std::size_t k = 0; k < network.encoder_layers(); ++k)
    config.hidden.push_back(network.layers[k].units);
  require(config.hidden.size() <= kMostLayersOfASide && seq2seq(config) == network,
          "[network] found one that is no Seq2Seq: an encoder, and a decoder of the same sizes fed "
          "with zeros");
  return config;
}

std::string summary_of(const Network& network) {
  std::size_t shown;
  std::string text = "GRU layers:";
  try {
    shown = seq2seq_config(network).hidden.size();
    text = "GRU layers a side:";
  } catch (const Error&) {  // another network
    shown = network.layers.size();
    if (network.head.at == HeadSpec::At::last_step) text = "GRU layers, read at the last step:";
  }
  for (std::size_t k = 0; k < shown; ++k) text += concat(' ', network.layers[k].units);
  text += " units";
  if (network.encoder_outputs > 0)
    text += concat(", ", network.encoder_outputs, " outputs of the encoder's last state");
  return text;
}

}  // namespace taugate
