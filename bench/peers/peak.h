#pragma once
// The machine's own limit, measured: fused multiply-adds on registers, nothing else.

namespace peers {

/// Floating-point operations per second that `threads` threads reach together, by the widest FMA
/// the machine has (AVX-512, else AVX2), over about 20 ms.
double fma_peak(int threads);

/// "avx512", "avx2" or "none": what fma_peak uses.
const char* fma_instructions();

}  // namespace peers
