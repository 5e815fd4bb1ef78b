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

#include "taugate/fli/decay_model.h"

namespace taugate {

/// Least standard deviations; +infinity where the counts cannot tell the unknowns apart.
struct LifetimeBound {
  std::array<double, kMostComponents> tau_ns{};  ///< of each lifetime
  double amplitude_ns = 0.0;  ///< of the amplitude-weighted mean lifetime (lifetime.h)
  double intensity_ns = 0.0;  ///< of the intensity-weighted one
  double shift_ns = 0.0;      ///< of the IRF's place; 0 where that is known
  double photons = 0.0;       ///< N: expected counts in all gates, without background
  /// F = deviation of the amplitude-weighted lifetime / lifetime * sqrt(N): 1 for an ideal
  /// instrument, whose photons arrive at known times and without background.
  double f_value = 0.0;
};

/// At the parameters `at`, over gates first..end-1 (end 0: T). A second component counts where
/// `unknowns` has two. Throws Error where the model does.
LifetimeBound cramer_rao_bound(const Acquisition& acquisition, const IrfCurve& irf,
                               const DecayParameters& at, const Unknowns& unknowns,
                               int first_gate = 0, int end_gate = 0);

}  // namespace taugate
