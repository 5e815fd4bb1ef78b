#pragma once
// A GRU layer over whole traces, for inference. A tile of a few units keeps its sums of r, z and
// one part of n in registers while it walks over the states and then the inputs, and goes straight
// from there through the gates to the new state: nothing else is stored.

#include "simd/float/activations.inl"

namespace taugate::simd {
namespace {

/// `Units`: units of a tile, 3 * Units * kVectors sums; what is left of a layer's units makes a
/// smaller tile.
template <class Arch, int Units>
struct BatchGruKernel : Registers<Arch> {
  using typename Registers<Arch>::V;
  using Registers<Arch>::kVectors, Registers<Arch>::kWidth;
  using Registers<Arch>::load, Registers<Arch>::splat;

  /// New states of N registers. `sums`: planes of `plane` values, the sums of r, z, the input part
  /// of n and its recurrent part s, of weights scaled as BatchGru says.
  ///
  ///   r = 1/(1+a), z = 1/(1+b), n = (1-c)/(1+c)  with a, b, c the powers of two
  ///   h' = n + z (h - n) = (b (1-c) + h (1+c)) / ((1+b) (1+c)): one division for z and n
  template <bool Hard, int N>
  [[gnu::always_inline]] static void new_states(const float* sums, int plane, const float* h,
                                                float* next) {
    V r[N], z[N], n[N];
    unroll<N>([&](auto i) {
      r[i] = load(sums + i * kWidth);
      z[i] = load(sums + plane + i * kWidth);
    });
    const auto candidate = [&](auto i) {
      return xsimd::fma(load(sums + 3 * plane + i * kWidth), r[i],
                        load(sums + 2 * plane + i * kWidth));
    };
    const V zero = splat(0.0f), one = splat(1.0f);
    if constexpr (Hard) {
      unroll<N>([&](auto i) {
        r[i] = xsimd::max(zero, xsimd::min(one, r[i]));
        z[i] = xsimd::max(zero, xsimd::min(one, z[i]));
        n[i] = tanh<true>(candidate(i));
        xsimd::fma(z[i], load(h + i * kWidth) - n[i], n[i]).store_aligned(next + i * kWidth);
      });
    } else {
      exp2<N>(r);
      unroll<N>([&](auto i) { r[i] = one / (r[i] + one); });
      unroll<N>([&](auto i) { n[i] = candidate(i); });
      exp2<N>(z);
      exp2<N>(n);
      V above[N], below[N];
      unroll<N>([&](auto i) { below[i] = n[i] + one; });
      unroll<N>([&](auto i) { above[i] = z[i] * (one - n[i]); });
      unroll<N>([&](auto i) { above[i] = xsimd::fma(load(h + i * kWidth), below[i], above[i]); });
      unroll<N>([&](auto i) { below[i] = below[i] * (z[i] + one); });
      unroll<N>([&](auto i) { (above[i] / below[i]).store_aligned(next + i * kWidth); });
    }
  }

  /// Units first .. first + Tile of one step.
  template <bool Hard, int Tile>
  static void tile(const BatchGru<float>& g, const float* w, int first, const float* x,
                   const float* h, float* next) {
    constexpr int kPlane = Tile * kLaneBlock;
    alignas(64) float sums[4 * kPlane];
    const float* bias = g.bias + 4 * first;
    V sum[3 * Tile][kVectors];
    const auto put = [&](auto row, int plane) {
      unroll<kVectors>([&](auto v) {
        sum[row][v].store_aligned(sums + plane * kPlane + row % Tile * kLaneBlock + v * kWidth);
      });
    };
    const auto sweep = [&](const float* values, int count) __attribute__((always_inline)) {
      for (int k = 0; k < count; ++k, values += kLaneBlock, w += 3 * Tile) {
        V column[kVectors];
        unroll<kVectors>([&](auto v) { column[v] = load(values + v * kWidth); });
        unroll<3 * Tile>([&](auto row) {
          const V weight = splat(w[row]);
          unroll<kVectors>(
              [&](auto v) { sum[row][v] = xsimd::fma(weight, column[v], sum[row][v]); });
        });
      }
    };
    unroll<3 * Tile>([&](auto row) {
      unroll<kVectors>([&](auto v) { sum[row][v] = splat(bias[row + row / (2 * Tile) * Tile]); });
    });
    sweep(h, g.hidden);
    unroll<Tile>([&](auto u) {
      constexpr std::integral_constant<int, 2 * Tile + u> row{};
      put(row, 3);
      unroll<kVectors>([&](auto v) { sum[row][v] = splat(bias[row]); });
    });
    sweep(x, g.inputs);
    unroll<3 * Tile>([&](auto row) { put(row, row / Tile); });

    constexpr int kRegisters = Tile * kVectors, kAtOnce = kRegisters % 4 == 0 ? 4 : 1;
    for (int i = 0; i < kRegisters * kWidth; i += kAtOnce * kWidth)
      new_states<Hard, kAtOnce>(sums + i, kPlane, h + first * kLaneBlock + i,
                                next + first * kLaneBlock + i);
  }

  template <bool Hard>
  static void steps(const BatchGru<float>& g, int steps, const float* x, std::size_t x_stride,
                    float* states, std::size_t stride) {
    const std::size_t unit_weights = 3 * static_cast<std::size_t>(g.hidden + g.inputs);
    const int rest = g.hidden % Units;
    for (int t = 0; t < steps; ++t, x += x_stride, states += stride) {
      const float* w = g.weights;
      int first = 0;
      for (; first + Units <= g.hidden; first += Units, w += Units * unit_weights)
        tile<Hard, Units>(g, w, first, x, states, states + stride);
      unroll<Units>([&](auto units) {
        if constexpr (units > 0)
          if (rest == units) tile<Hard, units>(g, w, first, x, states, states + stride);
      });
    }
  }

  static void run(const BatchGru<float>& g, Activation kind, int count, const float* x,
                  std::size_t x_stride, float* states, std::size_t stride) {
    if (kind == Activation::hard)
      steps<true>(g, count, x, x_stride, states, stride);
    else
      steps<false>(g, count, x, x_stride, states, stride);
  }
};

}  // namespace
}  // namespace taugate::simd
