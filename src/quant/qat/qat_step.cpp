#include "taugate/quant/qat/qat_step.h"

#include <string_view>

#include "quant/qat/qat_step.inl"
#include "simd/float/kernels.h"

namespace taugate {

#ifdef TAUGATE_X86
extern const QatKernels qat_kernels_avx2;
extern const QatKernels qat_kernels_avx512;
#endif

const QatKernels& qat_kernels() {
#ifdef TAUGATE_X86
  const std::string_view arch = simd::kernels<float>().arch;
  if (arch == "avx512") return qat_kernels_avx512;
  if (arch == "avx2") return qat_kernels_avx2;
#endif
  return kQatKernels;
}

}  // namespace taugate
