#pragma once
// The instrument response function (IRF): what the instrument would record of light that arrives at
// t = 0. It differs from pixel to pixel, so the simulator draws one for every trace:
//
//     IRF(t) = kernel(t - delay) convolved with (1/tail) exp(-t/tail)
//
//   parametric  kernel = Gaussian of the given full width at half maximum (FWHM) convolved with a
//               rectangular gate of the given width. Gate 0: the Gaussian alone, which with a tail
//               is the exGaussian of a laser pulse and a single-photon detector. A wide gate: a
//               time-gated camera, whose edges then rise from 12 % to 88 % within one FWHM.
//   measured    kernel = a curve drawn at random from a library (one for all pixels, or one per
//               pixel), stretched in time about its peak and shifted by the delay.
//
// A gate in the kernel is meant for Acquisition::gate_width_ns = 0; otherwise it comes on top of
// the acquisition's own gate.

#include <cstddef>
#include <memory>
#include <vector>

#include "taugate/core/random.h"
#include "taugate/fli/physics/measured_irf.h"
#include "taugate/fli/physics/range.h"

namespace taugate {

/// From 10 to 90 % of the highest sample, on the way up to it: how sharp in time the IRF is,
/// whatever its tail or the width of a gate. 1.7 sigma of a Gaussian.
double rise_time_ns(const IrfCurve& irf);

/// From what the IRF of a pixel is drawn; every Range uniformly.
struct IrfPrior {
  /// Parametric: the centre of the kernel on the acquisition's clock. Measured: added to the time
  /// axis of the record.
  Range delay_ns{1.0, 2.0};
  Range fwhm_ns{0.15, 0.6};       ///< of the Gaussian, > 0; parametric only
  Range gate_ns{0.0, 0.0};        ///< width of the rectangular gate; parametric only
  double tail_probability = 0.0;  ///< of an exponential tail
  Range tail_ns{0.05, 0.3};       ///< mean of the tail, > 0

  std::shared_ptr<const MeasuredIrfs> measured;  ///< where set, takes the parametric kernel's place
  Range stretch{1.0, 1.0};  ///< of a measured curve's time axis about its peak: width jitter
};

/// Throws UsageError unless every IRF that `prior` can give is well-formed and fits the laser
/// period.
void validate(const IrfPrior& prior, double period_ns);

/// The most samples a curve drawn from `prior` can have.
std::size_t largest_irf(const IrfPrior& prior);

/// Draws one IRF. Its samples are `prior.measured`'s own or are written to `buffer`, which must
/// outlive the curve and allocates nothing once it has the capacity of largest_irf().
IrfCurve draw_irf(const IrfPrior& prior, Random& random, std::vector<double>& buffer);

/// A given Gaussian (x gate) IRF centred at `delay_ns`, with its samples in `buffer`.
IrfCurve parametric_irf(double delay_ns, double fwhm_ns, double gate_ns, double tail_ns,
                        std::vector<double>& buffer);

}  // namespace taugate
