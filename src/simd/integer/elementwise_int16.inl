#pragma once
// The element-wise operations of a step in lanes of 16 bits, for the widths of fits_int16(): twice
// as many lanes as words have, and each operation exact as arithmetic.h defines it.
//
// Two registers of words, a and b, become one of 16-bit values that holds, in each 16 bytes, four of a and
// then four of b. States keep that order.

#include "simd/integer/products.inl"
#include "simd/integer/registers.inl"

namespace taugate::simd {
namespace {

template <class Arch>
struct Int16Lanes {
  using V = xsimd::batch<std::int16_t, Arch>;
  using W = xsimd::batch<std::int32_t, Arch>;
  using F = xsimd::batch<float, Arch>;
  static constexpr int kLanes = static_cast<int>(V::size);
  static constexpr bool kWholeTable = kLanes == 32;  ///< one look-up reaches all of the table

  static V load(const std::int16_t* p) { return V::load_aligned(p); }

  /// What a layer's run needs to know, made once.
  struct Constants {
    struct Table {  ///< magnitudes of `fraction` bits
      __m128i index, rest;
      V last;
      explicit Table(int fraction)
          : index(_mm_cvtsi32_si128(fraction - 3)),
            rest(_mm_cvtsi32_si128(19 - fraction)),
            last(static_cast<std::int16_t>(std::min((1 << (fraction + 2)) - 1, 0xffff))) {}
    };
    Table gate, candidate;
    V bases, slopes;                              // kWholeTable
    V base_low[2], base_high[2], slope_bytes[2];  // else

    explicit Constants(const ElementwiseParams& w)
        : gate(w.gate_preact_frac_bits + 1), candidate(w.candidate_preact_frac_bits) {
      const TanhSegments& t = *w.segments;
      if constexpr (kWholeTable) {
        bases = V(V::load_aligned(reinterpret_cast<const std::int16_t*>(t.bases)));
        slopes = V(V::load_aligned(reinterpret_cast<const std::int16_t*>(t.slopes)));
      } else {
        using R = typename V::register_type;
        for (int half = 0; half < 2; ++half) {
          base_low[half] = V(sixteen_bytes(t.base_low + 16 * half, R{}));
          base_high[half] = V(sixteen_bytes(t.base_high + 16 * half, R{}));
          slope_bytes[half] = V(sixteen_bytes(t.slope_bytes + 16 * half, R{}));
        }
      }
    }
  };

  /// Bases and slopes * 2^4 (kWholeTable) or 2^8 of the segments index[i] < 32.
  template <int N>
  [[gnu::always_inline]] static void look_up(const Constants& c, const V (&index)[N], V (&base)[N],
                                             V (&slope)[N]) {
    if constexpr (kWholeTable) {
#ifdef __AVX512BW__
      unroll<N>([&](auto i) {
        base[i] = V(_mm512_permutexvar_epi16(index[i], c.bases));
        slope[i] = V(_mm512_permutexvar_epi16(index[i], c.slopes));
      });
#endif
    } else {
      look_up_bytes<N>(c, index, base, slope);
    }
  }
  template <int N>
  static void look_up_bytes(const Constants& c, const V (&index)[N], V (&base)[N], V (&slope)[N]) {
    // Bytes of two registers at once; a byte's fifth bit chooses the half of the table.
    unroll<(N + 1) / 2>([&](auto pair) {
      constexpr int a = 2 * pair, b = std::min(a + 1, N - 1);
      const V bytes(pack_int16(index[a], index[b])), upper = bytes << 3;
      const auto from = [&](const V(&halves)[2]) {
        return V(
            choose_bytes(shuffle_bytes(halves[0], bytes), shuffle_bytes(halves[1], bytes), upper));
      };
      const V low = from(c.base_low), high = from(c.base_high), slopes = from(c.slope_bytes);
      base[a] = V(interleave_bytes_low(low, high));
      slope[a] = V(interleave_bytes_low(V(std::int16_t{0}), slopes));
      if constexpr (b != a) {
        base[b] = V(interleave_bytes_high(low, high));
        slope[b] = V(interleave_bytes_high(V(std::int16_t{0}), slopes));
      }
    });
  }

  /// tanh of |x|, in 2^-15. The rest within a segment is shifted to the top of its lane, so that
  /// the upper half of its product with the slope is the product in 2^-15, rounded down.
  template <int N>
  [[gnu::always_inline]] static void tanh(const Constants& c, const typename Constants::Table& t,
                                          V (&x)[N]) {
    V index[N], base[N], slope[N];
    unroll<N>([&](auto i) { x[i] = V(least_unsigned(magnitude(x[i]), t.last)); });
    unroll<N>([&](auto i) { index[i] = V(shift_down(x[i], t.index)); });
    look_up<N>(c, index, base, slope);
    unroll<N>([&](auto i) {
      x[i] = V(shift_up(x[i], t.rest));
      if constexpr (!kWholeTable) x[i] = V(shift_down(x[i], _mm_cvtsi32_si128(4)));
      x[i] = base[i] + V(high_product(x[i], slope[i]));
    });
  }

  /// Sums of r or z to 0 .. 128.
  template <int N>
  [[gnu::always_inline]] static void gates(const Constants& c, V (&x)[N]) {
    V sum[N];
    unroll<N>([&](auto i) { sum[i] = x[i]; });
    tanh<N>(c, c.gate, x);
    unroll<N>([&](auto i) {
      // 16 to 7 fraction bits, halves to even; up to 2^15, so without a sign.
      const V odd = (x[i] >> 9) & V(std::int16_t{1});
      x[i] = V(shift_down(x[i] + (odd + V(std::int16_t{255})), _mm_cvtsi32_si128(9)));
      x[i] = V(with_sign(x[i], sum[i])) + V(std::int16_t{64});
    });
  }

  template <int N>
  [[gnu::always_inline]] static void candidates(const Constants& c, V (&x)[N]) {
    V sum[N];
    unroll<N>([&](auto i) { sum[i] = x[i]; });
    tanh<N>(c, c.candidate, x);
    unroll<N>([&](auto i) { x[i] = V(with_sign(x[i], sum[i])); });
  }

  /// round(p / 128), halves to even, in the lower half of each word, of p = `start()` plus products
  /// with |p| <= 2^22.
  static W start() { return W(kFuses ? FloatRequantizers::kStart : 0); }
  static W divided(W p) {
    if constexpr (kFuses) {
      constexpr float gain = 0x1p-7f, one = FloatRequantizers::kOneAndAHalf;
      return xsimd::bitwise_cast<W>(
          multiply_add<Arch>(xsimd::bitwise_cast<F>(p), F(gain), F(one * (1.0f - gain))));
    } else {
      return W(_mm_cvtps_epi32(_mm_mul_ps(_mm_cvtepi32_ps(p), _mm_set1_ps(0x1p-7f))));
    }
  }

  /// The argument of n: input_preact + round(r s / 128), saturating.
  static V candidate_preact(V input_preact, V r, V s) {
    const W even(std::int32_t{0xffff}), gate = xsimd::bitwise_cast<W>(r);
    const W low = divided(W(PairDot::dot(start(), gate & even, s)));
    const W high = divided(W(PairDot::dot(start(), gate & ~even, s)));
    return V(add_saturating(input_preact, even_odd(low, high << 16)));
  }

  /// n + z (h - n) = ((128 - z) n + z h) / 128, rounded once.
  static V blend(V z, V n, V h) {
    const V rest = V(std::int16_t{128}) - z;
    const W low = divided(W(PairDot::dot(start(), interleave_low(rest, z), interleave_low(n, h))));
    const W high =
        divided(W(PairDot::dot(start(), interleave_high(rest, z), interleave_high(n, h))));
    return V(pack_words(low - start(), high - start()));
  }

  /// The state to 7 fraction bits. Adding saturates: what would be 128 is 127.
  static V operand(V h) {
    const V odd = (h >> 8) & V(std::int16_t{1});
    const V rounded = V(add_saturating(h, odd + V(std::int16_t{127}))) >> 8;
    return xsimd::max(rounded, V(std::int16_t{-127}));
  }

  /// A whole step of N registers: h becomes the next state, q its operand. sum(plane, i): the sums
  /// of r, z, n's input part and s.
  template <int N, class Sum>
  [[gnu::always_inline]] static void step(const Constants& c, Sum&& sum, V (&h)[N], V (&q)[N]) {
    V r[N], z[N], n[N];
    unroll<N>([&](auto i) { r[i] = sum(0, i); });
    gates<N>(c, r);
    unroll<N>([&](auto i) { n[i] = candidate_preact(sum(2, i), r[i], sum(3, i)); });
    unroll<N>([&](auto i) { z[i] = sum(1, i); });
    gates<N>(c, z);
    candidates<N>(c, n);
    unroll<N>([&](auto i) { h[i] = blend(z[i], n[i], h[i]); });
    unroll<N>([&](auto i) { q[i] = operand(h[i]); });
  }

  static constexpr bool kFuses = kFusesMultiplyAdd<Arch>;
};

}  // namespace
}  // namespace taugate::simd
