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
  static V saturate_sum(const IntegerTail& w, V x, int table_fraction) {
    if (w.activation == Activation::smooth && table_fraction + 2 < w.sum_bits) return x;
    return saturate_word(x, w.sum_bits);
  }

  /// tanh of magnitude / 2^fraction, in 2^-15.
  static V table_tanh(const IntegerTail& w, V magnitude, int fraction) {
    const int length = fraction - 3;
    const V u = xsimd::min(magnitude, N::power(length + 5) - V(1));
    return N::on_segment(N::look_up(*w.segments, N::floor_shift(u, length)), N::low_bits(u, length),
                         fraction - 7);
  }

  template <bool Hard>
  static V gate(const IntegerTail& w, V sum) {
    if constexpr (Hard) {
      const V one = N::power(w.gate_sum_fraction + 1);
      return rescale(clip(sum + N::power(w.gate_sum_fraction), V(0), one), w.gate_sum_fraction + 1,
                     w.gate_fraction);
    } else {
      const V half = N::power(w.gate_fraction - 1);
      const V distance =
          rescale(table_tanh(w, xsimd::abs(sum), w.gate_sum_fraction + 1), 16, w.gate_fraction);
      return xsimd::select(sum < V(0), half - distance, half + distance);
    }
  }

  template <bool Hard>
  static V candidate(const IntegerTail& w, V sum) {
    if constexpr (Hard) {
      const V one = N::power(w.candidate_sum_fraction);
      return saturate_fraction(
          rescale(clip(sum, -one, one), w.candidate_sum_fraction, w.candidate_fraction),
          w.candidate_fraction);
    } else {
      const V n =
          saturate_fraction(rescale(table_tanh(w, xsimd::abs(sum), w.candidate_sum_fraction), 15,
                                    w.candidate_fraction),
                            w.candidate_fraction);
      return xsimd::select(sum < V(0), -n, n);
    }
  }

  static V operand(const IntegerTail& w, V state) {
    return saturate_fraction(rescale(state, w.state_fraction, w.operand_fraction),
                             w.operand_fraction);
  }
  static int held_fraction(const IntegerTail& w) {
    return w.step_reads_operand ? w.operand_fraction : w.state_fraction;
  }
  static V held(const IntegerTail& w, V state) {
    return w.step_reads_operand ? operand(w, state) : state;
  }

  static V product(const IntegerTail& w, V r, V held) {
    return saturate_fraction(
        rescale(r * held, w.gate_fraction + held_fraction(w), w.product_fraction),
        w.product_fraction);
  }
  static V candidate_sum(const IntegerTail& w, V input_sum, V r, V recurrent_sum) {
    const V weighted = w.sum_bits <= 16 ? N::short_product(recurrent_sum, r) : recurrent_sum * r;
    return saturate_sum(w, input_sum + N::round_shift(weighted, w.gate_fraction),
                        w.candidate_sum_fraction);
  }
  static V blend(const IntegerTail& w, V z, V n, V held) {
    const int common = std::max(w.candidate_fraction, held_fraction(w));
    const V from = N::up(n, common - w.candidate_fraction);
    const V to = N::up(held, common - held_fraction(w));
    const V exact = N::up(from, w.gate_fraction) + z * (to - from);
    // Between n and h; only fewer bits could round it to 1.
    if (common <= w.state_fraction)
      return rescale(exact, common + w.gate_fraction, w.state_fraction);
    return saturate_fraction(rescale(exact, common + w.gate_fraction, w.state_fraction),
                             w.state_fraction);
  }
};

}  // namespace
}  // namespace taugate::simd
