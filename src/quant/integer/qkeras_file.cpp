#include <algorithm>
#include <charconv>

#include "taugate/core/error.h"
#include "taugate/quant/integer/weight_grid.h"
#include "taugate/quant/integer/integer_model.h"

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
                        const std::string& name, int inputs, int extra, const Widths& w) {
  const StoredTensor& recurrent = wanted_tensor(content, file, name + ".weight_hh");
  const std::size_t H = recurrent.shape.size() == 2 ? recurrent.shape[1] : 0;
  require(H >= 1 && H <= 4096 && recurrent.shape[0] == 3 * H, file, ": tensor '", recurrent.name,
          "': found shape ", shape_text(recurrent.shape), ", wanted [3H][H]");
  IntegerLayer layer;
  layer.inputs = inputs;
  layer.hidden = static_cast<int>(H);
  const int rows = 3 * layer.hidden;
  layer.input = inputs > 0 ? take_rows(content, file, name + ".weight_ih", rows, inputs)
                           : IntegerRows{rows, 0, {}};
  layer.recurrent = take_rows(content, file, name + ".weight_hh", rows, layer.hidden);
  layer.bias = take(content, file, name + ".bias_ih", {3 * H});
  // Accumulators count in products of a weight's 2^-7 with their operand's unit; sums likewise.
  for (std::size_t i = 0; i < 2 * H; ++i) layer.bias[i] *= power_of_two(w.operand_frac_bits + extra);
  for (std::size_t i = 2 * H; i < 3 * H; ++i) layer.bias[i] *= power_of_two(w.product_frac_bits);
  layer.requantizers.assign(3 * H, Requantizer{});
  // Where no input of the trace is added, sums of r and z have finer units than their accumulators.
  const auto up = static_cast<std::uint16_t>(power_of_two(w.input_extra - extra));
  std::fill_n(layer.requantizers.begin(), 2 * H, Requantizer{up, 0});
  return layer;
}

void refuse_unknown(const Safetensors& content, const std::string& file, std::size_t layers) {
  for (const StoredTensor& t : content.tensors) {
    bool known = t.name == "head.weight" || t.name == "head.bias";
    for (std::size_t k = 0; k < layers; ++k)
      for (const char* side : {"encoder.", "decoder."})
        for (const char* part : {".weight_ih", ".weight_hh", ".bias_ih"})
          known = known || t.name == concat(side, k, part);
    require(known, file, ": found tensor '", t.name,
            "', which the QKeras form has no place for (it has one bias, bias_ih)");
  }
}

}  // namespace

IntegerModel qkeras_model(const Safetensors& content, const std::string& file, int input_bits) {
  if (input_bits < 8 || input_bits > 16)
    fail_usage("[qkeras] input bits: found ", input_bits, ", wanted 8..16");
  IntegerModel model;
  model.form = GruForm::reset_before;
  model.activation = Activation::hard;
  model.widths = widths_qkeras(input_bits);
  model.gates = gates_of(content, file);
  std::size_t layers = 1;
  while (content.find(concat("encoder.", layers, ".weight_hh")) != nullptr) ++layers;
  refuse_unknown(content, file, layers);
  int inputs = 1;
  for (std::size_t k = 0; k < layers; ++k) {
    const int extra = k == 0 ? model.widths.input_extra : 0;
    model.encoder.push_back(
        take_layer(content, file, concat("encoder.", k), inputs, extra, model.widths));
    inputs = model.encoder.back().hidden;
  }
  for (std::size_t k = 0; k < layers; ++k) {
    const int below = k > 0 ? model.encoder[k - 1].hidden : 0;
    model.decoder.push_back(
        take_layer(content, file, concat("decoder.", k), below, 0, model.widths));
  }
  const StoredTensor& bias = wanted_tensor(content, file, "head.bias");
  require(bias.shape.size() == 1 && bias.shape[0] >= 1 && bias.shape[0] <= 4096, file,
          ": tensor 'head.bias': found shape ", shape_text(bias.shape), ", wanted [C]");
  model.head_bias = grid_values(bias, file);
  for (auto& b : model.head_bias) b *= power_of_two(model.widths.state_frac_bits);
  model.head = take_rows(content, file, "head.weight", static_cast<int>(bias.shape[0]), inputs);
  model.head_requantizers.assign(model.head_bias.size(), Requantizer{});
  return model;
}

}  // namespace taugate
