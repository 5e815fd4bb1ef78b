#include "taugate/quant/integer/qkeras_file.h"

#include <algorithm>
#include <charconv>

#include "taugate/core/error.h"
#include "taugate/quant/integer/weight_grid.h"

namespace taugate {
namespace {

/// The integers k of a tensor of k/128, or of k themselves.
std::vector<std::int64_t> grid_values(const StoredTensor& t, const std::string& file) {
  std::vector<std::int64_t> values;
  for (const float x : weights_on(WeightGrid::k128, file, t))
    values.push_back(static_cast<std::int64_t>(128.0f * x));
  return values;
}

const StoredTensor& wanted_tensor(const Safetensors& content, const std::string& file,
                                  const std::string& name) {
  const StoredTensor* t = content.find(name);
  require(t != nullptr, file, ": tensor '", name, "' is missing");
  return *t;
}

std::vector<std::int64_t> take(const Safetensors& content, const std::string& file,
                               const std::string& name, const std::vector<std::size_t>& shape) {
  const StoredTensor& t = wanted_tensor(content, file, name);
  require(t.shape == shape, file, ": tensor '", name, "': found shape ", shape_text(t.shape),
          ", wanted ", shape_text(shape));
  return grid_values(t, file);
}

IntegerRows take_rows(const Safetensors& content, const std::string& file, const std::string& name,
                      int rows, int cols) {
  const auto values =
      take(content, file, name, {static_cast<std::size_t>(rows), static_cast<std::size_t>(cols)});
  return {rows, cols, std::vector<std::int16_t>(values.begin(), values.end())};
}

int gates_of(const Safetensors& content, const std::string& file) {
  const auto entry = content.metadata.find("gates");
  const std::string text = entry == content.metadata.end() ? "none" : entry->second;
  int gates = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), gates);
  require(error == std::errc{} && end == text.data() + text.size(), file, ": found ", text,
          " as the metadata entry \"gates\", wanted the number of steps T, such as \"135\"");
  return gates;
}

IntegerLayer take_layer(const Safetensors& content, const std::string& file,
                        const std::string& name, int hidden, int inputs, int extra,
                        const Widths& w) {
  const GruTensors names(name);
  const auto H = static_cast<std::size_t>(hidden);
  IntegerLayer layer;
  layer.inputs = inputs;
  layer.hidden = hidden;
  const int rows = 3 * layer.hidden;
  layer.input = inputs > 0 ? take_rows(content, file, names.weight_ih, rows, inputs)
                           : IntegerRows{rows, 0, {}};
  layer.recurrent = take_rows(content, file, names.weight_hh, rows, layer.hidden);
  layer.bias = take(content, file, names.bias_ih, {3 * H});
  // Accumulators count in products of a weight's 2^-7 with their operand's unit; sums likewise.
  for (std::size_t i = 0; i < 2 * H; ++i)
    layer.bias[i] *= power_of_two(w.operand_frac_bits + extra);
  for (std::size_t i = 2 * H; i < 3 * H; ++i) layer.bias[i] *= power_of_two(w.product_frac_bits);
  layer.requantizers.assign(3 * H, Requantizer{});
  // Where no input of the trace is added, sums of r and z have finer units than their accumulators.
  const auto up = static_cast<std::uint16_t>(power_of_two(w.input_extra - extra));
  std::fill_n(layer.requantizers.begin(), 2 * H, Requantizer{up, 0});
  return layer;
}

/// H of a layer, by its recurrent weights.
int units_of(const Safetensors& content, const std::string& file, const std::string& layer) {
  const StoredTensor& recurrent = wanted_tensor(content, file, GruTensors(layer).weight_hh);
  const std::size_t H = recurrent.shape.size() == 2 ? recurrent.shape[1] : 0;
  require(H >= 1 && H <= Network::kMostUnits && recurrent.shape[0] == 3 * H, file, ": tensor '",
          recurrent.name, "': found shape ", shape_text(recurrent.shape), ", wanted [3H][H]");
  return static_cast<int>(H);
}

/// The Seq2Seq that the file's tensors make.
Network network_of(const Safetensors& content, const std::string& file) {
  Seq2SeqConfig config{.gates = gates_of(content, file),
                       .hidden = {},
                       .form = GruForm::reset_before,
                       .activation = Activation::hard};
  do {
    config.hidden.push_back(units_of(content, file, concat("encoder.", config.hidden.size())));
  } while (content.find(GruTensors(concat("encoder.", config.hidden.size())).weight_hh) != nullptr);
  const StoredTensor& bias = wanted_tensor(content, file, LinearTensors("head").bias);
  require(bias.shape.size() == 1 && bias.shape[0] >= 1 && bias.shape[0] <= 4096, file, ": tensor '",
          bias.name, "': found shape ", shape_text(bias.shape), ", wanted [C]");
  config.outputs = static_cast<int>(bias.shape[0]);
  try {
    return seq2seq(config);
  } catch (const UsageError& e) {
    fail(file, ": ", e.what());
  }
}

void refuse_unknown(const Safetensors& content, const std::string& file, const Network& network) {
  const LinearTensors head(network.head.name);
  for (const StoredTensor& t : content.tensors) {
    bool known = t.name == head.weight || t.name == head.bias;
    for (const GruSpec& layer : network.layers) {
      const GruTensors names(layer.name);
      known = known || t.name == names.weight_ih || t.name == names.weight_hh ||
              t.name == names.bias_ih;
    }
    require(known, file, ": found tensor '", t.name,
            "', which the QKeras form has no place for (it has one bias, bias_ih)");
  }
}

}  // namespace

IntegerModel qkeras_model(const Safetensors& content, const std::string& file, int input_bits) {
  if (input_bits < 8 || input_bits > 16)
    fail_usage("[qkeras] input bits: found ", input_bits, ", wanted 8..16");
  IntegerModel model;
  model.widths = widths_qkeras(input_bits);
  model.description = network_of(content, file);
  refuse_unknown(content, file, model.description);
  for (std::size_t k = 0; k < model.description.layers.size(); ++k) {
    const GruSpec& layer = model.description.layers[k];
    model.layers.push_back(take_layer(content, file, layer.name, layer.units,
                                      model.description.inputs(k), model.input_extra(k),
                                      model.widths));
  }
  const LinearTensors head(model.description.head.name);
  model.head_bias = grid_values(wanted_tensor(content, file, head.bias), file);
  for (auto& b : model.head_bias) b *= power_of_two(model.widths.state_frac_bits);
  model.head =
      take_rows(content, file, head.weight, model.outputs(), model.description.layers.back().units);
  model.head_requantizers.assign(model.head_bias.size(), Requantizer{});
  return model;
}

}  // namespace taugate
