#pragma once
// One trace alone: units lie in the lanes instead of traces.
//
// A step is a chain that nothing can shorten by width alone: broadcast h, sum, r, n, h. So the sums
// are several, the activations are short (exponents arrive in powers of two, and the blend shares
// one division), and the input's part, which does not wait for h, is done beforehand for many steps
// at once. Weights that overflow the first cache are walked forwards and backwards in turn, so that
// the part that was read last is read first.

#include "taugate/simd/activations.inl"

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

  /// New states of N registers from their sums, scaled as BatchGru says.
  ///   r = 1/(1+a), z = 1/(1+b), n = (1-c)/(1+c)  with a, b, c the powers of two
  ///   h' = n + z (h - n) = (b (1-c) + h (1+c)) / ((1+b) (1+c)): one division for z and n
  template <bool Hard, int N>
  [[gnu::always_inline]] static void blend(V (&r)[N], V (&z)[N], V (&n)[N], V (&s)[N],
                                           const float* h, float* next) {
    const V zero = splat(0.0f), one = splat(1.0f);
    unroll<N>([&](auto i) {
      if constexpr (Hard) {
        r[i] = xsimd::max(zero, xsimd::min(one, r[i]));
        z[i] = xsimd::max(zero, xsimd::min(one, z[i]));
        n[i] = tanh<true>(xsimd::fma(r[i], s[i], n[i]));
        xsimd::fma(z[i], load(h + i * kWidth) - n[i], n[i]).store_aligned(next + i * kWidth);
      }
    });
    if constexpr (!Hard) {
      exp2<N>(r);
      unroll<N>([&](auto i) { n[i] += s[i] / (one + r[i]); });
      exp2<N>(n);
      exp2<N>(z);
      unroll<N>([&](auto i) {
        const V below = one + n[i];
        const V above = xsimd::fma(load(h + i * kWidth), below, z[i] * (one - n[i]));
        (above / ((one + z[i]) * below)).store_aligned(next + i * kWidth);
      });
    }
  }

  // ---- the recurrence

  /// One step of Count registers of units; their sums are split into Parts, so that a sum need
  /// not wait for its last term.
  template <int Count, int Parts, bool Hard>
  static void group(const SingleGru<float>& g, int first, bool backwards, const float* sums,
                    const float* h, float* next) {
    constexpr int kStride = 3 * Count * kWidth;
    const int H = g.hidden, plane = g.padded;
    V sum[3][Count][Parts];
    unroll<Count>([&](auto v) {
      sum[0][v][0] = load(sums + first + v * kWidth);
      sum[1][v][0] = load(sums + plane + first + v * kWidth);
      sum[2][v][0] = load(g.bias + 3 * plane + first + v * kWidth);
      unroll<3>([&](auto gate) {
        unroll<Parts - 1>([&](auto part) { sum[gate][v][part + 1] = splat(0.0f); });
      });
    });
    const float* w = g.recurrent + static_cast<std::size_t>(first) * 3 * H;
    const auto add = [&](const float* weights, float value, auto part)
        __attribute__((always_inline)) {
      const V broadcast = splat(value);
      unroll<3>([&](auto gate) {
        unroll<Count>([&](auto v) {
          sum[gate][v][part] = xsimd::fma(load(weights + (gate * Count + v) * kWidth), broadcast,
                                          sum[gate][v][part]);
        });
      });
    };
    const int whole = H / Parts * Parts;
    if (backwards) {
      for (int k = H - 1; k >= whole; --k)
        add(w + k * kStride, h[k], std::integral_constant<int, 0>{});
      for (int k = whole - Parts; k >= 0; k -= Parts)
        unroll<Parts>([&](auto part) { add(w + (k + part) * kStride, h[k + part], part); });
    } else {
      for (int k = 0; k < whole; k += Parts)
        unroll<Parts>([&](auto part) { add(w + (k + part) * kStride, h[k + part], part); });
      for (int k = whole; k < H; ++k) add(w + k * kStride, h[k], std::integral_constant<int, 0>{});
    }
    const auto total = [&](auto gate, auto v) __attribute__((always_inline)) {
      V all = sum[gate][v][0];
      if constexpr (Parts == 2) all += sum[gate][v][1];
      if constexpr (Parts == 4) all = (all + sum[gate][v][1]) + (sum[gate][v][2] + sum[gate][v][3]);
      return all;
    };
    V r[Count], z[Count], n[Count], s[Count];
    unroll<Count>([&](auto v) {
      r[v] = total(std::integral_constant<int, 0>{}, v);
      z[v] = total(std::integral_constant<int, 1>{}, v);
      s[v] = total(std::integral_constant<int, 2>{}, v);
      n[v] = load(sums + 2 * plane + first + v * kWidth);
    });
    blend<Hard>(r, z, n, s, h + first, next + first);
  }

  template <bool Hard>
  static void steps_of(const SingleGru<float>& g, int steps, const float* sums,
                       std::size_t sums_stride, const float* h, float* states,
                       std::size_t states_stride) {
    constexpr int kPair = 2 * kWidth;
    const int pairs = g.padded / kPair;
    const bool in_turn =
        static_cast<std::size_t>(g.hidden) * 3 * g.padded * sizeof(float) > kFirstCache;
    for (int t = 0; t < steps; ++t, sums += sums_stride, states += states_stride) {
      const bool backwards = in_turn && t % 2 == 1;
      const auto odd_one = [&] {
        if (g.padded % kPair != 0) group<1, 4, Hard>(g, pairs * kPair, backwards, sums, h, states);
      };
      if (backwards) odd_one();
      for (int i = 0; i < pairs; ++i)
        group<2, 2, Hard>(g, (backwards ? pairs - 1 - i : i) * kPair, backwards, sums, h, states);
      if (!backwards) odd_one();
      h = states;
    }
  }

  static void steps(const SingleGru<float>& g, Activation kind, int steps, const float* sums,
                    std::size_t sums_stride, const float* h0, float* states,
                    std::size_t states_stride) {
    if (kind == Activation::hard)
      steps_of<true>(g, steps, sums, sums_stride, h0, states, states_stride);
    else
      steps_of<false>(g, steps, sums, sums_stride, h0, states, states_stride);
  }
};

}  // namespace
}  // namespace taugate::simd
