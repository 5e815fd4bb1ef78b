#include "taugate/simd/integer_kernels.inl"

// 32 registers of 16 words: sums of 8 units x 3 gates.
namespace taugate::simd {
extern const IntegerKernels integer_kernels_avx512;
const IntegerKernels integer_kernels_avx512 = integer_table<xsimd::avx512bw, PairDot, 8>("avx512");
}  // namespace taugate::simd
