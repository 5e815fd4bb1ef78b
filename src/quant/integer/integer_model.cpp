#include "taugate/quant/integer/integer_model.h"

#include <algorithm>
#include <cstdlib>

#include "taugate/core/error.h"

namespace taugate {
namespace {

constexpr std::int64_t kMost = power_of_two(62);

void check_rows(const std::string& name, const IntegerRows& m, int rows, int cols, int bits) {
  require(m.rows == rows && m.cols == cols &&
              m.weights.size() == static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols),
          "[integer model] ", name, ": found weights [", m.rows, "][", m.cols, "] and ",
          m.weights.size(), " values, wanted [", rows, "][", cols, "]");
  for (std::size_t i = 0; i < m.weights.size(); ++i)
    require(m.weights[i] == saturate_word(m.weights[i], bits), "[integer model] ", name,
            ": weight ", i, ": found ", m.weights[i], ", wanted ", bits, " bits");
}

void check_count(const std::string& name, const char* what, std::size_t found, int wanted) {
  require(found == static_cast<std::size_t>(wanted), "[integer model] ", name, ": found ", found,
          " ", what, ", wanted ", wanted);
}

void check_requantizers(const std::string& name, const std::vector<Requantizer>& all, int wanted) {
  check_count(name, "multipliers", all.size(), wanted);
  for (const Requantizer& r : all)
    require(r.multiplier >= 1 && r.shift <= 62, "[integer model] ", name, ": found multiplier ",
            r.multiplier, " with shift ", int{r.shift}, ", wanted at least 1 and at most 62");
}

void check_layer(const IntegerModel& model, std::size_t k) {
  const IntegerLayer& layer = model.layers[k];
  const std::string& name = model.description.layers[k].name;
  const int H = model.description.layers[k].units, inputs = model.description.inputs(k);
  const int bits = model.widths.weight_bits, split = model.form() == GruForm::reset_after ? H : 0;
  require(layer.hidden == H, "[integer model] ", name, ": found ", layer.hidden, " units, wanted ",
          H);
  require(layer.inputs == inputs, "[integer model] ", name, ": found ", layer.inputs,
          " inputs, wanted ", inputs);
  check_rows(name, layer.input, 3 * H, inputs, bits);
  check_rows(name, layer.recurrent, 3 * H, H, bits);
  check_count(name, "biases", layer.bias.size(), 3 * H);
  check_count(name, "recurrent biases", layer.recurrent_bias.size(), split);
  check_requantizers(name, layer.requantizers, 3 * H + split);
}

/// sum of |weight| over a row; at most 4096 x 2^15 a layer.
std::int64_t magnitude(const IntegerRows& m, int row) {
  std::int64_t sum = 0;
  for (int k = 0; k < m.cols; ++k) sum += std::abs(int{m.row(row)[k]});
  return sum;
}

/// a * b for a, b >= 0, at most 2^62.
std::int64_t times(std::int64_t a, std::int64_t b) {
  return b > 0 && a > kMost / b ? kMost : a * b;
}

std::int64_t bound(std::int64_t bias, std::int64_t products) {
  return bias >= kMost || bias <= -kMost ? kMost : std::min(kMost, std::abs(bias) + products);
}

void add_bounds(std::vector<AccumulatorBound>& all, const IntegerModel& model, std::size_t k) {
  const IntegerLayer& layer = model.layers[k];
  const std::string& name = model.description.layers[k].name;
  const Widths& w = model.widths;
  const int extra = model.input_extra(k);
  const std::int64_t operand = power_of_two(w.operand_frac_bits) - 1;
  const std::int64_t input = power_of_two(w.operand_frac_bits + extra) - 1;
  const std::int64_t product = power_of_two(w.product_frac_bits) - 1;
  const int H = layer.hidden;
  const bool before = model.form() == GruForm::reset_before;
  for (int row = 0; row < 3 * H; ++row) {
    const auto at = static_cast<std::size_t>(row);
    std::int64_t products = times(magnitude(layer.input, row), input);
    const std::int64_t recurrent = magnitude(layer.recurrent, row);
    if (row < 2 * H)
      products += times(recurrent, operand * power_of_two(extra));
    else if (before)  // W_n x is shifted left to the fraction bits of r*h
      products = times(products, power_of_two(w.product_frac_bits - w.operand_frac_bits - extra)) +
                 times(recurrent, product);
    all.push_back(
        {name, "rzn"[row / H], row % H, bound(layer.bias[at], products), layer.requantizers[at]});
  }
  for (std::size_t unit = 0; unit < layer.recurrent_bias.size(); ++unit) {
    const int row = 2 * H + static_cast<int>(unit);
    all.push_back(
        {name, 's', row - 2 * H,
         bound(layer.recurrent_bias[unit], times(magnitude(layer.recurrent, row), operand)),
         layer.requantizers[static_cast<std::size_t>(row + H)]});
  }
}

template <class Of>
std::size_t sum_over_matrices(const IntegerModel& model, Of&& of) {
  std::size_t sum = of(model.head) + of(model.encoder_head.weights);
  for (const IntegerLayer& layer : model.layers) sum += of(layer.input) + of(layer.recurrent);
  return sum;
}

}  // namespace

std::vector<AccumulatorBound> accumulator_bounds(const IntegerModel& model) {
  std::vector<AccumulatorBound> all;
  for (std::size_t k = 0; k < model.layers.size(); ++k) add_bounds(all, model, k);
  const Widths& w = model.widths;
  const std::int64_t most =
      power_of_two(w.head_reads_state ? w.state_frac_bits : w.operand_frac_bits) - 1;
  for (int c = 0; c < model.outputs(); ++c)
    all.push_back(
        {model.description.head.name, 'y', c,
         bound(model.head_bias[static_cast<std::size_t>(c)], times(magnitude(model.head, c), most)),
         model.head_requantizers[static_cast<std::size_t>(c)]});
  const IntegerHead& second = model.encoder_head;
  for (int c = 0; c < second.weights.rows; ++c) {
    const auto at = static_cast<std::size_t>(c);
    all.push_back({kEncoderHead, 'y', c,
                   bound(second.bias[at], times(magnitude(second.weights, c),
                                                power_of_two(w.operand_frac_bits) - 1)),
                   second.requantizers[at]});
  }
  return all;
}

void check_accumulators(const IntegerModel& model) {
  const std::int64_t limit = model.widths.accumulator_bits == 32 ? power_of_two(31) - 1 : kMost - 1;
  for (const AccumulatorBound& b : accumulator_bounds(model)) {
    require(b.most <= limit, "[integer model] ", b.layer, ": gate ", b.gate, ", row ", b.row,
            ": its accumulator could reach ", b.most, ", wanted at most ", limit, " (",
            model.widths.accumulator_bits, " bits)");
    require(b.most <= kMost / b.requantizer.multiplier, "[integer model] ", b.layer, ": gate ",
            b.gate, ", row ", b.row, ": an accumulator of up to ", b.most, " times ",
            b.requantizer.multiplier, " needs more than 64 bits");
  }
}

void IntegerModel::validate() const {
  try {
    description.validate();
    description.form();
    description.activation();
  } catch (const UsageError& e) {
    fail("[integer model] ", e.what());
  }
  widths.validate(form(), activation());
  require(layers.size() == description.layers.size(), "[integer model] found ", layers.size(),
          " layers, wanted ", description.layers.size());
  for (std::size_t k = 0; k < layers.size(); ++k) check_layer(*this, k);
  check_rows("head", head, outputs(), description.layers.back().units, widths.weight_bits);
  check_count("head", "biases", head_bias.size(), head.rows);
  check_requantizers("head", head_requantizers, head.rows);
  const int E = description.encoder_outputs;
  check_rows(kEncoderHead, encoder_head.weights, E, E > 0 ? description.encoder_top().units : 0,
             widths.weight_bits);
  check_count(kEncoderHead, "biases", encoder_head.bias.size(), E);
  check_requantizers(kEncoderHead, encoder_head.requantizers, E);
  check_accumulators(*this);
}

std::int64_t multiply_accumulates(const IntegerModel& model) {
  const std::size_t head = model.head.weights.size(),
                    second = model.encoder_head.weights.weights.size();
  return static_cast<std::int64_t>((weight_count(model) - head - second) *
                                       static_cast<std::size_t>(model.gates()) +
                                   head * model.description.output_steps() + second);
}

std::size_t weight_count(const IntegerModel& model) {
  return sum_over_matrices(model, [](const IntegerRows& m) { return m.weights.size(); });
}

std::size_t weight_bytes(const IntegerModel& model) {
  const int bits = model.widths.weight_bits;
  return sum_over_matrices(model, [&](const IntegerRows& m) {
    const auto rows = static_cast<std::size_t>(m.rows), cols = static_cast<std::size_t>(m.cols);
    return rows * (bits <= 4 ? (cols + 1) / 2 : bits <= 8 ? cols : 2 * cols);
  });
}

}  // namespace taugate
