#include "quant/qat/qat_step.inl"

namespace taugate {
extern const QatKernels qat_kernels_avx2;
const QatKernels qat_kernels_avx2 = kQatKernels;
}  // namespace taugate
