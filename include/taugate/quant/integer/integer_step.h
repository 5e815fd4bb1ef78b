#pragma once
// One step of a quantized GRU layer and of the head, for one trace: the definition that the engines
// and the hardware equal. Plain loops over 64-bit integers, in which every value can be observed.
//
//   q = operand(h)          g = h or q (Widths::blends_operand)
//   r = gate(R_r(b_r + W_r x + U_r q))            R: requantize to the pre-activation's grid
//   z = gate(R_z(b_z + W_z x + U_z q))
//   reset_after   n = candidate(R_n(b_n + W_n x) + round(r * R_s(c_n + U_n q)))
//   reset_before  n = candidate(R_n(b_n + W_n x + U_n product(r * g)))
//   h' = next_state(z, n, h): n + z (g - n), written back

#include "taugate/quant/integer/integer_model.h"

namespace taugate {

/// The values of a step, in the order of the equations.
enum class TensorId {
  operand,           ///< q
  reset_preact,      ///< R_r(...)
  update_preact,     ///< R_z(...)
  reset_gate,        ///< r
  update_gate,       ///< z
  input_preact,      ///< R_n(b_n + W_n x); reset_after
  recurrent_preact,  ///< R_s(c_n + U_n q); reset_after
  product,           ///< product(r * g); reset_before
  candidate_preact,  ///< the argument of candidate()
  candidate,         ///< n
  state,             ///< h'
  output             ///< y of the head
};

/// Observes nothing.
struct NoObserver {
  void operator()(TensorId, int /*unit*/, std::int64_t /*value*/) const {}
};

/// Room for a step of a layer of up to `units` units.
struct StepScratch {
  std::vector<std::int32_t> operand, held, reset, update, product;  ///< [H] each
  StepScratch() = default;
  explicit StepScratch(int units)
      : operand(static_cast<std::size_t>(units)),
        held(operand),
        reset(operand),
        update(operand),
        product(operand) {}
};

/// Where a step is: what a stochastic write-back counts by.
struct StepIndex {
  std::size_t layer = 0;  ///< in the network's order
  std::size_t step = 0;   ///< of that layer, from 0 on
};

/// Sum of weights times operands; null operands are zeros.
inline std::int64_t dot(const IntegerRows& m, int row, const std::int32_t* operand) {
  if (!operand) return 0;
  const std::int16_t* weight = m.row(row);
  std::int64_t sum = 0;
  for (int k = 0; k < m.cols; ++k) sum += std::int64_t{weight[k]} * operand[k];
  return sum;
}

/// state [H] becomes the next state. x [I]: words on the MAC operand's grid, with `extra` further
/// fraction bits (Widths::input_extra where it is the trace); null for a layer without input.
/// observe(id, unit, value) is called for every value. `at` counts for a stochastic write-back only.
template <class Observer = NoObserver>
void gru_step(const Arithmetic& a, const IntegerLayer& layer, const std::int32_t* x,
              std::int32_t* state, StepScratch& s, Observer&& observe = {}, int extra = 0,
              StepIndex at = {}) {
  const Widths& w = a.widths();
  const int H = layer.hidden;
  const std::int32_t* q = s.operand.data();
  const auto sum = [&](int row, std::int64_t accumulator) {
    return requantize(accumulator, layer.requantizers[static_cast<std::size_t>(row)],
                      w.preact_bits);
  };
  const auto joint_sum = [&](int row) {
    return sum(row, layer.bias[static_cast<std::size_t>(row)] + dot(layer.input, row, x) +
                        dot(layer.recurrent, row, q) * power_of_two(extra));
  };
  const auto see = [&](TensorId id, int unit, std::int64_t value) {
    observe(id, unit, value);
    return value;
  };

  for (int u = 0; u < H; ++u) {
    s.operand[u] = static_cast<std::int32_t>(see(TensorId::operand, u, a.operand(state[u])));
    s.held[u] = static_cast<std::int32_t>(a.held(state[u]));
  }
  for (int u = 0; u < H; ++u) {
    const std::int64_t r = a.gate(see(TensorId::reset_preact, u, joint_sum(u)));
    const std::int64_t z = a.gate(see(TensorId::update_preact, u, joint_sum(H + u)));
    s.reset[u] = static_cast<std::int32_t>(see(TensorId::reset_gate, u, r));
    s.update[u] = static_cast<std::int32_t>(see(TensorId::update_gate, u, z));
    if (a.form() == GruForm::reset_before)
      s.product[u] = static_cast<std::int32_t>(see(TensorId::product, u, a.product(r, s.held[u])));
  }
  // Only now: reset_before's U_n reads the products of all units.
  for (int u = 0; u < H; ++u) {
    const int row = 2 * H + u;
    const std::int64_t input = layer.bias[static_cast<std::size_t>(row)];
    const std::int64_t from_x = dot(layer.input, row, x);
    std::int64_t candidate_preact = 0;
    if (a.form() == GruForm::reset_after) {
      const std::int64_t from_q =
          layer.recurrent_bias[static_cast<std::size_t>(u)] + dot(layer.recurrent, row, q);
      const std::int64_t input_preact = see(TensorId::input_preact, u, sum(row, input + from_x));
      const std::int64_t recurrent_preact =
          see(TensorId::recurrent_preact, u, sum(row + H, from_q));
      candidate_preact = a.candidate_preact(input_preact, s.reset[u], recurrent_preact);
    } else {
      const int shift = w.product_frac_bits - w.operand_frac_bits - extra;
      candidate_preact = sum(
          row, input + from_x * power_of_two(shift) + dot(layer.recurrent, row, s.product.data()));
    }
    const std::int64_t n = a.candidate(see(TensorId::candidate_preact, u, candidate_preact));
    see(TensorId::candidate, u, n);
    const std::int64_t dither = a.dither(at.layer, at.step, static_cast<std::size_t>(u));
    state[u] = static_cast<std::int32_t>(
        see(TensorId::state, u, a.next_state(s.update[u], n, state[u], dither)));
  }
}

/// y [rows] of a linear layer on operands; grid and bits are the output's.
template <class Observer = NoObserver>
void linear_step(const Widths& w, const IntegerRows& weights, const std::vector<std::int64_t>& bias,
                 const std::vector<Requantizer>& requantizers, const std::int32_t* operands,
                 std::int64_t* y, Observer&& observe = {}) {
  for (int c = 0; c < weights.rows; ++c) {
    const auto at = static_cast<std::size_t>(c);
    y[c] = requantize(bias[at] + dot(weights, c, operands), requantizers[at], w.output_bits);
    observe(TensorId::output, c, y[c]);
  }
}

/// y [C] of the last decoder layer's new state [H].
template <class Observer = NoObserver>
void head_step(const Arithmetic& a, const IntegerModel& model, const std::int32_t* state,
               std::int64_t* y, StepScratch& s, Observer&& observe = {}) {
  const Widths& w = a.widths();
  for (int u = 0; u < model.head.cols; ++u)
    s.operand[u] = w.head_reads_state ? state[u] : static_cast<std::int32_t>(a.operand(state[u]));
  linear_step(w, model.head, model.head_bias, model.head_requantizers, s.operand.data(), y,
              observe);
}

}  // namespace taugate
