#pragma once
// Products of packed operands, and their sums on the way to fewer bits.

#include "simd/integer/lanes.inl"

namespace taugate::simd {
namespace {

/// Accumulators in 32-bit lanes to sums: exact in doubles (31 + 16 bits), rounded once, halves to
/// even. The result fits 32 bits.
template <class Arch>
xsimd::batch<std::int32_t, Arch> scaled(xsimd::batch<std::int32_t, Arch> sum, double scale) {
  using V = xsimd::batch<std::int32_t, Arch>;
  if constexpr (V::size == 16) {  // NOLINT(bugprone-branch-clone): empty below AVX2
#ifdef __AVX512F__
    constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    const __m512d by = _mm512_set1_pd(scale);
    const auto half = [&](__m256i x) {
      return _mm512_cvt_roundpd_epi32(_mm512_mul_pd(_mm512_cvtepi32_pd(x), by), kNearest);
    };
    return V(_mm512_inserti64x4(_mm512_castsi256_si512(half(_mm512_castsi512_si256(sum))),
                                half(_mm512_extracti64x4_epi64(sum, 1)), 1));
#endif
  } else if constexpr (V::size == 8) {
#ifdef __AVX2__
    const __m256d by = _mm256_set1_pd(scale);
    const auto half = [&](__m128i x) {
      return _mm256_cvtpd_epi32(_mm256_mul_pd(_mm256_cvtepi32_pd(x), by));
    };
    return V(_mm256_inserti128_si256(_mm256_castsi128_si256(half(_mm256_castsi256_si128(sum))),
                                     half(_mm256_extracti128_si256(sum, 1)), 1));
#endif
  } else {
    const __m128d by = _mm_set1_pd(scale);
    const auto half = [&](__m128i x) {
      return _mm_cvtpd_epi32(_mm_mul_pd(_mm_cvtepi32_pd(x), by));
    };
    return V(_mm_unpacklo_epi64(half(sum), half(_mm_unpackhi_epi64(sum, sum))));
  }
  return sum;
}

/// a b + c, rounded once. xsimd 8 has no AVX-512 instruction for it: it multiplies and adds, and
/// only an optimising g++ makes one of the two.
template <class Arch>
xsimd::batch<float, Arch> multiply_add(xsimd::batch<float, Arch> a, xsimd::batch<float, Arch> b,
                                       xsimd::batch<float, Arch> c) {
#ifdef __AVX512F__
  if constexpr (xsimd::batch<float, Arch>::size == 16)
    return xsimd::batch<float, Arch>(_mm512_fmadd_ps(a, b, c));
#endif
  return xsimd::fma(a, b, c);
}

/// The same where FloatRequantizers hold.
template <class Arch>
xsimd::batch<std::int32_t, Arch> fused(xsimd::batch<std::int32_t, Arch> sum,
                                       xsimd::batch<float, Arch> gain,
                                       xsimd::batch<float, Arch> offset) {
  using V = xsimd::batch<std::int32_t, Arch>;
  using F = xsimd::batch<float, Arch>;
  return xsimd::bitwise_cast<V>(multiply_add<Arch>(xsimd::bitwise_cast<F>(sum), gain, offset)) -
         V(FloatRequantizers::kStart);
}

/// As many words as a register holds doubles.
template <class Arch>
xsimd::batch<double, Arch> doubles_of(const std::int32_t* p) {
  using D = xsimd::batch<double, Arch>;
  [[maybe_unused]] const auto* words = reinterpret_cast<const __m128i*>(p);
  if constexpr (D::size == 8) {  // NOLINT(bugprone-branch-clone): empty below AVX2
#ifdef __AVX512F__
    return D(_mm512_cvtepi32_pd(_mm256_load_si256(reinterpret_cast<const __m256i*>(p))));
#endif
  } else if constexpr (D::size == 4) {
#ifdef __AVX2__
    return D(_mm256_cvtepi32_pd(_mm_load_si128(words)));
#endif
  } else {
    return D(_mm_cvtepi32_pd(_mm_loadl_epi64(words)));
  }
}

/// The sum over a register's lanes; xsimd 9 renamed hadd to reduce_add.
template <class V>
std::int32_t sum_of_lanes(V x) {
  if constexpr (requires { reduce_add(x); })
    return reduce_add(x);
  else
    return hadd(x);
}

/// Row c of a readout from its accumulator without the bias.
inline double word_of_output(const IntegerReadout& r, int c, std::int32_t sum) {
  return std::clamp(std::nearbyint((sum + r.bias[c]) * r.scale[c]), r.lowest, r.highest);
}

/// SSE has no fused multiply-add.
template <class Arch>
constexpr bool kFusesMultiplyAdd = xsimd::batch<float, Arch>::size >= 8;

/// Pairs of 16-bit operands: two products a lane and instruction.
struct PairDot {
  static constexpr int kPerWord = 2;
  static constexpr std::int32_t kOffset = 0;
  static __m128i dot(__m128i sum, __m128i x, __m128i w) {
    return _mm_add_epi32(sum, _mm_madd_epi16(x, w));
  }
#ifdef __AVX2__
  static __m256i dot(__m256i sum, __m256i x, __m256i w) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w));
  }
#endif
#ifdef __AVX512BW__
  static __m512i dot(__m512i sum, __m512i x, __m512i w) {
#ifdef __AVX512VNNI__
    return _mm512_dpwssd_epi32(sum, x, w);
#else
    return _mm512_add_epi32(sum, _mm512_madd_epi16(x, w));
#endif
  }
#endif
};

#ifdef __AVX512VNNI__
/// Quadruples of 8-bit operands, offset by 128 since one side is unsigned. Nothing saturates.
struct QuadDot {
  static constexpr int kPerWord = 4;
  static constexpr std::int32_t kOffset = 128;
  static __m512i dot(__m512i sum, __m512i x, __m512i w) { return _mm512_dpbusd_epi32(sum, x, w); }
};
#endif

}  // namespace
}  // namespace taugate::simd
