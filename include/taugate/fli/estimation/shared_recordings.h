#pragma once
// One fit of several recordings that share their lifetimes, each with its own IRF, its own place of
// the IRF and its own amplitudes: global analysis over files.
//
// The minimum of shared_fit.h's objective is sought in turns: in the lifetimes and amplitudes for
// given places, then in each recording's place and amplitudes for given lifetimes. Every turn lowers
// the same objective, until the lifetimes no longer move.

#include <functional>
#include <span>
#include <vector>

#include "taugate/fli/estimation/shared_fit.h"

namespace taugate {

struct SharedRecording {
  std::vector<float> counts;    ///< [N][T], traces behind one IRF
  std::vector<double> density;  ///< the samples of `irf`
  IrfCurve irf;                 ///< its own `density` is not looked at
  double shift_ns = 0.0;        ///< of the IRF: where the search begins, and then what was found
};

/// `options`: as of fit_shared_lifetimes(); known.tau_ns is where the search begins, and the
/// unknowns' shift says whether each recording's is to be found. UsageError where there is none.
/// The deviations are those for the shifts as found. keep_going() is called now and then; false
/// ends the work (not_converged).
SharedFit fit_shared_recordings(const Acquisition& acquisition,
                                std::span<SharedRecording> recordings, const FitOptions& options,
                                const std::function<bool()>& keep_going = {});

}  // namespace taugate
