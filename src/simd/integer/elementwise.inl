#pragma once
// The element-wise operations of a step in any widths, for both kinds of lanes.

#include "simd/integer/lanes.inl"

namespace taugate::simd {
namespace {

/// quant's Arithmetic, on registers.
template <class N>
struct TailOperations {
  using V = typename N::V;

  static V rescale(V x, int from, int to) {
    return from >= to ? N::round_shift(x, from - to) : N::up(x, to - from);
  }
  static V clip(V x, V low, V high) { return xsimd::max(low, xsimd::min(high, x)); }
  static V saturate_word(V x, int bits) {
    return clip(x, -N::power(bits - 1), N::power(bits - 1) - V(1));
  }
  static V saturate_fraction(V x, int fraction) {
    return clip(x, V(1) - N::power(fraction), N::power(fraction) - V(1));
  }

  /// A sum that goes straight to an activation need not be saturated first where the activation
  /// levels off earlier.
  static V saturate_preact(const ElementwiseParams& w, V x, int table_frac_bits) {
    if (w.activation == Activation::smooth && table_frac_bits + 2 < w.preact_bits) return x;
    return saturate_word(x, w.preact_bits);
  }

  /// tanh of magnitude / 2^fraction, in 2^-15.
  static V table_tanh(const ElementwiseParams& w, V magnitude, int fraction) {
    const int length = fraction - 3;
    const V u = xsimd::min(magnitude, N::power(length + 5) - V(1));
    return N::on_segment(N::look_up(*w.segments, N::floor_shift(u, length)), N::low_bits(u, length),
                         fraction - 7);
  }

  template <bool Hard>
  static V gate(const ElementwiseParams& w, V sum) {
    if constexpr (Hard) {
      const V one = N::power(w.gate_preact_frac_bits + 1);
      return rescale(clip(sum + N::power(w.gate_preact_frac_bits), V(0), one),
                     w.gate_preact_frac_bits + 1, w.gate_frac_bits);
    } else {
      const V half = N::power(w.gate_frac_bits - 1);
      const V distance = rescale(table_tanh(w, xsimd::abs(sum), w.gate_preact_frac_bits + 1), 16,
                                 w.gate_frac_bits);
      return xsimd::select(sum < V(0), half - distance, half + distance);
    }
  }

  template <bool Hard>
  static V candidate(const ElementwiseParams& w, V sum) {
    if constexpr (Hard) {
      const V one = N::power(w.candidate_preact_frac_bits);
      return saturate_fraction(
          rescale(clip(sum, -one, one), w.candidate_preact_frac_bits, w.candidate_frac_bits),
          w.candidate_frac_bits);
    } else {
      const V n =
          saturate_fraction(rescale(table_tanh(w, xsimd::abs(sum), w.candidate_preact_frac_bits),
                                    15, w.candidate_frac_bits),
                            w.candidate_frac_bits);
      return xsimd::select(sum < V(0), -n, n);
    }
  }

  static V operand(const ElementwiseParams& w, V state) {
    const int read = w.read_frac_bits;
    return N::up(saturate_fraction(N::round_shift(state, w.state_frac_bits - read), read),
                 w.operand_frac_bits - read);
  }
  static int held_frac_bits(const ElementwiseParams& w) {
    return w.blends_operand ? w.operand_frac_bits : w.state_frac_bits;
  }
  static V held(const ElementwiseParams& w, V state) {
    return w.blends_operand ? operand(w, state) : state;
  }

  static V product(const ElementwiseParams& w, V r, V held) {
    return saturate_fraction(
        rescale(r * held, w.gate_frac_bits + held_frac_bits(w), w.product_frac_bits),
        w.product_frac_bits);
  }
  static V candidate_preact(const ElementwiseParams& w, V input_preact, V r, V recurrent_preact) {
    const V weighted =
        w.preact_bits <= 16 ? N::int16_product(recurrent_preact, r) : recurrent_preact * r;
    return saturate_preact(w, input_preact + N::round_shift(weighted, w.gate_frac_bits),
                           w.candidate_preact_frac_bits);
  }
  static V next_state(const ElementwiseParams& w, V z, V n, V state) {
    const V read = held(w, state);
    const int common = std::max(w.candidate_frac_bits, held_frac_bits(w));
    const V from = N::up(n, common - w.candidate_frac_bits);
    const V to = N::up(read, common - held_frac_bits(w));
    V exact = N::up(from, w.gate_frac_bits) + z * (to - from);
    int fraction = common + w.gate_frac_bits;
    if (w.feedback) {
      const V residual = state - rescale(read, w.operand_frac_bits, w.state_frac_bits);
      const int sum = std::max(fraction, w.state_frac_bits);
      exact = N::up(exact, sum - fraction) + N::up(residual, sum - w.state_frac_bits);
      fraction = sum;
    }
    const V next = rescale(exact, fraction, w.state_frac_bits);
    // Between n and h; only fewer bits, or a residual, could take it to 1.
    if (common <= w.state_frac_bits && !w.feedback) return next;
    return saturate_fraction(next, w.state_frac_bits);
  }
};

}  // namespace
}  // namespace taugate::simd
