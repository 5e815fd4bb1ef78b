#include "simd/integer/integer_kernels.inl"

namespace taugate::simd {
extern const IntegerKernels integer_kernels_sse4;
const IntegerKernels integer_kernels_sse4 = integer_table<xsimd::sse4_2, PairDot, 2, 16>("sse4");
}  // namespace taugate::simd
