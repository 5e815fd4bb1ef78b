#include "fli/inference/scaled_traces.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace taugate {
namespace {

constexpr double kBrightest = 3e8;  // photons at a peak: Poisson noise is then below 1e-4

/// The same shapes from so many photons that their noise does not matter.
SimulatorConfig bright(SimulatorConfig config) {
  const double factor =
      kBrightest / std::max(config.peak_counts.high, config.background_counts.high);
  for (Range* range : {&config.peak_counts, &config.background_counts}) {
    range->low *= factor;
    range->high *= factor;
  }
  config.detector = Detector{};
  config.channels = 1;
  return config;
}

}  // namespace

ScaledTraces::ScaledTraces(const SimulatorConfig& config)
    : detector_(config.detector),
      most_peak_(detector_.kind == DetectorKind::gated_spad
                     ? std::max(config.peak_counts.high, std::exp2(detector_.frame_bits))
                     : std::numeric_limits<double>::infinity()),
      simulator_(bright(config)) {}

double ScaledTraces::counts_per_photon() const {
  return detector_.kind == DetectorKind::iccd ? detector_.gain : 1.0;
}

Decay ScaledTraces::shape(std::uint64_t seed, std::uint64_t index,
                          const std::optional<Decay>& decay, std::span<double> shape,
                          std::span<float> irf) const {
  thread_local std::vector<float> counts;
  counts.resize(shape.size());
  Sample pixel{counts, {}, {}, irf};
  if (decay)
    simulator_.sample(seed, index, *decay, pixel);
  else
    simulator_.sample(seed, index, pixel);
  const double sum = std::accumulate(counts.begin(), counts.end(), 0.0);
  for (std::size_t t = 0; t < shape.size(); ++t) shape[t] = counts[t] / sum;
  return pixel.truth.decay;
}

void ScaledTraces::detect(std::span<const double> shape, double photons, Random& random,
                          std::span<float> counts) const {
  thread_local std::vector<double> mean;
  mean.assign(shape.begin(), shape.end());
  const double scale = std::min(photons, most_peak_ / *std::max_element(mean.begin(), mean.end()));
  const double dark = draw_dark_counts(detector_, random);
  for (double& mu : mean) mu = mu * scale + dark;
  taugate::detect(detector_, mean, random, counts);
}

}  // namespace taugate
