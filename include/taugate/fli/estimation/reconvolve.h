#pragma once
// The way back from an SFD to the TPSF: what the camera should have recorded if the SFD is right.
// To be drawn over the measured TPSF; what is left between the two is noise, background, or an
// error.

#include <cstddef>
#include <span>
#include <vector>

#include "taugate/fli/physics/acquisition.h"
#include "taugate/fli/physics/irf.h"

namespace taugate {

/// What gates see of light behind an IRF, prepared for many SFDs. May be used by several threads.
class Reconvolution {
 public:
  /// The IRF must have no tail: a measured one has none. Throws Error.
  Reconvolution(const Acquisition& acquisition, const IrfCurve& irf);

  /// gates[k] = the light in gate k of the circular convolution of `sfd` [T] with the IRF, scaled
  /// to peak 1 (all zero where nothing is positive). Between gates the SFD is taken to be linear in
  /// its logarithm, and from the last gate to the period's end to go on with its intensity-weighted
  /// lifetime; negative values count as 0. Throws Error for sizes that do not fit.
  void operator()(std::span<const float> sfd, std::span<float> gates) const;

 private:
  // Light is taken to be even in cells of a sixteenth of a gate step h. Then
  //
  //     gates[k] = sum_c light[c] kernel(16 k - c),
  //     kernel(m) = int IRF(s) |[m h - s, m h - s + width] and [0, h]| / h ds,    m <= last
  Acquisition acquisition_;
  double cell_ns_;
  std::ptrdiff_t last_;
  std::vector<double> kernel_;  // the last one first
};

/// The same for one SFD.
void reconvolve(const Acquisition& acquisition, const IrfCurve& irf, std::span<const float> sfd,
                std::span<float> gates);

}  // namespace taugate
