#pragma once
// Instructions on registers of 16-bit lanes that xsimd has no name for, one name for all widths.
// "In each 16 bytes" is how the wide ones work: as several narrow ones side by side.

#include <immintrin.h>

namespace taugate::simd {
namespace {

/// Words to 16-bit values, 16-bit values to bytes, saturating: in each 16 bytes first a's, then b's.
inline __m128i pack_words(__m128i a, __m128i b) { return _mm_packs_epi32(a, b); }
inline __m128i pack_int16(__m128i a, __m128i b) { return _mm_packs_epi16(a, b); }
/// a0 b0 a1 b1 ... of the lower and the upper half of each 16 bytes.
inline __m128i interleave_low(__m128i a, __m128i b) { return _mm_unpacklo_epi16(a, b); }
inline __m128i interleave_high(__m128i a, __m128i b) { return _mm_unpackhi_epi16(a, b); }
inline __m128i interleave_bytes_low(__m128i a, __m128i b) { return _mm_unpacklo_epi8(a, b); }
inline __m128i interleave_bytes_high(__m128i a, __m128i b) { return _mm_unpackhi_epi8(a, b); }
/// The bytes of each 16, in another order or from a table of 16.
inline __m128i shuffle_bytes(__m128i x, __m128i order) { return _mm_shuffle_epi8(x, order); }
/// a's even 16-bit values and b's odd ones.
inline __m128i even_odd(__m128i a, __m128i b) { return _mm_blend_epi16(a, b, 0xaa); }
/// Where a byte of `by` is negative b's, else a's.
inline __m128i choose_bytes(__m128i a, __m128i b, __m128i by) { return _mm_blendv_epi8(a, b, by); }
/// The upper half of the products of unsigned 16-bit values.
inline __m128i high_product(__m128i a, __m128i b) { return _mm_mulhi_epu16(a, b); }
inline __m128i magnitude(__m128i x) { return _mm_abs_epi16(x); }
inline __m128i least_unsigned(__m128i a, __m128i b) { return _mm_min_epu16(a, b); }
inline __m128i add_saturating(__m128i a, __m128i b) { return _mm_adds_epi16(a, b); }
/// x, which is 0 where `sign` is, with the sign of `sign`.
inline __m128i with_sign(__m128i x, __m128i sign) { return _mm_sign_epi16(x, sign); }
/// Int16Lanes, filled up with zeros.
inline __m128i shift_up(__m128i x, __m128i count) { return _mm_sll_epi16(x, count); }
inline __m128i shift_down(__m128i x, __m128i count) { return _mm_srl_epi16(x, count); }
inline __m128i sixteen_bytes(const void* p, __m128i) {
  return _mm_load_si128(static_cast<const __m128i*>(p));
}

#ifdef __AVX2__
inline __m256i pack_words(__m256i a, __m256i b) { return _mm256_packs_epi32(a, b); }
inline __m256i pack_int16(__m256i a, __m256i b) { return _mm256_packs_epi16(a, b); }
inline __m256i interleave_low(__m256i a, __m256i b) { return _mm256_unpacklo_epi16(a, b); }
inline __m256i interleave_high(__m256i a, __m256i b) { return _mm256_unpackhi_epi16(a, b); }
inline __m256i interleave_bytes_low(__m256i a, __m256i b) { return _mm256_unpacklo_epi8(a, b); }
inline __m256i interleave_bytes_high(__m256i a, __m256i b) { return _mm256_unpackhi_epi8(a, b); }
inline __m256i shuffle_bytes(__m256i x, __m256i order) { return _mm256_shuffle_epi8(x, order); }
inline __m256i even_odd(__m256i a, __m256i b) { return _mm256_blend_epi16(a, b, 0xaa); }
inline __m256i choose_bytes(__m256i a, __m256i b, __m256i by) {
  return _mm256_blendv_epi8(a, b, by);
}
inline __m256i high_product(__m256i a, __m256i b) { return _mm256_mulhi_epu16(a, b); }
inline __m256i magnitude(__m256i x) { return _mm256_abs_epi16(x); }
inline __m256i least_unsigned(__m256i a, __m256i b) { return _mm256_min_epu16(a, b); }
inline __m256i add_saturating(__m256i a, __m256i b) { return _mm256_adds_epi16(a, b); }
inline __m256i with_sign(__m256i x, __m256i sign) { return _mm256_sign_epi16(x, sign); }
inline __m256i shift_up(__m256i x, __m128i count) { return _mm256_sll_epi16(x, count); }
inline __m256i shift_down(__m256i x, __m128i count) { return _mm256_srl_epi16(x, count); }
/// The same sixteen in each 16 bytes; the second argument says how wide.
inline __m256i sixteen_bytes(const void* p, __m256i) {
  return _mm256_broadcastsi128_si256(sixteen_bytes(p, __m128i{}));
}
#endif

#ifdef __AVX512BW__
inline __m512i pack_words(__m512i a, __m512i b) { return _mm512_packs_epi32(a, b); }
inline __m512i pack_int16(__m512i a, __m512i b) { return _mm512_packs_epi16(a, b); }
inline __m512i interleave_low(__m512i a, __m512i b) { return _mm512_unpacklo_epi16(a, b); }
inline __m512i interleave_high(__m512i a, __m512i b) { return _mm512_unpackhi_epi16(a, b); }
inline __m512i shuffle_bytes(__m512i x, __m512i order) { return _mm512_shuffle_epi8(x, order); }
inline __m512i even_odd(__m512i a, __m512i b) { return _mm512_mask_blend_epi16(0xaaaaaaaau, a, b); }
inline __m512i high_product(__m512i a, __m512i b) { return _mm512_mulhi_epu16(a, b); }
inline __m512i magnitude(__m512i x) { return _mm512_abs_epi16(x); }
inline __m512i least_unsigned(__m512i a, __m512i b) { return _mm512_min_epu16(a, b); }
inline __m512i add_saturating(__m512i a, __m512i b) { return _mm512_adds_epi16(a, b); }
inline __m512i with_sign(__m512i x, __m512i sign) {
  return _mm512_mask_sub_epi16(x, _mm512_movepi16_mask(sign), _mm512_setzero_si512(), x);
}
inline __m512i shift_up(__m512i x, __m128i count) { return _mm512_sll_epi16(x, count); }
inline __m512i shift_down(__m512i x, __m128i count) { return _mm512_srl_epi16(x, count); }
inline __m512i sixteen_bytes(const void* p, __m512i) {
  return _mm512_broadcast_i32x4(sixteen_bytes(p, __m128i{}));
}
#endif

}  // namespace
}  // namespace taugate::simd
