#include "simd/float/kernels_xsimd.inl"

// 16 registers of 4 floats: 2 rows x 4 registers of sums.
namespace taugate::simd {
extern const Kernels<float> kernels_sse4;
const Kernels<float> kernels_sse4 = Fast<xsimd::sse4_2, 2, 3, 4, 1>::table("sse4");
}  // namespace taugate::simd
