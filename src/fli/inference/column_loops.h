#pragma once
// The loops of a flag's tests over columns that lie side by side, compiled once for each width of
// registers. No product and sum are contracted, so every width gives the same bits.

#include <cstddef>

namespace taugate {

/// The arrays of a ShapeMixture of M Gaussians with Q axes each in P dimensions.
struct MixtureArrays {
  const float *centre, *axes, *variance;  // [P][M], [P][Q][M], [Q][M]
  std::size_t M, P, Q;
};

struct ColumnLoops {
  const char* arch;
  /// out [columns] = x^T m, x [rows], m [rows][columns].
  void (*product)(const float* x, std::size_t rows, const float* m, std::size_t columns,
                  float* out);
  /// chi2 [M] of a [P]: sum b^2 / (l + s) + |e|^2 / s, as in shape_mixture.h.
  void (*squares)(const MixtureArrays& mixture, const float* a, float noise, float* chi2);
};

/// Those of simd::active_arch(), or plain ones.
const ColumnLoops& column_loops();

}  // namespace taugate
