#pragma once
// What the tests of this module share: random integer models, and the same network in doubles,
// written from the equations and not from the integers' code.

#include <algorithm>

#include "executor_testing.h"
#include "simd/integer/integer_kernels.h"
#include "taugate/quant/integer/integer_step.h"
#include "testing.h"

namespace taugate::testing {

inline int random_between(Random& rng, int low, int high) {
  return low + static_cast<int>(rng.below(static_cast<std::uint64_t>(high - low + 1)));
}

/// Weights over the whole of their bits.
inline IntegerRows random_rows(Random& rng, int rows, int cols, int bits) {
  IntegerRows m{rows, cols, {}};
  const int most = (1 << (bits - 1)) - 1;
  for (int i = 0; i < rows * cols; ++i)
    m.weights.push_back(static_cast<std::int16_t>(random_between(rng, -most - 1, most)));
  return m;
}

/// So that accumulators of typical size `typical` become sums of about `sum`.
inline Requantizer random_requantizer(Random& rng, double typical, double sum, bool pure_shift) {
  const double ratio = std::exp2(rng.uniform(-1.5, 1.5)) * sum / typical;
  return nearest_requantizer(
      std::clamp(pure_shift ? std::exp2(std::round(std::log2(ratio))) : ratio, 0x1p-45, 60000.0));
}

struct RandomModel {
  GruForm form = GruForm::reset_after;
  Activation activation = Activation::smooth;
  Widths widths{};
  std::vector<int> hidden{3, 5};
  int gates = 9, outputs = 2;
  bool pure_shift = false;
};

/// A model whose sums reach beyond +-1 and sometimes saturate.
inline IntegerModel random_model(const RandomModel& m, Random& rng) {
  const Widths& w = m.widths;
  IntegerModel model;
  model.description = seq2seq({m.gates, m.outputs, m.hidden, m.form, m.activation});
  model.widths = w;
  const double operand = std::ldexp(1.0, w.operand_frac_bits);
  const double product =
      m.form == GruForm::reset_before ? std::ldexp(1.0, w.product_frac_bits) : operand;
  const double weight = std::ldexp(1.0, w.weight_bits - 2);
  const auto add = [&](std::vector<std::int64_t>& biases, std::vector<Requantizer>& requantizers,
                       double of_operand, double sum) {
    biases.push_back(round_half_even(rng.normal() * weight * of_operand));
    requantizers.push_back(random_requantizer(rng, weight * of_operand, sum, m.pure_shift));
  };
  const auto layer = [&](int inputs, int H) {
    IntegerLayer out;
    out.inputs = inputs;
    out.hidden = H;
    out.input = random_rows(rng, 3 * H, inputs, w.weight_bits);
    out.recurrent = random_rows(rng, 3 * H, H, w.weight_bits);
    for (int i = 0; i < 3 * H; ++i)
      add(out.bias, out.requantizers, i < 2 * H ? operand : product,
          std::ldexp(1.0, i < 2 * H ? w.gate_preact_frac_bits : w.candidate_preact_frac_bits));
    for (int i = 0; m.form == GruForm::reset_after && i < H; ++i)
      add(out.recurrent_bias, out.requantizers, operand,
          std::ldexp(1.0, w.candidate_preact_frac_bits));
    return out;
  };
  for (std::size_t k = 0; k < model.description.layers.size(); ++k)
    model.layers.push_back(layer(model.description.inputs(k), model.description.layers[k].units));
  model.head = random_rows(rng, m.outputs, m.hidden.back(), w.weight_bits);
  const double read = w.head_reads_state ? std::ldexp(1.0, w.state_frac_bits) : operand;
  for (int c = 0; c < m.outputs; ++c)
    add(model.head_bias, model.head_requantizers, read, std::ldexp(1.0, w.output_frac_bits));
  return model;
}

/// The network in real numbers. Every value lies on a binary grid that a double holds exactly, so
/// the integers must equal it.
class DoubleNetwork {
 public:
  explicit DoubleNetwork(const IntegerModel& model) : m_(model), w_(model.widths) {}

  /// Outputs [T][C] in units of 2^-output_frac_bits; input [T] on its grid.
  std::vector<double> run(const std::vector<double>& input) {
    std::vector<std::vector<double>> sequence, final_states, outputs;
    for (double x : input) sequence.push_back({x});
    const std::size_t side = m_.layers.size() / 2;  // of the encoder, then of the decoder
    for (std::size_t k = 0; k < side; ++k) {
      std::vector<double> h(static_cast<std::size_t>(m_.layers[k].hidden), 0.0);
      run_layer(m_.layers[k], sequence, h);
      final_states.push_back(h);
    }
    for (auto& x : sequence) x.clear();
    for (std::size_t k = 0; k < side; ++k)
      run_layer(m_.layers[side + k], sequence, final_states[k]);
    std::vector<double> result;
    for (const auto& h : states_)
      for (int c = 0; c < m_.outputs(); ++c) {
        double y = static_cast<double>(m_.head_bias[c]) / one(head_frac_bits());
        for (int u = 0; u < m_.head.cols; ++u)
          y += m_.head.row(c)[u] * (w_.head_reads_state ? h[u] : operand(h[u]));
        result.push_back(sum(y, head_frac_bits(), m_.head_requantizers[c], w_.output_bits));
      }
    return result;
  }
  std::vector<std::vector<double>> states_;  ///< of the last layer that ran, [T][H], real numbers

 private:
  static double one(int fraction) { return std::ldexp(1.0, fraction); }
  static double grid(double x, int fraction) {
    return std::nearbyint(x * one(fraction)) / one(fraction);
  }
  static double fraction_of(double x, int fraction) {
    const double most = 1.0 - 1.0 / one(fraction);
    return std::clamp(grid(x, fraction), -most, most);
  }
  int head_frac_bits() const {
    return w_.head_reads_state ? w_.state_frac_bits : w_.operand_frac_bits;
  }
  double operand(double h) const {
    return fraction_of(h, std::min(w_.operand_frac_bits, w_.state_frac_bits - w_.residual_bits));
  }
  /// What becomes of the exact state, its carried forerunner being `before`, read as `held`.
  double write_back(double exact, double before, double held, std::uint32_t layer,
                    std::uint32_t step, std::uint32_t unit) const {
    const double state_unit = 1.0 / one(w_.state_frac_bits), most = 1.0 - state_unit;
    if (w_.write_back == WriteBack::feedback)
      return fraction_of(exact + (before - held), w_.state_frac_bits);
    if (w_.write_back == WriteBack::stochastic) {
      const double u = std::ldexp(write_dither(layer, step, unit), -16);
      return std::clamp(std::floor(exact / state_unit + u) * state_unit, -most, most);
    }
    return fraction_of(exact, w_.state_frac_bits);
  }
  /// An accumulator, weights counting as integers, as an integer in its sum's unit.
  double sum(double accumulator, int fraction, Requantizer by, int bits) const {
    const double units =
        std::nearbyint(accumulator * one(fraction) * by.multiplier / one(by.shift));
    return std::clamp(units, -one(bits - 1), one(bits - 1) - 1.0);
  }
  double tanh(double x) const {  // the table, of x >= 0 on any grid
    const double u = std::min(x, 4.0);
    const int segment = std::min(31, static_cast<int>(u * 8.0));
    return (kTanhBase[segment] + std::floor(kTanhSlope[segment] * (u - segment / 8.0) * 128.0)) /
           32768.0;
  }
  double gate(double x, double unit) const {
    if (m_.activation() == Activation::hard)
      return grid(std::clamp(0.5 * x + 0.5, 0.0, 1.0), w_.gate_frac_bits);
    const double t = 0.5 * tanh(std::min(0.5 * std::abs(x), 4.0 - 0.5 * unit));
    return grid(x < 0.0 ? 0.5 - t : 0.5 + t, w_.gate_frac_bits);
  }
  double candidate(double x, double unit) const {
    if (m_.activation() == Activation::hard)
      return fraction_of(std::clamp(x, -1.0, 1.0), w_.candidate_frac_bits);
    return std::copysign(
        fraction_of(tanh(std::min(std::abs(x), 4.0 - unit)), w_.candidate_frac_bits), x);
  }
  static double dot(const IntegerRows& m, int row, const std::vector<double>& x) {
    double sum = 0.0;
    for (int k = 0; k < m.cols; ++k) sum += m.row(row)[k] * x[static_cast<std::size_t>(k)];
    return sum;
  }
  void run_layer(const IntegerLayer& layer, std::vector<std::vector<double>>& sequence,
                 std::vector<double>& h) {
    states_.clear();
    for (auto& x : sequence) {
      step(layer, x, h);
      states_.push_back(h);
      x.clear();
      for (double value : h) x.push_back(operand(value));
    }
  }
  void step(const IntegerLayer& layer, const std::vector<double>& x, std::vector<double>& h) {
    const int H = layer.hidden;
    std::vector<double> q, held, r, z, product;
    for (double value : h) q.push_back(operand(value));
    held = w_.step_reads_operand || w_.write_back == WriteBack::feedback ? q : h;
    const double gate_unit = 1.0 / one(w_.gate_preact_frac_bits);
    const double n_unit = 1.0 / one(w_.candidate_preact_frac_bits);
    const auto bias = [&](int row, int fraction) {
      return static_cast<double>(layer.bias[row]) / one(fraction);
    };
    const int F = w_.operand_frac_bits;
    const int I = F + (&layer == m_.layers.data() ? w_.input_extra : 0);  // of what reads x
    for (int row = 0; row < 2 * H; ++row) {
      const double a = bias(row, I) + dot(layer.input, row, x) + dot(layer.recurrent, row, q);
      (row < H ? r : z)
          .push_back(
              gate(sum(a, I, layer.requantizers[row], w_.preact_bits) * gate_unit, gate_unit));
    }
    for (int u = 0; u < H; ++u)
      product.push_back(fraction_of(r[u] * held[u], w_.product_frac_bits));
    for (int u = 0; u < H; ++u) {
      const int row = 2 * H + u;
      double units = 0.0;
      if (m_.form() == GruForm::reset_after) {
        const double s =
            static_cast<double>(layer.recurrent_bias[u]) / one(F) + dot(layer.recurrent, row, q);
        units = sum(bias(row, I) + dot(layer.input, row, x), I, layer.requantizers[row],
                    w_.preact_bits) +
                std::nearbyint(r[u] * sum(s, F, layer.requantizers[row + H], w_.preact_bits));
        units = std::clamp(units, -one(w_.preact_bits - 1), one(w_.preact_bits - 1) - 1.0);
      } else {
        const int P = w_.product_frac_bits;
        units = sum(bias(row, P) + dot(layer.input, row, x) + dot(layer.recurrent, row, product), P,
                    layer.requantizers[row], w_.preact_bits);
      }
      const double n = candidate(units * n_unit, n_unit);
      h[u] = write_back(z[u] * held[u] + (1.0 - z[u]) * n, h[u], held[u],
                        static_cast<std::uint32_t>(&layer - m_.layers.data()),
                        static_cast<std::uint32_t>(states_.size()), static_cast<std::uint32_t>(u));
    }
  }

  const IntegerModel& m_;
  const Widths& w_;
};

}  // namespace taugate::testing
