#include "quant/qat/qat_weights.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>

#include "taugate/core/error.h"

namespace taugate {
namespace {

QatMatrix qat_matrix(Arena& arena, Weight<float> master) {
  QatMatrix m{master, nullptr, {}};
  if (master.empty()) return m;
  const std::size_t n = master.value.size();
  m.integers = arena.allocate<float>(n);
  m.dequantized.value = arena.matrix<float>(master.value.rows, master.value.cols);
  if (master.wants_gradient())
    m.dequantized.grad = {arena.allocate_zeroed<float>(n), master.value.rows, master.value.cols};
  return m;
}

/// `count` weights of a row, which begin at `from` in the master. Returns the sum of |integer|.
std::int64_t quantize_weights(const QatMatrix& m, const float* from, int count, double scale,
                              double unit, int bits) {
  const auto offset = static_cast<std::size_t>(from - m.master.value.data);
  std::int64_t total = 0;
  for (int k = 0; k < count; ++k) {
    const int integer = integer_weight(from[k], scale, bits);
    m.integers[offset + static_cast<std::size_t>(k)] = static_cast<float>(integer);
    m.dequantized.value.data[offset + static_cast<std::size_t>(k)] =
        static_cast<float>(integer * unit);
    total += std::abs(integer);
  }
  return total;
}

/// Adds to the master's gradient; returns d loss / d scale of the row (Esser et al., "Learned step
/// size quantization", ICLR 2020, eq. 3).
double weight_gradients(const QatMatrix& m, const float* from, int count, double scale, int bits) {
  const auto offset = static_cast<std::size_t>(from - m.master.value.data);
  const auto most = static_cast<double>(power_of_two(bits - 1) - 1);
  double of_scale = 0.0;
  for (int k = 0; k < count; ++k) {
    const std::size_t i = offset + static_cast<std::size_t>(k);
    const float g = m.dequantized.grad.data[i];
    const double exact = from[k] / scale;
    const bool saturated = std::abs(exact) > most;
    of_scale += g * (saturated ? std::copysign(most, exact) : double{m.integers[i]} - exact);
    // Descent moves against the gradient: a negative one would raise the weight.
    if (!saturated || (g > 0.0f) == (exact > 0.0)) m.master.grad.data[i] += g;
  }
  return of_scale;
}

void row_gradients(const QatRows& r) {
  for (int i = 0; i < r.count; ++i) {
    const WeightRow& row = r.rows[i];
    double of_scale = 0.0;
    if (row.inputs > 0)
      of_scale += weight_gradients(r.input, row.input, row.inputs, r.scales[i], r.weight_bits);
    if (row.fan_in > 0)
      of_scale +=
          weight_gradients(r.recurrent, row.recurrent, row.fan_in, r.scales[i], r.weight_bits);
    if (r.log2_scales.wants_gradient() && row.inputs + row.fan_in > 0) {
      // Their step size: a scale that serves n weights moves 1/sqrt(n * most) as fast.
      const bool own = r.log2_scales.value.rows == r.count;
      const double served = static_cast<double>(row.inputs + row.fan_in) * (own ? 1 : r.count);
      const auto most = static_cast<double>(power_of_two(r.weight_bits - 1) - 1);
      r.log2_scales.grad.data[own ? i : 0] +=
          static_cast<float>(of_scale * r.scales[i] * std::numbers::ln2 / std::sqrt(served * most));
    }
  }
}

}  // namespace

QatRows qat_rows(Arena& arena, int count, Weight<float> input, Weight<float> recurrent) {
  const auto n = static_cast<std::size_t>(count);
  QatRows r;
  r.input = qat_matrix(arena, input);
  r.recurrent = qat_matrix(arena, recurrent);
  r.count = count;
  r.rows = arena.allocate<WeightRow>(n);
  r.scales = arena.allocate<double>(n);
  r.row_scale = arena.allocate<double>(n);
  r.biases = arena.allocate<float>(n);
  return r;
}

void quantize_rows(Tape<float>& tape, const QatRows& r, const QuantizeOptions& options,
                   const char* layer) {
  const auto n = static_cast<std::size_t>(r.count);
  const Widths& w = options.widths;
  if (r.log2_scales.empty())
    find_scales({r.rows, n}, options, {r.scales, n});
  else
    learned_scales({r.rows, n}, r.log2_scales.value.data, r.log2_scales.value.rows == r.count,
                   options, {r.scales, n});
  for (int i = 0; i < r.count; ++i) {
    const WeightRow& row = r.rows[i];
    const double scale = r.scales[i];
    const Requantizer by = requantizer_of(row, scale);
    r.row_scale[i] = std::ldexp(by.multiplier, row.fraction - row.preact_frac_bits - by.shift);
    const std::int64_t bias = integer_bias(row, scale);
    r.biases[i] = static_cast<float>(std::ldexp(static_cast<double>(bias), -row.fraction));
    std::int64_t most = std::abs(bias);
    if (row.inputs > 0)
      most +=
          quantize_weights(r.input, row.input, row.inputs, scale, r.row_scale[i], r.weight_bits) *
          rescale(power_of_two(w.operand_frac_bits) - 1, w.operand_frac_bits, row.fraction);
    if (row.fan_in > 0)
      most += quantize_weights(r.recurrent, row.recurrent, row.fan_in, scale, r.row_scale[i],
                               r.weight_bits) *
              (power_of_two(row.fraction) - 1);
    // Accumulators of 64 bits (operands of 16) are more than floats hold: there the sums are rounded.
    require(w.accumulator_bits > 32 || most <= power_of_two(24), "[quantization-aware training] ",
            layer, ", row ", i, ": its accumulator could reach ", most,
            ", wanted at most 2^24, which floats hold; "
            "use fewer bits or smaller weights");
  }
  if (r.recurrent.master.wants_gradient()) tape.record([r] { row_gradients(r); });
}

}  // namespace taugate
