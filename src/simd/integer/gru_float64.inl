#pragma once
// Every other layer: whole numbers in doubles, a trace a lane.

#include "simd/integer/elementwise.inl"

namespace taugate::simd {
namespace {

template <class Arch>
struct Float64Kernel {
  using N = Reals<Arch>;
  using V = typename N::V;
  using Tail = TailOperations<N>;
  static constexpr int kWidth = N::kWidth, kVectors = N::kVectors;

  static V load(const double* p) { return V::load_aligned(p); }
  static V sum_of(const ElementwiseParams& t, V accumulator, double scale) {
    return Tail::saturate_word(xsimd::nearbyint(accumulator * V(scale)), t.preact_bits);
  }

  /// sums[i] += weights[.][first_gate + i] * values
  template <int Gates>
  static void sweep(const double* w, int first_gate, const double* values, int count,
                    V (&sums)[Gates]) {
    for (int k = 0; k < count; ++k) {
      const V x = load(values + k * kLaneBlock);
      unroll<Gates>([&](auto i) { sums[i] = sums[i] + V(w[3 * k + first_gate + i]) * x; });
    }
  }

  template <bool Hard>
  static void step(const Float64Gru& g, const double* x, const double* operands,
                   const double* state, double* operands_next, double* state_next,
                   double* scratch) {
    const ElementwiseParams& t = g.elementwise;
    const bool after = t.form == GruForm::reset_after;
    double *update = scratch, *products = scratch + g.units * kLaneBlock;
    double* sums = products + g.units * kLaneBlock;  // reset_after: n's sum
    const std::size_t unit_weights = 3 * static_cast<std::size_t>(g.units + g.inputs);
    for (int v = 0; v < kLaneBlock; v += kWidth) {
      for (int u = 0; u < g.units; ++u) {
        const double *w = g.weights + u * unit_weights, *wx = w + 3 * g.units;
        const double *bias = g.bias + 4 * u, *scale = g.scale + 4 * u;
        const int at = u * kLaneBlock + v;
        V rz[2] = {V(bias[0]), V(bias[1])};
        sweep<2>(w, 0, operands + v, g.units, rz);
        sweep<2>(wx, 0, x + v, g.inputs, rz);
        const V r = Tail::template gate<Hard>(t, sum_of(t, rz[0], scale[0]));
        Tail::template gate<Hard>(t, sum_of(t, rz[1], scale[1])).store_aligned(update + at);
        if (after) {
          V n[1] = {V(bias[2])}, s[1] = {V(bias[3])};
          sweep<1>(wx, 2, x + v, g.inputs, n);
          sweep<1>(w, 2, operands + v, g.units, s);
          Tail::candidate_preact(t, sum_of(t, n[0], scale[2]), r, sum_of(t, s[0], scale[3]))
              .store_aligned(sums + at);
        } else {
          Tail::product(t, r, Tail::held(t, load(state + at))).store_aligned(products + at);
        }
      }
      for (int u = 0; u < g.units; ++u) {
        const double* w = g.weights + u * unit_weights;
        const int at = u * kLaneBlock + v;
        V candidate_preact(0.0);
        if (after) {
          candidate_preact = load(sums + at);
        } else {
          V input[1] = {V(0.0)}, product[1] = {V(g.bias[4 * u + 2])};
          sweep<1>(w + 3 * g.units, 2, x + v, g.inputs, input);
          sweep<1>(w, 2, products + v, g.units, product);
          candidate_preact = sum_of(t, product[0] + input[0] * V(g.input_gain), g.scale[4 * u + 2]);
        }
        const V h =
            Tail::next_state(t, load(update + at),
                             Tail::template candidate<Hard>(t, candidate_preact), load(state + at));
        h.store_aligned(state_next + at);
        Tail::operand(t, h).store_aligned(operands_next + at);
      }
    }
  }

  static void gru(const Float64Gru& g, int count, const double* x, std::size_t x_stride,
                  double* operands, double* states, std::size_t stride, double* scratch) {
    for (int t = 0; t < count; ++t, x += x_stride, operands += stride, states += stride)
      if (g.elementwise.activation == Activation::hard)
        step<true>(g, x, operands, states, operands + stride, states + stride, scratch);
      else
        step<false>(g, x, operands, states, operands + stride, states + stride, scratch);
  }

  static void readout(const IntegerReadout& r, int count, const double* values, std::size_t stride,
                      double* out) {
    const V low(r.lowest), high(r.highest);
    for (int t = 0; t < count; ++t, values += stride)
      for (int c = 0; c < r.rows; ++c, out += kLaneBlock)
        for (int v = 0; v < kLaneBlock; v += kWidth) {
          V sum(r.bias[c]);
          for (int k = 0; k < r.words; ++k)
            sum = sum + V(r.float64_weights[c * r.words + k]) * load(values + k * kLaneBlock + v);
          xsimd::max(low, xsimd::min(high, xsimd::nearbyint(sum * V(r.scale[c]))))
              .store_aligned(out + v);
        }
  }
};

}  // namespace
}  // namespace taugate::simd
