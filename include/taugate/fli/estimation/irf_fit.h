#pragma once
// From measured IRFs to a prior of parametric ones: what a network is trained on then varies as the
// instrument does, without the noise of a recording.

#include <span>
#include <vector>

#include "taugate/fli/physics/irf.h"

namespace taugate {

enum class IrfShape {
  ex_gaussian,  ///< Gaussian with an exponential tail: a laser pulse on a single-photon detector
  gate          ///< rectangular gate with Gaussian edges: a time-gated camera
};

/// The parametric IRF (parametric_irf) nearest to a measured one.
struct IrfFit {
  double delay_ns = 0.0;  ///< centre of the kernel
  double fwhm_ns = 0.0;   ///< of the Gaussian
  double gate_ns = 0.0;   ///< 0 for ex_gaussian
  double tail_ns = 0.0;   ///< 0 for gate
  double residual = 0.0;  ///< root of the mean squared error over the peak
};

/// Least squares over the curve's own samples. Error for fewer than four of them, or no peak.
IrfFit fit_irf(const IrfCurve& curve, IrfShape shape);

/// The prior whose ranges span the given fits, from their 2nd to their 98th percentile, the delays
/// widened by `delay_margin_ns` on both sides.
IrfPrior prior_of(std::span<const IrfFit> fits, double delay_margin_ns);

}  // namespace taugate
