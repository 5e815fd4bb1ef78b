#include "quant/qat/qat_step.inl"

namespace taugate {
extern const QatKernels qat_kernels_avx512;
const QatKernels qat_kernels_avx512 = kQatKernels;
}  // namespace taugate
