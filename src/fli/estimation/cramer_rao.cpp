#include "taugate/fli/estimation/cramer_rao.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/eigen_view.h"
#include "taugate/fli/estimation/levenberg_marquardt.h"
#include "taugate/fli/estimation/lifetime.h"

namespace taugate {
namespace {

using Square = std::array<VariableVector, kMostVariables>;

/// d/d parameter of the two mean lifetimes and of the first component's share, in the order of
/// Unknowns.
struct Gradients {
  VariableVector amplitude{}, intensity{}, fraction{};
};

/// With S_j = sum_i A_i tau_i^j: <tau>_a = S_1 / S_0 and <tau>_i = S_2 / S_1.
Gradients gradients_of(const DecayParameters& p, const Unknowns& u) {
  double s0 = 0.0, s1 = 0.0, s2 = 0.0;
  for (std::size_t c = 0; c < static_cast<std::size_t>(u.components); ++c) {
    const double a = p.amplitude[c], tau = p.tau_ns[c];
    s0 += a;
    s1 += a * tau;
    s2 += a * tau * tau;
  }
  DecayParameters of_amplitude, of_intensity, of_fraction;
  of_amplitude.stretch = of_intensity.stretch = of_fraction.stretch = 0.0;  // none depends on it
  of_fraction.tau_ns.fill(0.0);
  for (std::size_t c = 0; c < static_cast<std::size_t>(u.components); ++c) {
    const double a = p.amplitude[c], tau = p.tau_ns[c];
    of_amplitude.amplitude[c] = (tau - s1 / s0) / s0;
    of_amplitude.tau_ns[c] = a / s0;
    of_intensity.amplitude[c] = (tau * tau - s2 / s1 * tau) / s1;
    of_fraction.amplitude[c] = (c == 0 ? s0 - a : a - s0) / (s0 * s0);
    of_intensity.tau_ns[c] = (2.0 * a * tau - s2 / s1 * a) / s1;
  }
  Gradients gradients;
  gather(of_amplitude, u, gradients.amplitude);
  gather(of_intensity, u, gradients.intensity);
  if (u.components == 2) gather(of_fraction, u, gradients.fraction);
  return gradients;
}

/// All of a matrix, 0 beyond the unknowns.
auto as_eigen(Square& m) {
  return Eigen::Map<Eigen::Matrix<double, kMostVariables, kMostVariables, Eigen::RowMajor>>(
      m[0].data());
}

double deviation(Square& covariance, const VariableVector& gradient) {
  const Eigen::Map<const Eigen::Vector<double, kMostVariables>> g(gradient.data());
  const double variance = g.dot(as_eigen(covariance) * g);
  return variance > 0.0 ? std::sqrt(variance) : LifetimeBound::kNone;
}

}  // namespace

LifetimeBound cramer_rao_bound(const Acquisition& acquisition, const IrfCurve& irf,
                               const DecayParameters& at, const Unknowns& unknowns, int first_gate,
                               int end_gate) {
  const std::size_t T = static_cast<std::size_t>(acquisition.gates);
  const std::size_t P = static_cast<std::size_t>(unknowns.count());
  const std::size_t end = end_gate == 0 ? T : static_cast<std::size_t>(end_gate);
  require(first_gate >= 0 && static_cast<std::size_t>(first_gate) < end && end <= T,
          "bound: found gates ", first_gate, " to ", end, ", wanted a range in 0 to ", T);
  std::vector<double> mu(T), jacobian(P * T);
  DecayModel(acquisition, irf, unknowns)(at, mu, jacobian);
  return cramer_rao_bound(mu, jacobian, at, unknowns, static_cast<std::size_t>(first_gate), end,
                          0.0);
}

LifetimeBound cramer_rao_bound(std::span<const double> mu, std::span<const double> jacobian,
                               const DecayParameters& at, const Unknowns& unknowns,
                               std::size_t first_gate, std::size_t end_gate, double least_mu) {
  const std::size_t T = mu.size(), P = static_cast<std::size_t>(unknowns.count());
  Square information{}, covariance{};
  VariableVector by_photons{};
  LifetimeBound bound;
  bound.photons = 0.0;
  for (std::size_t k = first_gate; k < end_gate; ++k) bound.photons += mu[k] - at.background;
  // J [P][gates], and the Fisher information sum_k J_k J_k' / mu_k.
  const auto rows = static_cast<Eigen::Index>(P), first = static_cast<Eigen::Index>(first_gate),
             gates = static_cast<Eigen::Index>(end_gate - first_gate);
  const auto J =
      as_eigen(Matrix<const double>{jacobian.data(), static_cast<int>(P), static_cast<int>(T)})
          .middleCols(first, gates);
  Eigen::Map<Eigen::VectorXd>(by_photons.data(), rows) = J.rowwise().sum();
  const auto background =
      static_cast<std::size_t>(unknowns.components * (unknowns.lifetimes ? 2 : 1));
  if (unknowns.background) by_photons[background] = 0.0;
  const Eigen::ArrayXd variance =
      Eigen::Map<const Eigen::ArrayXd>(mu.data() + first_gate, gates).max(least_mu);
  // Where there is never a count, there is nothing to learn.
  const Eigen::VectorXd weight = (variance > 0.0).select(1.0 / variance, 0.0);
  as_eigen(information).topLeftCorner(rows, rows) = J * weight.asDiagonal() * J.transpose();
  if (!invert_positive(information, static_cast<int>(P), covariance)) {
    constexpr double infinite = std::numeric_limits<double>::infinity();
    return {{infinite, infinite}, infinite, infinite, infinite, infinite, infinite, infinite,
            bound.photons,        infinite};
  }
  VariableVector deviations{};
  for (std::size_t i = 0; i < P; ++i) deviations[i] = std::sqrt(covariance[i][i]);
  DecayParameters of_each;
  of_each.tau_ns.fill(LifetimeBound::kNone);
  of_each.background = of_each.shift_ns = LifetimeBound::kNone;
  scatter(deviations, unknowns, of_each);
  bound.tau_ns = of_each.tau_ns;
  bound.background = of_each.background;
  bound.shift_ns = of_each.shift_ns;
  if (unknowns.background && least_mu > 0.0) {
    // What the limit tells of it, as if it had been measured.
    const double sd = deviations[background];
    const double share = std::max(std::erf(at.background / sd), 1e-9);
    information[background][background] += (1.0 / share - 1.0) / (sd * sd);
    invert_positive(information, static_cast<int>(P), covariance);
    for (std::size_t i = 0; i < P; ++i) deviations[i] = std::sqrt(covariance[i][i]);
    scatter(deviations, unknowns, of_each);
    bound.tau_ns = of_each.tau_ns;
    bound.shift_ns = of_each.shift_ns;
  }
  const Gradients gradients = gradients_of(at, unknowns);
  if (unknowns.lifetimes || unknowns.components > 1) {  // the mean of one known lifetime is known
    bound.amplitude_ns = deviation(covariance, gradients.amplitude);
    bound.intensity_ns = deviation(covariance, gradients.intensity);
  }
  bound.fraction = deviation(covariance, gradients.fraction);
  bound.photons_sd = deviation(covariance, by_photons);
  bound.f_value =
      bound.amplitude_ns / mean_lifetimes(at.decay()).amplitude_ns * std::sqrt(bound.photons);
  return bound;
}

}  // namespace taugate
