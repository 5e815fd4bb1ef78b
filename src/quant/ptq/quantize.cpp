#include "taugate/quant/ptq/quantize.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "quant/ptq/weight_rows.h"
#include "taugate/core/error.h"

namespace taugate {
namespace {

std::vector<double> scales_of(const std::vector<WeightRow>& rows, const QuantizeOptions& options) {
  std::vector<double> scales(rows.size());
  find_scales(rows, options, scales);
  return scales;
}

void check_scales(const std::string& name, const std::vector<double>& scales, std::size_t rows) {
  require(scales.size() == rows, "[quantize] ", name, ": found ", scales.size(), " scales, wanted ",
          rows);
  for (double scale : scales)
    require(std::isfinite(scale) && scale > 0.0, "[quantize] ", name, ": found a scale of ", scale,
            ", wanted a positive number");
}

IntegerLayer quantize_layer(const LayerWeights& layer, const std::vector<WeightRow>& rows,
                            const std::vector<double>& scales, const Widths& w, GruForm form) {
  const int H = layer.recurrent.cols;
  IntegerLayer out;
  out.inputs = layer.input.cols;
  out.hidden = H;
  out.input = {3 * H, out.inputs, {}};
  out.recurrent = {3 * H, H, {}};
  for (int i = 0; i < 3 * H; ++i) {
    const bool own_scale = form == GruForm::reset_after && i >= 2 * H;
    const double scale = scales[static_cast<std::size_t>(i)];
    const double recurrent_scale = own_scale ? scales[static_cast<std::size_t>(i + H)] : scale;
    for (int k = 0; k < out.inputs; ++k)
      out.input.weights.push_back(integer_weight(layer.input.at(i, k), scale, w.weight_bits));
    for (int k = 0; k < H; ++k)
      out.recurrent.weights.push_back(
          integer_weight(layer.recurrent.at(i, k), recurrent_scale, w.weight_bits));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& biases = i < static_cast<std::size_t>(3 * H) ? out.bias : out.recurrent_bias;
    biases.push_back(integer_bias(rows[i], scales[i]));
    out.requantizers.push_back(requantizer_of(rows[i], scales[i]));
  }
  return out;
}

IntegerHead quantize_head(const std::string& name, const std::vector<WeightRow>& rows,
                          const std::vector<double>& scales, const Widths& widths) {
  check_scales(name, scales, rows.size());
  IntegerHead out;
  out.weights.rows = static_cast<int>(rows.size());
  for (std::size_t c = 0; c < rows.size(); ++c) {
    out.weights.cols = rows[c].fan_in;
    for (int k = 0; k < rows[c].fan_in; ++k)
      out.weights.weights.push_back(
          integer_weight(rows[c].recurrent[k], scales[c], widths.weight_bits));
    out.bias.push_back(integer_bias(rows[c], scales[c]));
    out.requantizers.push_back(requantizer_of(rows[c], scales[c]));
  }
  return out;
}

}  // namespace

Widths with_ranges(Widths widths, const Ranges& ranges) {
  const auto fraction = [](const char* what, double range, int bits) {
    if (!(range > 0.0 && std::isfinite(range)))
      fail_usage("[quantize] found a range of ", range, " for ", what, ", wanted more than 0");
    return bits - 1 - static_cast<int>(std::ceil(std::log2(range)));
  };
  widths.gate_preact_frac_bits =
      fraction("pre-activations of gates", ranges.gate_preact, widths.preact_bits);
  widths.candidate_preact_frac_bits =
      fraction("pre-activations of the candidate", ranges.candidate_preact, widths.preact_bits);
  widths.output_frac_bits = fraction("outputs", ranges.output, widths.output_bits);
  return widths;
}

WeightScales weight_scales(const Model& model, const QuantizeOptions& options) {
  const Network& network = model.description();
  options.widths.validate(network.form(), network.activation());
  if (options.multiplier_bits < 0 || options.multiplier_bits > 16)
    fail_usage("[quantize] multiplier_bits: found ", options.multiplier_bits, ", wanted 0..16");
  WeightScales scales;
  for (std::size_t k = 0; k < network.layers.size(); ++k)
    scales.layers.push_back(scales_of(layer_rows(model, k, options.widths), options));
  scales.head = scales_of(head_rows(model, options.widths), options);
  if (model.encoder_head())
    scales.encoder_head = scales_of(encoder_head_rows(model, options.widths), options);
  return scales;
}

IntegerModel quantize(const Model& model, const Widths& widths, const WeightScales& scales) {
  const Network& network = model.description();
  widths.validate(network.form(), network.activation());
  IntegerModel out;
  out.description = network;
  out.widths = widths;
  require(scales.layers.size() == network.layers.size(), "[quantize] found scales for ",
          scales.layers.size(), " layers, wanted ", network.layers.size());
  for (std::size_t k = 0; k < network.layers.size(); ++k) {
    const std::vector<WeightRow> rows = layer_rows(model, k, widths);
    check_scales(network.layers[k].name, scales.layers[k], rows.size());
    out.layers.push_back(
        quantize_layer(layer_weights(model, k), rows, scales.layers[k], widths, network.form()));
  }
  IntegerHead head =
      quantize_head(network.head.name, head_rows(model, widths), scales.head, widths);
  out.head = std::move(head.weights);
  out.head_bias = std::move(head.bias);
  out.head_requantizers = std::move(head.requantizers);
  out.encoder_head =
      quantize_head(kEncoderHead, encoder_head_rows(model, widths), scales.encoder_head, widths);
  out.validate();
  return out;
}

IntegerModel quantize(const Model& model, const QuantizeOptions& options) {
  return quantize(model, options.widths, weight_scales(model, options));
}

}  // namespace taugate
