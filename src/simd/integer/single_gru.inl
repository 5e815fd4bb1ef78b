#pragma once
// An int32 layer for one trace alone: units lie in the lanes, 32 to a group, and their element-wise
// operations fill registers of 16-bit values. What a step waits for is short: a word of operands is
// broadcast from where the last step has put it, and the inputs' products come first.

#include "simd/integer/elementwise_int16.inl"

namespace taugate::simd {
namespace {

template <class Arch, class Dot>
struct SingleNarrowKernel {
  using V = xsimd::batch<std::int32_t, Arch>;
  using F = xsimd::batch<float, Arch>;
  using Half = Int16Lanes<Arch>;
  using H = typename Half::V;
  static constexpr int kUnits = 32, kWidth = static_cast<int>(V::size), kPer = Dot::kPerWord;
  static constexpr int kSums = kUnits / kWidth, kHalves = kSums / 2;  ///< registers of a group

  static V load(const std::int32_t* p) { return V::load_aligned(p); }

  using Sums = V[3][kSums];

  /// sum[gate] += weights times values; w moves on.
  [[gnu::always_inline]] static void sweep(Sums& sum, const std::int32_t*& w,
                                           const std::int32_t* values, int count) {
    for (int k = 0; k < count; ++k, w += 3 * kUnits) {
      const V value(values[k]);
      unroll<3>([&](auto gate) {
        unroll<kSums>([&](auto i) {
          sum[gate][i] = V(Dot::dot(sum[gate][i], value, load(w + gate * kUnits + i * kWidth)));
        });
      });
    }
  }

  /// The complete sums of a plane (r, z, n, s) of the group whose rows begin at `row`.
  [[gnu::always_inline]] static void put(const FloatRequantizers& floats, int row,
                                         const V (&sum)[kSums], H (&half)[kHalves]) {
    const auto word = [&](int i) {
      const int at = row + i * kWidth;
      return fused<Arch>(sum[i], F::load_aligned(floats.gain + at),
                         F::load_aligned(floats.offset + at));
    };
    unroll<kHalves>([&](auto i) { half[i] = H(pack_words(word(2 * i), word(2 * i + 1))); });
  }

  static void put_operands(const H (&q)[kHalves], std::int32_t* words) {
    if constexpr (kPer == 4) {
#ifdef __AVX512BW__
      const __m256i offset = _mm256_set1_epi8(-128);
      _mm256_store_si256(reinterpret_cast<__m256i*>(words),
                         _mm256_xor_si256(_mm512_cvtepi16_epi8(q[0]), offset));
#endif
    } else {
      unroll<kHalves>(
          [&](auto i) { V(xsimd::bitwise_cast<V>(q[i])).store_aligned(words + i * kWidth); });
    }
  }

  static void step(const Int32Gru& g, const typename Half::Constants& constants,
                   const std::int32_t* x, const std::int32_t* operands, std::int32_t* next,
                   std::int16_t* state) {
    const std::int32_t* w = g.weights;
    for (int first = 0; first < g.units; first += kUnits) {
      const int row = 4 * first;
      const auto bias = [&](int plane, int i) {
        return load(g.bias + row + plane * kUnits + i * kWidth);
      };
      V sum[3][kSums];
      H half[4][kHalves], h[kHalves], q[kHalves];
      unroll<3>([&](auto gate) { unroll<kSums>([&](auto i) { sum[gate][i] = bias(gate, i); }); });
      sweep(sum, w, x, g.input_words);
      put(g.floats, row + 2 * kUnits, sum[2], half[2]);
      unroll<kSums>([&](auto i) { sum[2][i] = bias(3, i); });
      sweep(sum, w, operands, g.state_words);
      put(g.floats, row, sum[0], half[0]);
      put(g.floats, row + kUnits, sum[1], half[1]);
      put(g.floats, row + 3 * kUnits, sum[2], half[3]);
      unroll<kHalves>([&](auto i) { h[i] = Half::load(state + first + i * Half::kLanes); });
      Half::template step<kHalves>(
          constants, [&](int plane, auto i) { return half[plane][i]; }, h, q);
      unroll<kHalves>([&](auto i) { h[i].store_aligned(state + first + i * Half::kLanes); });
      put_operands(q, next + first / kPer);
    }
  }

  static void gru(const Int32Gru& g, int count, const std::int32_t* x, std::size_t x_stride,
                  std::int32_t* operands, std::size_t stride, std::int32_t* state) {
    const typename Half::Constants constants(g.elementwise);
    for (int t = 0; t < count; ++t, x += x_stride, operands += stride)
      step(g, constants, x, operands, operands + stride, reinterpret_cast<std::int16_t*>(state));
  }

  static void readout(const IntegerReadout& r, int count, const std::int32_t* operands,
                      std::size_t stride, double* out) {
    for (int t = 0; t < count; ++t, operands += stride)
      for (int c = 0; c < r.rows; ++c) {
        V sum(0);
        for (int k = 0; k < r.words; k += kWidth)
          sum = V(Dot::dot(sum, load(operands + k), load(r.int32_weights + c * r.words + k)));
        *out++ = word_of_output(r, c, sum_of_lanes(sum));
      }
  }
};

}  // namespace
}  // namespace taugate::simd
