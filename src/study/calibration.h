#pragma once
// How true the standard deviations are that a network gives with its lifetimes (lifetime_head.h): beside the deviations
// that its answers have, how often the truth lies within them, and the Cramer-Rao bound of the same unknowns; for given
// decays and numbers of photons, with IRF and background drawn from a prior.

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "taugate/fli/inference/trained_model.h"

namespace taugate {

/// Of the amplitude-weighted lifetime; everything relative to the true one.
struct CalibrationRow {
  std::optional<Decay> decay;  ///< none: drawn from the prior
  double photons = 0.0;        ///< expected in all gates together, without background
  double truth_ns = 0.0;       ///< mean
  std::size_t traces = 0;
  double bias = 0.0, deviation = 0.0;
  double predicted = 0.0;  ///< mean of the network's own standard deviations
  double bound = 0.0;      ///< root mean square over the IRFs and backgrounds
  double prior_spread =
      0.0;  ///< standard deviation of the lifetime's logarithm in the network's training
  /// [traces], ascending: how much of the network's distribution is nearer to its middle than the truth,
  /// erf(|ln(answer / truth)| / (sigma sqrt 2)). Uniform on 0..1 where the network is calibrated.
  std::vector<float> levels;

  /// Share of the true values within the middle `level` of what the network says.
  double coverage(double level) const;
  double within(double deviations) const;
};

/// One component: five lifetimes, log-uniform from the shortest of `data`'s prior to its longest. Two: the middles of
/// both ranges, at five fractions. What the prior does not have is left out.
std::vector<Decay> calibration_decays(const DecayPrior& data);

/// For each of `decays`, and last for decays of the prior `data`, at each of `photons`: `traces` with IRFs and
/// backgrounds of that prior. Where photons tell less than the prior, only the latter can be calibrated: at one decay
/// the answers lean towards what is likely. Error unless the model gives lifetimes. keep_going(conditions done) false ends it.
std::vector<CalibrationRow> calibration(const TraceModel& model, const SimulatorConfig& data,
                                        std::span<const Decay> decays,
                                        std::span<const double> photons, std::size_t traces,
                                        std::uint64_t seed,
                                        const std::function<bool(std::size_t)>& keep_going = {});

std::string to_csv(std::span<const CalibrationRow> rows);

/// Above: how often the truth lies within the middle p of what the network says, against p, a curve for each number of
/// photons. Below: the mean of its own deviations against the ones that it has. Both on the diagonal where it is
/// calibrated.
void draw_reliability(const std::filesystem::path& path, std::span<const CalibrationRow> rows);

}  // namespace taugate
