#include "simd/float/kernels_xsimd.inl"

// 32 registers of 4 floats: 6 rows x 4 registers of sums.
namespace taugate::simd {
extern const Kernels<float> kernels_neon64;
const Kernels<float> kernels_neon64 = Fast<xsimd::neon64, 6, 4, 4, 2>::table("neon64");
}  // namespace taugate::simd
