#pragma once
// Reconvolution fits of one trace: what a pixel is expected to record (decay_model.h) brought as
// near to what it did record as it can be.
//
//   least squares  brings sum_k w_k (n_k - mu_k)^2 to its minimum in mu, with weights
//                    model   1 / V(mu_k), V = max(mu, floor), of the very fit that they lead to
//                    counts  1 / max(n_k, floor): Neyman's, the field's habit; biased low where
//                            gates hold few counts, because too few of them weigh more than too
//                            many
//                    equal   1
//   likelihood     minimises the Poisson deviance 2 sum_k (mu_k - n_k + n_k ln(n_k / mu_k)):
//                  the maximum-likelihood estimate, right at any number of counts
//
// Weights of the model make the fit a fixed point: sum_k (n_k - mu_k) / V(mu_k) dmu_k = 0. It is
// where iterative reweighting ends, and the minimum of one function, the quasi-deviance
//
//     D = 2 sum_k int_{mu_k}^{n_k} (n_k - t) / V(t) dt        (Wedderburn, Biometrika 61, 1974),
//
// so that is what is minimised. Where no mu_k is below the floor, it is the Poisson deviance:
// least squares with the right weights is maximum likelihood (Charnes, Frome and Yu, J. Am. Stat.
// Assoc. 71, 1976). A weight that depends on n_k shifts the expectation of these sums away from 0
// (Neyman's does), and so does the minimum of sum_k (n_k - mu_k)^2 / mu_k, Pearson's (upwards, by
// half as much).
//
// Both by Levenberg and Marquardt's method in amplitudes, logarithms of lifetimes, background, IRF
// shift and stretch, starting from the best point of a grid of lifetimes (and shifts) whose
// amplitudes are solved for in closed form.

#include <span>
#include <vector>

#include "taugate/fli/estimation/cramer_rao.h"
#include "taugate/fli/estimation/goodness.h"
#include "taugate/fli/estimation/levenberg_marquardt.h"
#include "taugate/fli/physics/range.h"

namespace taugate {

enum class FitMethod { least_squares, likelihood };
enum class GateWeights { model, counts, equal };

struct FitOptions {
  FitMethod method = FitMethod::likelihood;
  GateWeights weights = GateWeights::model;  ///< least squares only
  /// The least variance by which a gate is weighted; 0: 0.1 by the model, 1 by the counts.
  double variance_floor = 0.0;  ///< least squares only
  Unknowns unknowns;
  DecayParameters known;  ///< values of what is not unknown
  /// Limits. 0: a twentieth of a gate, twenty windows; of two components at least a quarter of a
  /// gate and a third of the IRF's rise, below which one is a flash of scattered light.
  Range tau_ns{0.0, 0.0};
  double most_shift_ns = 0.0;  ///< limit of |shift - known.shift_ns|; 0: three gates
  int first_gate = 0;          ///< gates before it are ignored
  int end_gate = 0;            ///< so are those from it on; 0: T
  int iterations = 200;
};

enum class FitStatus {
  converged,
  at_limit,         ///< a lifetime, or the shift, ended at its limit: it is not determined
  not_converged,    ///< the iterations were used up
  no_counts,        ///< fewer counts than unknowns: nothing was fitted
  poor_fit,         ///< converged, but no such model gives these counts (goodness.h)
  below_threshold,  ///< fewer counts than asked for: nothing was fitted
};
const char* name_of(FitStatus status);

struct Fit {
  DecayParameters parameters;
  double photons = 0.0;       ///< in the gates that were fitted, without background
  double objective = 0.0;     ///< what was minimised
  double chi2_reduced = 0.0;  ///< sum (n - mu)^2 / mu over (gates - unknowns): Pearson's
  /// Standard deviations: the Cramer-Rao bound at the fitted parameters, given what is known. (Of
  /// weights that are not the model's they are lower bounds.)
  LifetimeBound deviation;
  Goodness goodness;
  FitStatus status = FitStatus::no_counts;
  int iterations = 0;
};

/// Working memory included, so one object serves one thread at a time.
class Fitter {
 public:
  Fitter(const Acquisition& acquisition, const IrfCurve& irf, const FitOptions& options);

  /// counts [T], finite. Where nothing can be fitted, lifetimes are NaN and amplitudes 0.
  Fit operator()(std::span<const float> counts);
  /// mu [T] of the last fit.
  std::span<const double> expected() const { return mu_; }
  const FitOptions& options() const { return options_; }

 private:
  struct Start {
    double error;       // squared
    std::size_t shift;  // of the grid
    DecayParameters parameters;
  };
  void make_grid();
  void multiply_with_grid(std::size_t shift);
  DecayParameters best_start(std::span<const float> counts);
  void try_pair(std::size_t shift, std::size_t i, std::size_t j, double squares, Start& best) const;
  void evaluate(const FitOptions& objective, std::span<const float> counts,
                std::span<const double> x, NormalEquations& at);
  /// Moves x to the minimum that it leads to.
  Minimum descend(std::span<const float> counts, const Bounds& limits, std::span<double> x);
  DecayParameters parameters_at(std::span<const double> x) const;
  Bounds bounds(double counts) const;
  void finish(std::span<const float> counts, std::span<const double> x, const Bounds& limits,
              Fit& fit);

  Acquisition acquisition_;
  FitOptions options_;
  std::size_t first_, end_;
  DecayModel model_;
  std::vector<double> mu_, jacobian_;  // [T], [P][T]

  // The grid of starting points: responses of unit amplitude, and their products.
  std::vector<double> taus_, shifts_;
  std::vector<double> responses_;  // [shifts][taus][T]
  std::vector<double> gram_;      // [shifts][taus + 1][taus + 1], the last row that of a background
  std::vector<double> products_;  // [taus + 1] with the counts
};

}  // namespace taugate
