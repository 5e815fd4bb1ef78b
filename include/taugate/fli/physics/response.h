#pragma once
// The light that the gates of a camera receive from a decay seen through an IRF, free of noise.
//
// With g the IRF, f(t) = sum_q w_q exp(-t/tau_q) the decay and P the laser period, the signal is
// the circular convolution y(t) = sum_{n>=0} (g * f)(t + n P), and gate k receives
//
//     mu_k = integral of y over [k*step, k*step + width).
//
// No grid is laid over the period; all of it is closed-form for an IRF that is linear between
// samples:
//
//   * a single exponential's response obeys z' = g - z/tau. Over one sample interval d with
//     a = exp(-d/tau) it advances by  z_{j+1} = a z_j + c0 g_j + c1 g_{j+1}, which is exact for
//     linear g: one first-order recursive filter per exponential. After the IRF's end, z only
//     decays.
//   * all earlier pulses together leave an exponential too: C exp(-t/tau) from the IRF's start on,
//     with C = z_end exp(-(P-L)/tau) / (1 - exp(-P/tau)), L being the length of the IRF.
//   * integrating z' = g - z/tau gives  integral of z = tau (integral of g - change of z): a gate
//     needs z and the IRF's cumulative G only at its two edges.
//   * an exponential tail of the IRF is one more exponential of the decay:
//     exp(-t/tau) * (1/s) exp(-t/s) = tau/(tau-s) (exp(-t/tau) - exp(-t/s)). Where tau and s
//     coincide, s is moved by 1e-6 of itself.
//
// The cost is O(IRF samples + gates), whatever the period.

#include <cstddef>
#include <span>

#include "taugate/fli/physics/acquisition.h"
#include "taugate/fli/physics/convolution.h"
#include "taugate/fli/physics/decay.h"
#include "taugate/fli/physics/irf.h"

namespace taugate {

/// Throws Error unless the IRF has two samples at least and spans no more than the period.
void check_irf(const IrfCurve& irf, double period_ns);

/// Working memory included, so one object serves one thread at a time.
class Response {
 public:
  /// `acquisition` must be valid; no IRF will have more than `largest_irf` samples (more are
  /// allowed, but then the call allocates).
  explicit Response(const Acquisition& acquisition, std::size_t largest_irf = 0);

  /// Writes mu_0..mu_{T-1}, in the units of (decay amplitude 1 at t = 0) x ns, or without the ns
  /// where the gate width is 0 and mu_k = y(k*step). Throws Error where the IRF is longer than the
  /// period or has no area.
  void operator()(const IrfCurve& irf, const Decay& decay, std::span<double> gates);

 private:
  double period_ns_;
  Convolution<double> convolution_;
};

}  // namespace taugate
