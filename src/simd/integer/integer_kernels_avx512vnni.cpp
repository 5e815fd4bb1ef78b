#include "simd/integer/integer_kernels.inl"

// As avx512, with four products of bytes at once.
namespace taugate::simd {
extern const IntegerKernels integer_kernels_avx512vnni;
const IntegerKernels integer_kernels_avx512vnni =
    integer_table<xsimd::avx512bw, QuadDot, 4, 32>("avx512vnni");
}  // namespace taugate::simd
