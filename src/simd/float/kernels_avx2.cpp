#include "simd/float/kernels_xsimd.inl"

// 16 registers of 8 floats: 6 rows x 2 registers of sums.
namespace taugate::simd {
extern const Kernels<float> kernels_avx2;
const Kernels<float> kernels_avx2 = Fast<xsimd::fma3<xsimd::avx2>, 6, 3, 4, 2>::table("avx2");
}  // namespace taugate::simd
