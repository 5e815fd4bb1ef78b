#include "simd/float/kernels_xsimd.inl"

// 32 registers of 16 floats: 16 rows x 1 register of sums.
namespace taugate::simd {
extern const Kernels<float> kernels_avx512;
const Kernels<float> kernels_avx512 = Fast<xsimd::avx512bw, 16, 4, 4, 8>::table("avx512");
}  // namespace taugate::simd
