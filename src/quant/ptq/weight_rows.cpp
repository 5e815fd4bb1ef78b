#include "quant/ptq/weight_rows.h"

#include <algorithm>
#include <cmath>

#include "taugate/core/error.h"

namespace taugate {
namespace {

/// A parameter's values.
Matrix<const float> values_of(const Model& model, const ParameterRef& at, const char* name) {
  const Matrix<const float> m{model.parameters().data() + at.offset, at.rows, at.cols};
  for (std::size_t i = 0; i < m.size(); ++i)
    require(std::isfinite(m.data[i]), "[quantize] ", name, ": value ", i, " is not finite");
  return m;
}

/// Nothing where it has no rows.
Matrix<const float> optional_values(const Model& model, const ParameterRef& at,
                                    const std::string& name) {
  return at.rows == 0 ? Matrix<const float>{} : values_of(model, at, name.c_str());
}

double scale_of(const WeightRow& row, const QuantizeOptions& options) {
  // A bias alone, as the decoder's W_n x + b_n, is kept in the pre-activation's own unit.
  if (row.inputs + row.fan_in == 0)
    return std::max(std::ldexp(1.0, row.fraction - row.preact_frac_bits),
                    least_scale(row, options.widths));
  const int bits = options.widths.weight_bits;
  const double most = row.largest_weight();
  const double scale = options.scale == WeightScale::paper
                           ? most / static_cast<double>(power_of_two(bits) - 1)
                           : most / static_cast<double>(power_of_two(bits - 1) - 1);
  return std::max(scale, least_scale(row, options.widths));
}

/// A requantizer is the scale times a power of two: rounds the scale up to a short mantissa.
double with_short_multiplier(double scale, const QuantizeOptions& options) {
  if (options.multiplier_bits == 0 || options.scale == WeightScale::paper) return scale;
  int exponent = 0;
  const double mantissa = std::frexp(scale, &exponent);
  const double units = std::ceil(std::ldexp(mantissa, options.multiplier_bits));
  return std::ldexp(units, exponent - options.multiplier_bits);
}

}  // namespace

double WeightRow::largest_weight() const {
  double most = 0.0;
  for (int k = 0; k < inputs; ++k) most = std::max(most, std::abs(double{input[k]}));
  for (int k = 0; k < fan_in; ++k) most = std::max(most, std::abs(double{recurrent[k]}));
  return most;
}

WeightRow LayerWeights::row(int i, GruForm form, const Widths& w) const {
  const int H = hidden();
  const bool after = form == GruForm::reset_after;
  if (i >= 3 * H)
    return {.recurrent = recurrent.row(i - H),
            .fan_in = H,
            .bias = recurrent_bias[i - H],
            .fraction = w.operand_frac_bits,
            .preact_frac_bits = w.candidate_preact_frac_bits};
  const bool candidate = i >= 2 * H;
  WeightRow row;
  row.fraction = candidate && !after ? w.product_frac_bits : w.operand_frac_bits;
  row.preact_frac_bits = candidate ? w.candidate_preact_frac_bits : w.gate_preact_frac_bits;
  if (!input.empty()) row.input = input.row(i);
  row.inputs = input.cols;
  row.bias = bias[i];
  if (!candidate || !after) {
    row.recurrent = recurrent.row(i);
    row.fan_in = H;
  }
  if (!candidate && after) row.bias += recurrent_bias[i];
  return row;
}

LayerWeights layer_weights(const Model& model, std::size_t k) {
  const GruParameters& at = model.layers()[k].parameters();
  const GruTensors names(model.description().layers[k].name);
  return {optional_values(model, at.input, names.weight_ih),
          values_of(model, at.recurrent, names.weight_hh.c_str()),
          values_of(model, at.input_bias, names.bias_ih.c_str()).data,
          optional_values(model, at.recurrent_bias, names.bias_hh).data};
}

std::vector<WeightRow> layer_rows(const Model& model, std::size_t k, const Widths& w) {
  if (w.input_extra > 0)
    fail_usage("[quantize] input_extra: found ", w.input_extra,
               ", wanted 0: only imported "
               "models read traces finer than their state");
  const LayerWeights layer = layer_weights(model, k);
  const GruForm form = model.description().form();
  std::vector<WeightRow> rows;
  for (int i = 0; i < layer.row_count(form); ++i) rows.push_back(layer.row(i, form, w));
  return rows;
}

WeightRow head_row(Matrix<const float> weights, const float* bias, int c, const Widths& w) {
  return {.recurrent = weights.row(c),
          .fan_in = weights.cols,
          .bias = bias[c],
          .fraction = w.head_reads_state ? w.state_frac_bits : w.operand_frac_bits,
          .preact_frac_bits = w.output_frac_bits};
}

double least_scale(const WeightRow& row, const Widths& widths) {
  // The bias, in units of the accumulator, keeps to an eighth of its range. And a weight's rounding
  // need not change a sum by less than 2^-6 of its unit: smaller units would only make wide
  // accumulators.
  const int bias_bits = widths.accumulator_bits - 4;
  return std::max(std::ldexp(std::abs(row.bias), row.fraction - bias_bits),
                  std::ldexp(1.0, -row.preact_frac_bits - 5));
}

namespace {

std::vector<WeightRow> linear_rows(const Model& model, const Linear& layer, const std::string& name,
                                   const Widths& w) {
  const LinearTensors names(name);
  const Matrix<const float> weights = values_of(model, layer.weight(), names.weight.c_str());
  const float* bias = values_of(model, layer.bias(), names.bias.c_str()).data;
  std::vector<WeightRow> rows;
  for (int c = 0; c < weights.rows; ++c) rows.push_back(head_row(weights, bias, c, w));
  return rows;
}

}  // namespace

std::vector<WeightRow> head_rows(const Model& model, const Widths& w) {
  return linear_rows(model, model.head(), model.description().head.name, w);
}

std::vector<WeightRow> encoder_head_rows(const Model& model, const Widths& w) {
  if (!model.encoder_head()) return {};
  return linear_rows(model, *model.encoder_head(), kEncoderHead, reading_operands(w));
}

Widths reading_operands(Widths widths) {
  widths.head_reads_state = false;
  return widths;
}

void find_scales(std::span<const WeightRow> rows, const QuantizeOptions& options,
                 std::span<double> scales) {
  if (options.scale == WeightScale::fixed_grid) {
    std::fill(scales.begin(), scales.end(), std::ldexp(1.0, 1 - options.widths.weight_bits));
    return;
  }
  for (std::size_t i = 0; i < rows.size(); ++i) scales[i] = scale_of(rows[i], options);
  if (!options.per_row)
    std::fill(scales.begin(), scales.end(), *std::max_element(scales.begin(), scales.end()));
  if (options.powers_of_two)
    for (double& scale : scales) scale = std::exp2(std::ceil(std::log2(scale)));
  for (double& scale : scales) scale = with_short_multiplier(scale, options);
}

void learned_scales(std::span<const WeightRow> rows, const float* log2_scales, bool per_row,
                    const QuantizeOptions& options, std::span<double> scales) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double exponent = log2_scales[per_row ? i : 0];
    scales[i] = std::max(std::exp2(exponent), least_scale(rows[i], options.widths));
  }
  if (!per_row)
    std::fill(scales.begin(), scales.end(), *std::max_element(scales.begin(), scales.end()));
  if (options.powers_of_two)
    for (double& scale : scales) scale = std::exp2(std::round(std::log2(scale)));
  for (double& scale : scales) scale = with_short_multiplier(scale, options);
}

std::int16_t integer_weight(double weight, double scale, int bits) {
  // Symmetric, so that a product of bytes never meets -128.
  const auto most = static_cast<double>(power_of_two(bits - 1) - 1);
  return static_cast<std::int16_t>(round_half_even(std::clamp(weight / scale, -most, most)));
}

std::int64_t integer_bias(const WeightRow& row, double scale) {
  const double units = std::ldexp(row.bias / scale, row.fraction);
  require(std::abs(units) < 0x1p62, "[quantize] found a bias of ", row.bias, " beside a scale of ",
          scale, ", wanted less than 2^62 units");
  return round_half_even(units);
}

Requantizer requantizer_of(const WeightRow& row, double scale) {
  return nearest_requantizer(std::ldexp(scale, row.preact_frac_bits - row.fraction));
}

}  // namespace taugate
