#pragma once
// The Cramer-Rao bound: how well Poisson counts can determine a lifetime at all, whoever reads
// them.
//
//     I_pq = sum_k (d mu_k / d p) (d mu_k / d q) / mu_k,      cov >= I^-1
//
// for every unbiased estimator of exactly these unknowns; what an estimator does not know (the
// IRF's place, its width, a background) widens its bound. Means of two components follow by
// d<tau>^T I^-1 d<tau>. (Kay, "Fundamentals of Statistical Signal Processing", 1993, chapter 3; for
// lifetimes: Koellner and Wolfrum, Chem. Phys. Lett. 200, 1992.)

#include <array>
#include <limits>
#include <span>

#include "taugate/fli/estimation/decay_model.h"

namespace taugate {

/// Least standard deviations; +infinity where the counts cannot tell the unknowns apart, NaN of
/// what is known.
struct LifetimeBound {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::array<double, kMostComponents> tau_ns{kNone, kNone};  ///< of each lifetime
  double amplitude_ns = kNone;  ///< of the amplitude-weighted mean lifetime (lifetime.h)
  double intensity_ns = kNone;  ///< of the intensity-weighted one
  double fraction = kNone;      ///< of amplitude_0 over both
  double background = kNone;
  double shift_ns = kNone;    ///< of the IRF's place
  double photons_sd = kNone;  ///< of the photons in the gates, without background
  double photons = kNone;     ///< N: expected counts in the gates, without background
  /// F = deviation of the amplitude-weighted lifetime / lifetime * sqrt(N): 1 for an ideal
  /// instrument, whose photons arrive at known times and without background.
  double f_value = kNone;
};

/// At the parameters `at`, over gates first..end-1 (end 0: T). A second component counts where
/// `unknowns` has two. Throws Error where the model does.
LifetimeBound cramer_rao_bound(const Acquisition& acquisition, const IrfCurve& irf,
                               const DecayParameters& at, const Unknowns& unknowns,
                               int first_gate = 0, int end_gate = 0);

/// The same from what DecayModel gives there, mu [T] and jacobian [P][T]; with least_mu > 0 it is
/// that of a fit. A gate then counts as one that expects `least_mu`, at least: a fit may end where
/// it expects nothing at all, and cannot be as sure of that. And its background b is never
/// negative, so near 0 it moves the other unknowns less than its own deviation s says: as far as
/// they depend on b, its variance is taken as s^2 erf(b / s). (Where there is none, every second
/// fit finds one: the variance of max(0, normal) is 0.34 s^2, and the mean of this 0.30 s^2.)
LifetimeBound cramer_rao_bound(std::span<const double> mu, std::span<const double> jacobian,
                               const DecayParameters& at, const Unknowns& unknowns,
                               std::size_t first_gate, std::size_t end_gate, double least_mu);

}  // namespace taugate
