#include "fli/inference/column_loops.h"

#include <string_view>

#include "fli/inference/column_loops.inl"
#include "simd/float/kernels.h"

namespace taugate {

#ifdef __x86_64__
extern const ColumnLoops column_loops_avx2, column_loops_avx512;
#endif

const ColumnLoops& column_loops() {
  static constexpr ColumnLoops plain{"plain", product, squares};
#ifdef __x86_64__
  const std::string_view arch = simd::kernels<float>().arch;
  for (const ColumnLoops* loops : {&column_loops_avx2, &column_loops_avx512})
    if (arch == loops->arch) return *loops;
#endif
  return plain;
}

}  // namespace taugate
