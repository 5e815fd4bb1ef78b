#include "simd/integer/integer_kernels.inl"

// 32 registers of 16 words: sums of 4 units x 3 gates x 2 registers.
namespace taugate::simd {
extern const IntegerKernels integer_kernels_avx512;
const IntegerKernels integer_kernels_avx512 =
    integer_table<xsimd::avx512bw, PairDot, 4, 32>("avx512");
}  // namespace taugate::simd
