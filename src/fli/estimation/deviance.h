#pragma once
// What one gate adds to the objectives of fit.h: the one place where they stand.

#include <algorithm>
#include <cmath>

#include "taugate/fli/estimation/fit.h"

namespace taugate {

/// Of a gate that recorded n counts where mu are expected: its part of the objective, and the slope
/// and the curvature in mu of half of that.
struct DevianceTerms {
  double objective, slope, curvature;
};

namespace detail {

inline DevianceTerms by_square(double n, double mu, double weight) {
  const double error = mu - n;
  return {weight * error * error, weight * error, weight};
}

/// The quasi-deviance, with the expected curvature.
inline DevianceTerms by_quasi_likelihood(double n, double mu, double floor) {
  const double weight = 1.0 / std::max(mu, floor), error = mu - n;
  double objective = 0.0;
  if (n >= floor && mu >= floor) {
    objective = error + n * std::log(n * weight);
  } else {
    const auto integral_from_floor = [n, floor](double t) {  // of (n - s) / V(s)
      if (t < floor) return (t - floor) * (n - 0.5 * (t + floor)) / floor;
      return (n != 0.0 ? n * std::log(t / floor) : 0.0) - (t - floor);
    };
    objective = integral_from_floor(n) - integral_from_floor(mu);
  }
  return {2.0 * objective, weight * error, weight};
}

/// The deviance; below the floor, a parabola that goes on from it.
inline DevianceTerms by_likelihood(double n, double mu, double floor) {
  DevianceTerms gate = by_quasi_likelihood(n, mu, floor);
  // Curvature of these counts: the expected one, 1 / mu, overshoots where mu << n.
  if (mu >= floor) gate.curvature = n / (mu * mu);
  return gate;
}

}  // namespace detail

/// `o` is complete: its variance_floor is above 0.
inline DevianceTerms deviance_terms(const FitOptions& o, double n, double mu) {
  if (o.method == FitMethod::likelihood) return detail::by_likelihood(n, mu, o.variance_floor);
  switch (o.weights) {
    case GateWeights::model:
      return detail::by_quasi_likelihood(n, mu, o.variance_floor);
    case GateWeights::counts:
      return detail::by_square(n, mu, 1.0 / std::max(n, o.variance_floor));
    case GateWeights::equal:
      break;
  }
  return detail::by_square(n, mu, 1.0);
}

}  // namespace taugate
