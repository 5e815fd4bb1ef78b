#pragma once
// The way back from an SFD to the TPSF: what the camera should have recorded if the SFD is right.
// To be drawn over the measured TPSF; what is left between the two is noise, background, or an
// error.

#include <span>

#include "taugate/fli/acquisition.h"
#include "taugate/fli/irf.h"

namespace taugate {

/// gates[k] = the light in gate k of the circular convolution of `sfd` [T] with `irf`, scaled to
/// peak 1 (all zero where nothing is positive). Between gates the SFD is taken to be linear in its
/// logarithm, and from the last gate to the period's end to go on with its intensity-weighted
/// lifetime; negative values count as 0. The IRF must have no tail: a measured one has none. Throws
/// Error for that, and for sizes that do not fit.
void reconvolve(const Acquisition& acquisition, const IrfCurve& irf, std::span<const float> sfd,
                std::span<float> gates);

}  // namespace taugate
