#pragma once
// The phasor of a trace: its first Fourier coefficient over its sum, a point (g, s) in the plane.
//
//     g + i s = c * sum_k n_k exp(i w t_k) / sum_k n_k,      t_k: the middle of gate k
//
// The calibration c takes out the instrument: it turns the phasor of a known lifetime tau into
// 1 / (1 - i w tau), a point of the universal semicircle; mixtures lie on the chords between their
// components. (Digman, Caiolfa, Zamai and Gratton, Biophys. J. 94, L14, 2008.)

#include <complex>
#include <span>

#include "taugate/fli/physics/acquisition.h"
#include "taugate/fli/physics/irf.h"

namespace taugate {

struct Phasor {
  double g = 0.0, s = 0.0;
};

class PhasorTransform {
 public:
  /// Calibrated by a model of the instrument. The mean of the first `baseline_gates` gates is taken
  /// off every trace. w is 2 pi / laser period where the gates span that, else 2 pi / window.
  PhasorTransform(const Acquisition& acquisition, const IrfCurve& irf, int baseline_gates = 0);
  /// Calibrated by a recording [T] of a dye of known, single lifetime. Error where it has no
  /// counts.
  PhasorTransform(const Acquisition& acquisition, std::span<const float> reference,
                  double reference_tau_ns, int baseline_gates = 0);

  double frequency() const { return w_; }  ///< w, in rad/ns
  /// counts [T]; NaN where nothing is above the baseline.
  template <class S>
  Phasor operator()(std::span<const S> counts) const;

  /// tan(phase) / w; negative or infinite beyond a quarter of a turn.
  double phase_lifetime(Phasor p) const { return p.s / (p.g * w_); }
  /// sqrt(1 / m^2 - 1) / w of the modulation m; NaN for m > 1.
  double modulation_lifetime(Phasor p) const;

 private:
  PhasorTransform(const Acquisition& acquisition, int baseline_gates);
  template <class S>
  std::complex<double> raw(std::span<const S> counts) const;
  void calibrate(std::complex<double> found, double tau_ns);

  Acquisition acquisition_;
  int baseline_gates_;
  double w_;
  std::complex<double> calibration_{1.0, 0.0};
};

}  // namespace taugate
