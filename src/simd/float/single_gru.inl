#pragma once
// One trace alone: units lie in the lanes instead of traces.
//
// A step is a chain that nothing can shorten by width alone: broadcast h, sum, r, n, h. So the sums
// are several, the activations are short (exponents arrive in powers of two, and the blend shares
// one division), and the input's part, which does not wait for h, is done beforehand for many steps
// at once. Weights that overflow the first cache are walked forwards and backwards in turn, so that
// the part that was read last is read first.

#include "simd/float/activations.inl"

namespace taugate::simd {
namespace {

template <class Arch>
struct SingleGruKernel : Registers<Arch> {
  using typename Registers<Arch>::V;
  using Registers<Arch>::kWidth;
  using Registers<Arch>::load, Registers<Arch>::splat;
  /// Steps that share one load of an input weight: 3 gates x kTile sums and 3 weights fit the
  /// registers.
  static constexpr int kTile = kWidth == 16 ? 8 : 4;
  /// Weights beyond this do not stay in the first cache.
  static constexpr std::size_t kFirstCache = 28 * 1024;

  // ---- the input's part

  template <int Steps>
  static void input_tile(const SingleGru<float>& g, int first, const float* x, std::size_t x_stride,
                         float* sums) {
    const std::size_t plane = static_cast<std::size_t>(g.padded);
    V sum[3][Steps];
    unroll<3>([&](auto gate) {
      const V bias = load(g.bias + gate * plane + first);
      unroll<Steps>([&](auto t) { sum[gate][t] = bias; });
    });
    const float* w = g.input + static_cast<std::size_t>(first) * 3 * g.inputs;
    for (int k = 0; k < g.inputs; ++k, w += 3 * kWidth, ++x) {
      const V r = load(w), z = load(w + kWidth), n = load(w + 2 * kWidth);
      unroll<Steps>([&](auto t) {
        const V value = splat(x[t * x_stride]);
        sum[0][t] = xsimd::fma(r, value, sum[0][t]);
        sum[1][t] = xsimd::fma(z, value, sum[1][t]);
        sum[2][t] = xsimd::fma(n, value, sum[2][t]);
      });
    }
    unroll<Steps>([&](auto t) {
      unroll<3>(
          [&](auto gate) { sum[gate][t].store_aligned(sums + (t * 3 + gate) * plane + first); });
    });
  }

  static void input(const SingleGru<float>& g, int steps, const float* x, std::size_t x_stride,
                    float* sums) {
    int t = 0;
    const auto tiles = [&](auto size) {
      for (; t + size <= steps; t += size)
        for (int first = 0; first < g.padded; first += kWidth)
          input_tile<size>(g, first, x + t * x_stride, x_stride,
                           sums + static_cast<std::size_t>(t) * 3 * g.padded);
    };
    tiles(std::integral_constant<int, kTile>{});
    tiles(std::integral_constant<int, 1>{});
  }

  // ---- gates

  /// exp2 of activations.inl with fewer operations behind each other, if more in all.
  template <int N>
  [[gnu::always_inline]] static void exp2_soon(V (&x)[N]) {
    using Bits = xsimd::batch<std::int32_t, Arch>;
    V f[N], square[N], high[N], middle[N], low[N];
    Bits exponent[N];
    unroll<N>([&](auto i) { x[i] = xsimd::max(splat(-60.0f), xsimd::min(splat(60.0f), x[i])); });
    unroll<N>([&](auto i) {
      const V whole = xsimd::nearbyint(x[i]);
      f[i] = x[i] - whole;
      exponent[i] = xsimd::to_int(whole) << 23;
    });
    // 2^f on [-1/2, 1/2], from scripts/fit_exp2.py, by Estrin's scheme.
    unroll<N>([&](auto i) {
      square[i] = f[i] * f[i];
      high[i] = xsimd::fma(splat(1.326697529e-03f), f[i], splat(9.675464593e-03f));
      middle[i] = xsimd::fma(splat(5.550742522e-02f), f[i], splat(2.402212173e-01f));
      low[i] = xsimd::fma(splat(6.931469440e-01f), f[i], splat(1.000000119e+00f));
    });
    unroll<N>([&](auto i) { high[i] = xsimd::fma(high[i], square[i], middle[i]); });
    unroll<N>([&](auto i) { high[i] = xsimd::fma(high[i], square[i], low[i]); });
    unroll<N>([&](auto i) {
      x[i] = xsimd::bitwise_cast<V>(xsimd::bitwise_cast<Bits>(high[i]) + exponent[i]);
    });
  }

  /// From the sums of r, n's input part and s to the argument of n: n += r s.
  template <bool Hard, int N>
  [[gnu::always_inline]] static void apply_reset(V (&r)[N], V (&n)[N], V (&s)[N]) {
    const V zero = splat(0.0f), one = splat(1.0f);
    if constexpr (Hard) {
      unroll<N>(
          [&](auto i) { n[i] = xsimd::fma(xsimd::max(zero, xsimd::min(one, r[i])), s[i], n[i]); });
    } else {
      exp2_soon<N>(r);
      unroll<N>([&](auto i) { n[i] += s[i] / (one + r[i]); });
    }
  }

  /// From the sum of z and the argument of n to the new states; z and n smooth by one division:
  ///   z = 1/(1+b), n = (1-c)/(1+c), h' = n + z (h - n) = (b (1-c) + h (1+c)) / ((1+b) (1+c))
  template <bool Hard, int N>
  [[gnu::always_inline]] static void blend(V (&z)[N], V (&n)[N], const float* h, float* next) {
    const V zero = splat(0.0f), one = splat(1.0f);
    if constexpr (Hard) {
      unroll<N>([&](auto i) {
        const V update = xsimd::max(zero, xsimd::min(one, z[i])), candidate = tanh<true>(n[i]);
        xsimd::fma(update, load(h + i * kWidth) - candidate, candidate)
            .store_aligned(next + i * kWidth);
      });
    } else {
      exp2_soon<N>(n);
      exp2_soon<N>(z);
      unroll<N>([&](auto i) {
        const V below = one + n[i];
        const V above = xsimd::fma(load(h + i * kWidth), below, z[i] * (one - n[i]));
        (above / ((one + z[i]) * below)).store_aligned(next + i * kWidth);
      });
    }
  }

  // ---- the recurrence

  /// Count neighbouring registers of units on their way through the steps, in a layer packed by
  /// groups of Gap registers. Each sum is split into Parts, so that it does not wait for its last
  /// term. Registers are the caller's: in a member the compiler would keep them in memory.
  template <bool Hard, int Count, int Gap, int Parts>
  struct Strand {
    using Sums = V[3][Count][Parts];
    using Gates = V[Count];
    const float *weights, *s_bias, *sums, *h;
    float* next;
    std::size_t sums_stride, states_stride;
    int plane, first;

    Strand(const SingleRun<float>& run, int first_unit)
        : weights(run.gru->recurrent +
                  static_cast<std::size_t>(first_unit / (Gap * kWidth)) * Gap * kWidth * 3 *
                      run.gru->hidden +
                  first_unit % (Gap * kWidth)),
          s_bias(run.gru->bias + 3 * run.gru->padded + first_unit),
          sums(run.sums + first_unit),
          h(run.h0),
          next(run.states),
          sums_stride(run.sums_stride),
          states_stride(run.states_stride),
          plane(run.gru->padded),
          first(first_unit) {}

    [[gnu::always_inline]] void begin(Sums& sum) const {
      unroll<Count>([&](auto v) __attribute__((always_inline)) {
        sum[0][v][0] = load(sums + v * kWidth);
        sum[1][v][0] = load(sums + plane + v * kWidth);
        sum[2][v][0] = load(s_bias + v * kWidth);
        unroll<Parts - 1>([&](auto part) __attribute__((always_inline)) {
          sum[0][v][part + 1] = sum[1][v][part + 1] = sum[2][v][part + 1] = splat(0.0f);
        });
      });
    }

    template <int Part>
    [[gnu::always_inline]] void add(Sums& sum, int k) const {
      const V value = splat(h[k]);
      const float* w = weights + static_cast<std::size_t>(k) * 3 * Gap * kWidth;
      unroll<3>([&](auto gate) __attribute__((always_inline)) {
        unroll<Count>([&](auto v) __attribute__((always_inline)) {
          sum[gate][v][Part] =
              xsimd::fma(load(w + (gate * Gap + v) * kWidth), value, sum[gate][v][Part]);
        });
      });
    }

    /// Terms [from, to) of the sums.
    [[gnu::always_inline]] void sweep(Sums& sum, int from, int to) const {
      int k = from;
      for (; k + 4 <= to; k += 4)
        unroll<4>([&](auto j) __attribute__((always_inline)) { add<j % Parts>(sum, k + j); });
      for (; k < to; ++k) add<0>(sum, k);
    }
    [[gnu::always_inline]] void sweep_back(Sums& sum, int to) const {
      int k = to;
      for (; k >= 4; k -= 4)
        unroll<4>([&](auto j) __attribute__((always_inline)) { add<j % Parts>(sum, k - 1 - j); });
      for (; k > 0; --k) add<0>(sum, k - 1);
    }

    /// From complete sums to those of z and the argument of n.
    [[gnu::always_inline]] void reset(Sums& sum, Gates& z, Gates& n) const {
      Gates r, s;
      const auto total = [](const V(&parts)[Parts]) __attribute__((always_inline)) {
        if constexpr (Parts == 4) return (parts[0] + parts[1]) + (parts[2] + parts[3]);
        if constexpr (Parts == 2) return parts[0] + parts[1];
        if constexpr (Parts == 1) return parts[0];
      };
      unroll<Count>([&](auto v) __attribute__((always_inline)) {
        r[v] = total(sum[0][v]);
        z[v] = total(sum[1][v]);
        s[v] = total(sum[2][v]);
        n[v] = load(sums + 2 * plane + v * kWidth);
      });
      apply_reset<Hard, Count>(r, n, s);
    }

    /// Writes the new states and moves on to the next step.
    [[gnu::always_inline]] void finish(Gates& z, Gates& n) {
      blend<Hard, Count>(z, n, h + first, next + first);
      sums += sums_stride;
      h = next;
      next += states_stride;
    }
  };

  /// Two strands half a step apart: while the gates of one wait for each other, the other sums.
  /// They are two layers, or the two halves of one, of which the first `split` units are the first
  /// strand's: its second half step reads what the other one has just finished.
  template <bool Hard, int Count, int Gap>
  static void side_by_side(Strand<Hard, Count, Gap, 2 / Count> a,
                           Strand<Hard, Count, Gap, 2 / Count> b, int hidden, int split,
                           int steps) {
    V z_a[Count], n_a[Count], z_b[Count], n_b[Count];
    unroll<Count>([&](auto v) { z_b[v] = n_b[v] = splat(0.0f); });  // else g++ 12 warns
    for (int t = 0; t < steps; ++t) {
      V sum_a[3][Count][2 / Count];
      a.begin(sum_a);
      a.sweep(sum_a, 0, split);
      if (t > 0) b.finish(z_b, n_b);
      a.sweep(sum_a, split, hidden);
      a.reset(sum_a, z_a, n_a);
      V sum_b[3][Count][2 / Count];
      b.begin(sum_b);
      b.sweep(sum_b, 0, split);
      a.finish(z_a, n_a);
      b.sweep(sum_b, split, hidden);
      b.reset(sum_b, z_b, n_b);
    }
    b.finish(z_b, n_b);
  }

  /// Two registers of units, or the odd one.
  template <bool Hard, int Count>
  static void group(const SingleRun<float>& run, int first, bool backwards) {
    constexpr int kParts = 4 / Count;
    Strand<Hard, Count, Count, kParts> strand(run, first);
    V sum[3][Count][kParts], z[Count], n[Count];
    strand.begin(sum);
    if (backwards)
      strand.sweep_back(sum, run.gru->hidden);
    else
      strand.sweep(sum, 0, run.gru->hidden);
    strand.reset(sum, z, n);
    strand.finish(z, n);
  }

  /// Any size: one group of units after the other.
  template <bool Hard>
  static void by_groups(SingleRun<float> run, int steps, bool in_turn) {
    constexpr int kPair = 2 * kWidth;
    const int pairs = run.gru->padded / kPair, odd = run.gru->padded % kPair;
    for (int t = 0; t < steps; ++t) {
      const bool backwards = in_turn && t % 2 == 1;
      if (odd && backwards) group<Hard, 1>(run, pairs * kPair, backwards);
      for (int i = 0; i < pairs; ++i)
        group<Hard, 2>(run, (backwards ? pairs - 1 - i : i) * kPair, backwards);
      if (odd && !backwards) group<Hard, 1>(run, pairs * kPair, backwards);
      run.sums += run.sums_stride;
      run.h0 = run.states;
      run.states += run.states_stride;
    }
  }

  template <bool Hard>
  static void one(const SingleRun<float>& run, int steps) {
    const SingleGru<float>& g = *run.gru;
    const bool in_turn =
        static_cast<std::size_t>(g.hidden) * 3 * g.padded * sizeof(float) > kFirstCache;
    if (g.padded == 2 * kWidth)
      side_by_side<Hard, 1, 2>({run, 0}, {run, kWidth}, g.hidden, kWidth, steps);
    else if (g.padded == 4 * kWidth && !in_turn)
      side_by_side<Hard, 2, 2>({run, 0}, {run, 2 * kWidth}, g.hidden, 2 * kWidth, steps);
    else
      by_groups<Hard>(run, steps, in_turn);
  }

  template <bool Hard>
  static void steps_of(const SingleRun<float>* runs, int count, int steps) {
    const SingleGru<float>& g = *runs[0].gru;
    if (count == 2 && g.padded == kWidth)
      return side_by_side<Hard, 1, 1>({runs[0], 0}, {runs[1], 0}, g.hidden, g.hidden / 2, steps);
    if (count == 2 && g.padded == 2 * kWidth)
      return side_by_side<Hard, 2, 2>({runs[0], 0}, {runs[1], 0}, g.hidden, g.hidden / 2, steps);
    for (int i = 0; i < count; ++i) one<Hard>(runs[i], steps);
  }

  static void steps(const SingleRun<float>* runs, int count, Activation kind, int steps) {
    if (kind == Activation::hard)
      steps_of<true>(runs, count, steps);
    else
      steps_of<false>(runs, count, steps);
  }
};

}  // namespace
}  // namespace taugate::simd
