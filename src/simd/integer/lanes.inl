#pragma once
// Two kinds of lanes that hold whole numbers: 32 bits, and doubles. The same few operations on
// each.

#include <immintrin.h>

#include "simd/float/registers.inl"
#include "simd/integer/integer_kernels.h"

namespace taugate::simd {
namespace {

/// Whole numbers in 32-bit lanes.
template <class Arch>
struct Words {
  using V = xsimd::batch<std::int32_t, Arch>;
  static constexpr int kWidth = static_cast<int>(V::size), kVectors = kLaneBlock / kWidth;

  static V power(int exponent) { return V(std::int32_t{1} << exponent); }
  static V up(V x, int shift) { return x << shift; }
  static V floor_shift(V x, int shift) { return x >> shift; }
  /// Halves to even: half less one, and one more where the result would be odd.
  static V round_shift(V x, int shift) {
    if (shift == 0) return x;
    const V below = x >> shift;
    return (x + V((std::int32_t{1} << (shift - 1)) - 1) + (below & V(1))) >> shift;
  }
  static V low_bits(V x, int bits) { return x & V((std::int32_t{1} << bits) - 1); }
  /// Of numbers within 16 bits, one of them not negative.
  static V int16_product(V x, V positive) {
    if constexpr (kWidth == 16) {  // NOLINT(bugprone-branch-clone): empty below AVX2
#ifdef __AVX512BW__
      return V(_mm512_madd_epi16(x, positive));
#endif
    } else if constexpr (kWidth == 8) {
#ifdef __AVX2__
      return V(_mm256_madd_epi16(x, positive));
#endif
    } else {
      return V(_mm_madd_epi16(x, positive));
    }
    return x;
  }
  /// A segment's value `rest` after its start: base + (slope * rest >> shift).
  static V on_segment(V entry, V rest, int shift) {
    return (entry >> 16) + (int16_product(entry, rest) >> shift);
  }
  /// A segment's word, 0 <= x < 32.
  static V look_up(const TanhSegments& table, V x) {
    const std::int32_t* segments = table.words;
    if constexpr (kWidth == 16) {  // NOLINT(bugprone-branch-clone): empty below AVX2
#ifdef __AVX512F__
      return _mm512_permutex2var_epi32(_mm512_load_si512(segments), x,
                                       _mm512_load_si512(segments + 16));
#endif
    } else if constexpr (kWidth == 8) {
#ifdef __AVX2__
      const auto quarter = [&](int i) {
        return _mm256_permutevar8x32_epi32(
            _mm256_load_si256(reinterpret_cast<const __m256i*>(segments) + i), x);
      };
      // Bits 3 and 4 of x choose the quarter; a blend looks at a lane's sign.
      const auto blend = [](__m256i a, __m256i b, __m256i mask) {
        return _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b),
                                                    _mm256_castsi256_ps(mask)));
      };
      const __m256i bit3 = _mm256_slli_epi32(x, 28), bit4 = _mm256_slli_epi32(x, 27);
      return V(
          blend(blend(quarter(0), quarter(1), bit3), blend(quarter(2), quarter(3), bit3), bit4));
#endif
    } else {
      alignas(64) std::int32_t lanes[kWidth];
      x.store_aligned(lanes);
      for (std::int32_t& lane : lanes) lane = segments[lane];
      return V::load_aligned(lanes);
    }
    return x;
  }
};

/// Whole numbers in doubles, below 2^53 at every step.
template <class Arch>
struct Reals {
  using V = xsimd::batch<double, Arch>;
  static constexpr int kWidth = static_cast<int>(V::size), kVectors = kLaneBlock / kWidth;

  static double two_to(int exponent) { return std::ldexp(1.0, exponent); }
  static V power(int exponent) { return V(two_to(exponent)); }
  static V up(V x, int shift) { return x * power(shift); }
  static V floor_shift(V x, int shift) { return xsimd::floor(x * power(-shift)); }
  static V round_shift(V x, int shift) { return xsimd::nearbyint(x * power(-shift)); }
  static V low_bits(V x, int bits) { return x - up(floor_shift(x, bits), bits); }
  static V int16_product(V x, V positive) { return x * positive; }
  static V on_segment(V entry, V rest, int shift) {
    return floor_shift(entry, 16) + floor_shift(low_bits(entry, 16) * rest, shift);
  }
  static V look_up(const TanhSegments& table, V x) {
    alignas(64) double lanes[kWidth];
    x.store_aligned(lanes);
    for (double& lane : lanes) lane = table.words[static_cast<int>(lane)];
    return V::load_aligned(lanes);
  }
};

}  // namespace
}  // namespace taugate::simd
