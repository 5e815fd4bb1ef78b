#pragma once
// Whether a trace is like those of a network's training. Two tests, both judged at the trace's own
// number of photons N, since noise makes every trace less alike:
//
//   state   d^2 = sum_i (z_i - m_i(N))^2 / v_i(N),  z = W^T h: the squared Mahalanobis distance of
//           the encoder's final state h from those of training. W diagonalises the covariances at
//           10^3 and 10^4.5 photons at once; mean m and variance v of z are tabulated over log N
//   input   chi^2 = [4 N |r|^2 + sum_k a_k^2 / (l_k + 1 / 4N)] / G, with u = sqrt(x / sum x) of
//           the input x, a = V^T (u - u0) and r = u - u0 - V a: the squared Mahalanobis distance
//           of the input, from the P main components V of noise-free training inputs, their
//           variances l, and noise of variance 1 / 4N in every gate (probabilistic PCA: Tipping and
//           Bishop 1999). The square root makes the variance of Poisson counts 1/4 (Anscombe 1948)
//
// Each has a limit over log N, so that together they flag 1 % of training-like traces at every N.
// novelty_estimate.h finds all of it from fresh simulated traces.

#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace taugate {

/// One trace beside those of the training.
struct Unlikeness {
  float state_distance = NAN;  ///< d
  float input_chi2r = NAN;     ///< chi^2 of the input, 1 for Poisson noise alone
  bool unlike = false;         ///< either is beyond its limit
};

struct Novelty {
  static constexpr double kFalseAlarms = 0.01;  ///< of both tests together

  double counts_per_photon = 1.0;
  std::vector<double> log_photons;        ///< [K] log10 N, ascending, evenly spaced
  std::vector<float> transform;           ///< [D][D] W, row-major
  std::vector<float> mean, precision;     ///< [K][D] m and 1/v
  int group = 1;                          ///< neighbouring gates that are added up before the test
  int gates = 0;                          ///< T
  std::vector<float> input_mean;          ///< [G] u0, G = ceil(T / group)
  std::vector<float> components;          ///< [G][P] V
  std::vector<float> component_variance;  ///< [P] l
  std::vector<float> log_state_limit;     ///< [K] ln of the largest d^2
  std::vector<float> log_input_limit;     ///< [K] ln of the largest chi^2

  std::size_t state_units() const { return mean.size() / log_photons.size(); }           ///< D
  std::size_t component_count() const { return components.size() / input_mean.size(); }  ///< P

  /// `counts`: of the trace in all; input [T], normalised as in training; state [D]. `scratch` is
  /// the caller's, so that nothing is allocated from its second use on.
  Unlikeness assess(double counts, std::span<const float> input, std::span<const float> state,
                    std::vector<float>& scratch) const;

  /// Both tests' squares over their limits: what assess() compares with 1.
  struct Ratios {
    double state_square, input_chi2r;  ///< d^2, chi^2
    double state, input;               ///< over their limits
  };
  Ratios ratios(double counts, std::span<const float> input, std::span<const float> state,
                std::vector<float>& scratch) const;

  /// u [G] of an input [T].
  void shape(std::span<const float> input, std::span<float> u) const;

  std::string to_json() const;
  /// Error unless all sizes fit each other.
  static Novelty from_json(std::string_view text);
};

}  // namespace taugate
