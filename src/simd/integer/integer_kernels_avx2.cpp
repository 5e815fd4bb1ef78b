#include "simd/integer/integer_kernels.inl"

// 16 registers of 8 words: sums of 2 units x 3 gates x 2 registers.
namespace taugate::simd {
extern const IntegerKernels integer_kernels_avx2;
const IntegerKernels integer_kernels_avx2 =
    integer_table<xsimd::fma3<xsimd::avx2>, PairDot, 2, 16>("avx2");
}  // namespace taugate::simd
