#include "taugate/quant/quantise.h"

#include <algorithm>
#include <cmath>

#include "taugate/core/error.h"

namespace taugate {
namespace {

/// A row of accumulators in real numbers: bias + sum of weights times operands.
struct Row {
  const float* input = nullptr;  ///< [inputs]
  int inputs = 0;
  const float* recurrent = nullptr;  ///< [units]
  int units = 0;
  double bias = 0.0;
  int fraction = 0;      ///< fraction bits of what the weights multiply
  int sum_fraction = 0;  ///< of what the accumulator becomes

  double largest_weight() const {
    double most = 0.0;
    for (int k = 0; k < inputs; ++k) most = std::max(most, std::abs(double{input[k]}));
    for (int k = 0; k < units; ++k) most = std::max(most, std::abs(double{recurrent[k]}));
    return most;
  }
};

struct FloatLayer {
  Matrix<const float> input, recurrent;   ///< [3H][I] or none, [3H][H]
  const float* bias = nullptr;            ///< [3H]
  const float* recurrent_bias = nullptr;  ///< [3H] or none
};

Matrix<const float> find(const Seq2Seq& model, const std::string& name) {
  for (const auto& entry : model.parameters().entries()) {
    if (entry.name != name) continue;
    const Matrix<const float> m{model.parameters().data() + entry.at.offset, entry.at.rows,
                                entry.at.cols};
    for (std::size_t i = 0; i < m.size(); ++i)
      require(std::isfinite(m.data[i]), "[quantise] ", name, ": value ", i, " is not finite");
    return m;
  }
  return {};
}

FloatLayer find_layer(const Seq2Seq& model, std::size_t k) {
  const std::size_t layers = model.config().hidden.size();
  const std::string name =
      concat(k < layers ? "encoder." : "decoder.", k < layers ? k : k - layers);
  return {find(model, name + ".weight_ih"), find(model, name + ".weight_hh"),
          find(model, name + ".bias_ih").data, find(model, name + ".bias_hh").data};
}

/// The rows of WeightScales::layers.
std::vector<Row> rows_of(const FloatLayer& layer, GruForm form, const Widths& w) {
  const int H = layer.recurrent.cols, I = layer.input.cols;
  const bool after = form == GruForm::reset_after;
  std::vector<Row> rows;
  for (int i = 0; i < 3 * H; ++i) {
    const bool candidate = i >= 2 * H;
    Row row;
    row.fraction = candidate && !after ? w.product_fraction : w.operand_fraction;
    row.sum_fraction = candidate ? w.candidate_sum_fraction : w.gate_sum_fraction;
    row.input = layer.input.row(i);
    row.inputs = I;
    row.bias = layer.bias[i];
    if (!candidate || !after) {
      row.recurrent = layer.recurrent.row(i);
      row.units = H;
    }
    if (!candidate && after) row.bias += layer.recurrent_bias[i];
    rows.push_back(row);
  }
  for (int i = 2 * H; after && i < 3 * H; ++i)
    rows.push_back({.recurrent = layer.recurrent.row(i),
                    .units = H,
                    .bias = layer.recurrent_bias[i],
                    .fraction = w.operand_fraction,
                    .sum_fraction = w.candidate_sum_fraction});
  return rows;
}

std::vector<Row> head_rows(const Seq2Seq& model, const Widths& w) {
  const Matrix<const float> head = find(model, "head.weight");
  const float* bias = find(model, "head.bias").data;
  std::vector<Row> rows;
  for (int c = 0; c < head.rows; ++c)
    rows.push_back({.recurrent = head.row(c),
                    .units = head.cols,
                    .bias = bias[c],
                    .fraction = w.head_reads_state ? w.state_fraction : w.operand_fraction,
                    .sum_fraction = w.output_fraction});
  return rows;
}

double scale_of(const Row& row, const QuantiseOptions& options) {
  const int bits = options.widths.weight_bits;
  const double most = row.largest_weight();
  const double scale = options.scale == WeightScale::paper
                           ? most / static_cast<double>(power_of_two(bits) - 1)
                           : most / static_cast<double>(power_of_two(bits - 1) - 1);
  // The bias, in units of the accumulator, keeps to an eighth of its range. And a weight's rounding
  // need not change a sum by less than 2^-6 of its unit: smaller units would only make wide
  // accumulators.
  const int bias_bits = options.widths.accumulator_bits - 4;
  return std::max({scale, std::ldexp(std::abs(row.bias), row.fraction - bias_bits),
                   std::ldexp(1.0, -row.sum_fraction - 5)});
}

std::vector<double> scales_of(const std::vector<Row>& rows, const QuantiseOptions& options) {
  if (options.scale == WeightScale::fixed_grid)
    return std::vector<double>(rows.size(), std::ldexp(1.0, 1 - options.widths.weight_bits));
  std::vector<double> scales;
  for (const Row& row : rows) scales.push_back(scale_of(row, options));
  if (!options.per_row)
    std::fill(scales.begin(), scales.end(), *std::max_element(scales.begin(), scales.end()));
  if (options.powers_of_two)
    for (double& scale : scales) scale = std::exp2(std::ceil(std::log2(scale)));
  // A requantiser is the scale times a power of two: round the scale up to a short mantissa.
  const bool rounds = options.multiplier_bits > 0 && options.scale != WeightScale::paper;
  for (double& scale : scales) {
    if (!rounds) break;
    int exponent = 0;
    const double mantissa = std::frexp(scale, &exponent);
    const double units = std::ceil(std::ldexp(mantissa, options.multiplier_bits));
    scale = std::ldexp(units, exponent - options.multiplier_bits);
  }
  return scales;
}

std::int16_t integer_weight(double weight, double scale, int bits) {
  // Symmetric, so that a product of bytes never meets -128.
  const auto most = static_cast<double>(power_of_two(bits - 1) - 1);
  return static_cast<std::int16_t>(round_half_even(std::clamp(weight / scale, -most, most)));
}

std::int64_t integer_bias(const Row& row, double scale) {
  const double units = std::ldexp(row.bias / scale, row.fraction);
  require(std::abs(units) < 0x1p62, "[quantise] found a bias of ", row.bias, " beside a scale of ",
          scale, ", wanted less than 2^62 units");
  return round_half_even(units);
}

Requantiser requantiser_of(const Row& row, double scale) {
  return nearest_requantiser(std::ldexp(scale, row.sum_fraction - row.fraction));
}

void check_scales(const std::string& name, const std::vector<double>& scales, std::size_t rows) {
  require(scales.size() == rows, "[quantise] ", name, ": found ", scales.size(), " scales, wanted ",
          rows);
  for (double scale : scales)
    require(std::isfinite(scale) && scale > 0.0, "[quantise] ", name, ": found a scale of ", scale,
            ", wanted a positive number");
}

IntegerLayer quantise_layer(const FloatLayer& layer, const std::vector<Row>& rows,
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
    out.requantisers.push_back(requantiser_of(rows[i], scales[i]));
  }
  return out;
}

}  // namespace

Widths with_ranges(Widths widths, const Ranges& ranges) {
  const auto fraction = [](const char* what, double range, int bits) {
    if (!(range > 0.0 && std::isfinite(range)))
      fail_usage("[quantise] found a range of ", range, " for ", what, ", wanted more than 0");
    return bits - 1 - static_cast<int>(std::ceil(std::log2(range)));
  };
  widths.gate_sum_fraction = widths.candidate_sum_fraction =
      fraction("sums", ranges.sum, widths.sum_bits);
  widths.output_fraction = fraction("outputs", ranges.output, widths.output_bits);
  return widths;
}

WeightScales weight_scales(const Seq2Seq& model, const QuantiseOptions& options) {
  const Seq2SeqConfig& config = model.config();
  options.widths.validate(config.form, config.activation);
  if (options.multiplier_bits < 0 || options.multiplier_bits > 16)
    fail_usage("[quantise] multiplier_bits: found ", options.multiplier_bits, ", wanted 0..16");
  WeightScales scales;
  for (std::size_t k = 0; k < 2 * config.hidden.size(); ++k)
    scales.layers.push_back(
        scales_of(rows_of(find_layer(model, k), config.form, options.widths), options));
  scales.head = scales_of(head_rows(model, options.widths), options);
  return scales;
}

IntegerModel quantise(const Seq2Seq& model, const Widths& widths, const WeightScales& scales) {
  const Seq2SeqConfig& config = model.config();
  widths.validate(config.form, config.activation);
  IntegerModel out;
  out.form = config.form;
  out.activation = config.activation;
  out.widths = widths;
  out.gates = config.gates;
  const std::size_t layers = config.hidden.size();
  require(scales.layers.size() == 2 * layers, "[quantise] found scales for ", scales.layers.size(),
          " layers, wanted ", 2 * layers);
  for (std::size_t k = 0; k < 2 * layers; ++k) {
    const FloatLayer layer = find_layer(model, k);
    const std::vector<Row> rows = rows_of(layer, config.form, widths);
    check_scales(concat("layer ", k), scales.layers[k], rows.size());
    (k < layers ? out.encoder : out.decoder)
        .push_back(quantise_layer(layer, rows, scales.layers[k], widths, config.form));
  }
  const std::vector<Row> rows = head_rows(model, widths);
  check_scales("head", scales.head, rows.size());
  out.head = {config.outputs, config.hidden.back(), {}};
  for (std::size_t c = 0; c < rows.size(); ++c) {
    for (int k = 0; k < rows[c].units; ++k)
      out.head.weights.push_back(
          integer_weight(rows[c].recurrent[k], scales.head[c], widths.weight_bits));
    out.head_bias.push_back(integer_bias(rows[c], scales.head[c]));
    out.head_requantisers.push_back(requantiser_of(rows[c], scales.head[c]));
  }
  out.validate();
  return out;
}

IntegerModel quantise(const Seq2Seq& model, const QuantiseOptions& options) {
  return quantise(model, options.widths, weight_scales(model, options));
}

}  // namespace taugate
