#pragma once
// Whether a trace is like those of a network's training. Three tests, all judged at the trace's own
// number of photons N, since noise makes every trace less alike:
//
//   state   d^2 = sum_i (z_i - m_i(N))^2 / v_i(N),  z = W^T h: the squared Mahalanobis distance of
//           the encoder's final state h from those of training. W diagonalises the covariances at
//           10^3 and 10^4.5 photons at once; mean m and variance v of z are tabulated over log N
//   input   C = |r|^2 4N + C_training(a), with u = sqrt(x / sum x) of the input x, a = V^T (u - u0)
//           and r = u - u0 - V a: -2 ln of the probability density of u in training, up to a
//           constant. V are P main components of noise-free inputs, C_training that of a mixture of
//           Gaussians (shape_mixture.h), and 1 / 4N the variance that Poisson noise has in every
//           gate after the square root (Anscombe 1948)
//   beyond  L = C_training(a) - C_beyond(a): twice the log-likelihood ratio between inputs a
//           little beyond the prior (lifetimes, background, scatter, rise, place and width of the
//           IRF: beyond_prior()) and those of training. It looks in these directions only, and so
//           needs less of a difference there than `input`
//
// Each has a limit over log N, so that together they flag 1 % of training-like traces at every N.
// novelty_estimate.h finds all of it from fresh simulated traces.

#include <array>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "taugate/fli/inference/shape_mixture.h"

namespace taugate {

/// One trace beside those of the training.
struct Unlikeness {
  float state_distance = NAN;  ///< d
  float input_chi2r = NAN;     ///< chi^2 of the input from the nearest Gaussian, over G
  bool unlike = false;         ///< a test is beyond its limit
};

struct Novelty {
  static constexpr double kFalseAlarms = 0.01;  ///< of all tests together
  static constexpr std::size_t kTests = 3;      ///< state, input, beyond

  double counts_per_photon = 1.0;
  std::vector<double> log_photons;     ///< [K] log10 N, ascending, evenly spaced
  std::vector<float> transform;        ///< [D][D] W, row-major
  std::vector<float> mean, precision;  ///< [K][D] m and 1/v
  int group = 1;                       ///< neighbouring gates that are added up before the test
  int gates = 0;                       ///< T
  std::vector<float> input_mean;       ///< [G] u0
  std::vector<float> components;       ///< [G][P] V
  ShapeMixture training, beyond;       ///< of a
  /// [K] each: the largest ln d^2, ln C and L / 2 that are not flagged.
  std::array<std::vector<float>, kTests> limits;

  std::size_t state_units() const { return mean.size() / log_photons.size(); }           ///< D
  std::size_t component_count() const { return components.size() / input_mean.size(); }  ///< P
  /// G
  std::size_t gate_groups() const { return static_cast<std::size_t>((gates + group - 1) / group); }

  /// `counts`: of the trace in all; input [T], normalised as in training, without counts before it; state [D]. `scratch` is
  /// the caller's, so that nothing is allocated from its second use on.
  Unlikeness assess(double counts, std::span<const float> input, std::span<const float> state,
                    std::vector<float>& scratch) const;

  /// What assess() compares with its limits.
  struct Scores {
    float state_distance, input_chi2r;
    std::array<double, kTests> excess;  ///< of ln d^2, ln C and L / 2 over the limits
  };
  Scores scores(double counts, std::span<const float> input, std::span<const float> state,
                std::vector<float>& scratch) const;

  /// u [G] of an input [T].
  void shape(std::span<const float> input, std::span<float> u) const;

  /// A zero, then all of it, 20 to 30 kB: floats where precision counts, floats of 16 bits, and the mixtures' axes in 8
  /// bits. What estimate_novelty() finds is rounded so before it sets the limits.
  std::string to_bytes() const;
  /// Or from the JSON of earlier versions. Error unless all sizes fit each other.
  static Novelty from_bytes(std::string_view bytes);

 private:
  static Novelty from_json(std::string_view text);
  void check() const;
};

}  // namespace taugate
