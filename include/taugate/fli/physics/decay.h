#pragma once
// The fluorescence decay that a pixel follows, before any instrument has seen it.
//
// One excitation pulse gives
//
//     f(t) = A exp(-t/tau1) + (1-A) exp(-t/tau2),     t >= 0,
//
// A being an amplitude (not intensity) fraction. The laser fires every P ns, and what is left of
// all earlier pulses adds up to a geometric series, so that on [0, P) the periodic decay is
//
//     f_P(t) = A  exp(-t/tau1) / (1 - exp(-P/tau1))  +  (1-A)  exp(-t/tau2) / (1 - exp(-P/tau2)).
//
// The SFD (sample fluorescence decay, the network's target) is f_P at the opening of each gate,
// divided by its peak f_P(0).

#include <span>

#include "taugate/fli/physics/acquisition.h"

namespace taugate {

struct Decay {
  double tau1_ns = 1.0;  ///< the shorter lifetime, > 0
  double tau2_ns = 1.0;  ///< the longer lifetime, > 0
  double fraction =
      1.0;  ///< A: amplitude of tau1, 0..1. A mono-exponential has A = 1 and tau2 = tau1

  static Decay mono(double tau_ns) { return {tau_ns, tau_ns, 1.0}; }
  bool operator==(const Decay&) const = default;
};

/// f_P(t) for 0 <= t < period.
double periodic_decay(const Decay& decay, double period_ns, double t_ns);

/// Writes the SFD, sfd [T][channels] row-major, peak 1. channels = 1: f_P(k*step). channels = 3:
/// f_P and its short and long component on the same scale, so that channel 1 + channel 2 = channel
/// 0. The size of `sfd` must be T*1 or T*3 (Error).
void write_sfd(const Decay& decay, const Acquisition& acquisition, std::span<float> sfd);

}  // namespace taugate
