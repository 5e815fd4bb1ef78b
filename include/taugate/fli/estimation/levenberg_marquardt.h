#pragma once
// Levenberg's and Marquardt's way to the minimum of a sum over data, for a handful of variables
// inside bounds (Marquardt 1963; for Poisson likelihoods: Laurence and Chromy, Nature Methods
// 2010).
//
//     (H + lambda diag H) step = -g,     lambda falls after a success and rises after a failure.
//
// A step ends at the bounds: the variable that meets one first is held there, and the others are
// solved for again.

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace taugate {

inline constexpr int kMostVariables = 8;

using VariableVector = std::array<double, kMostVariables>;

/// What the objective looks like at a point.
struct NormalEquations {
  double objective = 0.0;
  VariableVector gradient{};  ///< half of the objective's
  std::array<VariableVector, kMostVariables>
      curvature{};  ///< half of its (expected) second derivative
};

struct Bounds {
  VariableVector low{}, high{};
};

struct MinimiserOptions {
  int iterations = 200;
  /// Converged where the next step is predicted to gain less than this. In units of the objective:
  /// 1e-6 of a chi-square is a step of a thousandth of a standard deviation.
  double tolerance = 1e-6;
};

struct Minimum {
  bool converged = false;
  int iterations = 0;
  double objective = 0.0;
};

/// Solves the symmetric, positive definite a x = b of `n` variables by Cholesky's factorisation
/// after scaling a's diagonal to 1; false where it is not positive definite.
bool solve_positive(const std::array<VariableVector, kMostVariables>& a, const VariableVector& b,
                    int n, VariableVector& x);

/// The inverse of such a matrix.
bool invert_positive(const std::array<VariableVector, kMostVariables>& a, int n,
                     std::array<VariableVector, kMostVariables>& inverse);

namespace detail {
/// The damped step inside the bounds; false where there is none. `gain`: what it should take off
/// the objective.
bool damped_step(const NormalEquations& at, std::span<const double> x, const Bounds& bounds,
                 double lambda, VariableVector& step, double& gain);
}  // namespace detail

/// Moves x to a local minimum. evaluate(x, NormalEquations&) writes all of the latter. `tolerance`
/// of the options is multiplied by `scale(objective)`.
template <class Evaluate, class Scale>
Minimum minimise(std::span<double> x, const Bounds& bounds, const MinimiserOptions& options,
                 Evaluate&& evaluate, Scale&& scale) {
  NormalEquations here, there;
  VariableVector trial{}, step{};
  const std::size_t n = x.size();
  evaluate(std::span<const double>(x), here);
  Minimum result{false, 0, here.objective};
  double lambda = 1e-3;
  for (; result.iterations < options.iterations; ++result.iterations) {
    double gain = 0.0;
    if (!detail::damped_step(here, x, bounds, lambda, step, gain) || gain < 0.0) {
      if (lambda > 1e10) break;
      lambda = std::max(10.0 * lambda, 1e-3);
      continue;
    }
    // A damped step gains little although it is not the end.
    const bool settled = gain <= options.tolerance * scale(here.objective);
    if (settled && lambda <= 1e-3) {
      result.converged = true;
      break;
    }
    for (std::size_t i = 0; i < n; ++i)
      trial[i] = std::clamp(x[i] + step[i], bounds.low[i], bounds.high[i]);
    evaluate(std::span<const double>(trial.data(), n), there);
    if (there.objective <= here.objective) {  // false for NaN
      // Where far less was gained than the curvature promised, it is too weak, and the next step
      // would overshoot as well.
      const bool as_promised = here.objective - there.objective > 0.25 * gain;
      lambda = as_promised ? std::max(0.1 * lambda, 1e-9) : std::max(3.0 * lambda, 1e-2);
      std::copy_n(trial.begin(), n, x.begin());
      here = there;
    } else {
      if (settled) {  // rounding is all that is left
        result.converged = true;
        break;
      }
      if (lambda > 1e10) break;
      lambda = std::max(10.0 * lambda, 1e-3);
    }
  }
  result.objective = here.objective;
  return result;
}

}  // namespace taugate
