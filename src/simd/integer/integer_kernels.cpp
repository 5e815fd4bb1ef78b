#include "simd/integer/integer_kernels.h"
#include "simd/float/kernels.h"

namespace taugate::simd {

#if defined(TAUGATE_X86) || defined(TAUGATE_WASM)
extern const IntegerKernels integer_kernels_sse4;
#endif
#ifdef TAUGATE_X86
extern const IntegerKernels integer_kernels_avx2;
extern const IntegerKernels integer_kernels_avx512;
extern const IntegerKernels integer_kernels_avx512vnni;
#endif

std::vector<const IntegerKernels*> integer_kernels() {
  std::vector<const IntegerKernels*> tables;
#if defined(TAUGATE_X86) || defined(TAUGATE_WASM)
  for (const std::string& arch : available_archs()) {
    if (arch == "sse4") tables.push_back(&integer_kernels_sse4);
#ifdef TAUGATE_X86
    if (arch == "avx2") tables.push_back(&integer_kernels_avx2);
    if (arch == "avx512") {
      tables.push_back(&integer_kernels_avx512);
      if (__builtin_cpu_supports("avx512vnni")) tables.push_back(&integer_kernels_avx512vnni);
    }
#endif
  }
#endif
  return tables;
}

const IntegerKernels* active_integer_kernels(int operand_bits, int weight_bits) {
  const std::string arch = kernels<float>().arch;
  const IntegerKernels* best = nullptr;
  for (const IntegerKernels* table : integer_kernels())
    if (std::string(table->name).starts_with(arch) &&
        std::max(operand_bits, weight_bits) <= 32 / table->operands_per_word)
      best = table;
  return best;
}

}  // namespace taugate::simd
