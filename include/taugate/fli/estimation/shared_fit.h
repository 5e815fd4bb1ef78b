#pragma once
// One fit of many traces that share their lifetimes: the same objective as fit.h's, summed over the
// traces, brought to its minimum in
//
//     theta = (ln tau_1, .., ln tau_C, and the place of the IRF, where unknown)   for all together
//     a_i   = (amplitudes, and the background, where unknown), none below 0       of trace i.
//
// Given theta, the a_i are linear in mu and the objective is convex in them, so they are solved for
// trace by trace and taken out of the problem (variable projection: Golub and Pereyra, SIAM J.
// Numer. Anal. 10, 1973). What is left is the reduced objective r(theta) = sum_i min_a f_i(theta,
// a). With f's curvature in the blocks H_tt, H_ta, H_aa, and only those a counted that are not
// held at 0,
//
//     dr/dtheta = sum_i df_i/dtheta,      d2r/dtheta2 ~ sum_i (H_tt - H_ta H_aa^-1 H_at)_i,
//
// a handful of numbers, with which Levenberg and Marquardt's method goes on. So memory is three
// numbers a trace, whatever the number of traces, and a step is one pass over them.
//
// Every trace brings unknowns of its own, and where they hold a few photons each, likelihood pays
// for that with a bias that more traces do not cure (Neyman and Scott, Econometrica 16, 1948);
// the summed decay has none. docs/fitting.md has figures.

#include <array>
#include <functional>
#include <span>

#include "taugate/fli/estimation/fit.h"

namespace taugate {

struct SharedFit {
  std::array<double, kMostComponents> tau_ns{};        ///< the shortest first
  std::array<double, kMostComponents> deviation_ns{};  ///< standard, as the curvature has it
  double shift_ns = 0.0;
  double objective = 0.0;  ///< of all traces together
  std::size_t traces = 0;  ///< with counts enough
  int iterations = 0;
  FitStatus status = FitStatus::no_counts;
};

/// counts [N][T], finite; `irfs`: one for all, or one a trace. Of `options`, the unknowns' shift is
/// that of all traces, known.tau_ns and known.shift_ns are where it starts, and a stretch is not to
/// be found (UsageError). Traces with fewer than `least_counts` are left out. keep_going() is called now
/// and then; false ends the work (not_converged).
SharedFit fit_shared_lifetimes(const Acquisition& acquisition, std::span<const IrfCurve> irfs,
                               const FitOptions& options, std::span<const float> counts,
                               double least_counts = 1.0,
                               const std::function<bool()>& keep_going = {});

}  // namespace taugate
