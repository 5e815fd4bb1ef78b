#pragma once
// SSE operations that emscripten 3.1.6 carries out lane by lane, in WebAssembly's SIMD; included before the kernels.

#include <nmmintrin.h>
#include <wasm_simd128.h>

namespace taugate::wasm {

#ifdef TAUGATE_SMALL_NUMBERS
// What the integer kernels convert is small: floats below 2^22 and doubles below 2^31. The sum with 1.5 times the power of
// two from where on floats are whole numbers is rounded to a whole one, and has it in its lower bits.
inline __m128i nearest_int32(__m128 a) {
  const v128_t whole = wasm_f32x4_splat(0x1.8p23f);
  return (__m128i)wasm_i32x4_sub(wasm_f32x4_add((v128_t)a, whole), whole);
}
/// Of two doubles, in the lower half.
inline __m128i nearest_int32(__m128d a) {
  const v128_t sum = wasm_f64x2_add((v128_t)a, wasm_f64x2_splat(0x1.8p52));
  return (__m128i)wasm_i32x4_shuffle(sum, wasm_i32x4_splat(0), 0, 2, 4, 5);
}
#define _mm_cvtpd_epi32 taugate::wasm::nearest_int32
#else
/// As Intel's: what does not fit, and NaN, becomes the lowest number.
inline __m128i to_int32(v128_t whole) {
  const v128_t fits = wasm_f32x4_lt(whole, wasm_f32x4_splat(0x1p31f));
  return (__m128i)wasm_v128_bitselect(wasm_i32x4_trunc_sat_f32x4(whole),
                                      wasm_i32x4_splat(INT32_MIN), fits);
}
inline __m128i nearest_int32(__m128 a) { return to_int32(wasm_f32x4_nearest((v128_t)a)); }
inline __m128i truncated_int32(__m128 a) { return to_int32(wasm_f32x4_trunc((v128_t)a)); }
#define _mm_cvttps_epi32 taugate::wasm::truncated_int32
#endif

inline __m128 smaller(__m128 a, __m128 b) { return (__m128)wasm_f32x4_pmin((v128_t)b, (v128_t)a); }
inline __m128 larger(__m128 a, __m128 b) { return (__m128)wasm_f32x4_pmax((v128_t)b, (v128_t)a); }

}  // namespace taugate::wasm

#define _mm_cvtps_epi32 taugate::wasm::nearest_int32
#define _mm_min_ps taugate::wasm::smaller
#define _mm_max_ps taugate::wasm::larger
