#pragma once
// The machine's own limits, measured: fused multiply-adds on registers, and loads from a cache.

#include <cstddef>

namespace bench {

/// Floating-point operations per second that `threads` threads reach together, over about 20 ms, by
/// the widest FMA that the machine has (AVX-512, else AVX2); no wider than limit_instructions said.
double fma_peak(int threads);

/// Bytes per second that one thread loads from an array of `bytes` that it reads over and over
/// (16 KiB: the first cache; 256 KiB: the second; 256 MiB: memory), by the same instructions.
double load_bandwidth(std::size_t bytes);

/// "avx512", "avx2" or "none": what these use.
const char* fma_instructions();

/// Nothing wider than "avx2" from now on.
void limit_instructions_to_avx2();

}  // namespace bench
