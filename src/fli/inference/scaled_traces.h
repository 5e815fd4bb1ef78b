#pragma once
// Pixels of a prior at any number of photons: the simulator's shape without noise, then the
// detector's reading of as many photons as wanted. Background keeps its share of them.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "taugate/fli/physics/simulator.h"

namespace taugate {

class ScaledTraces {
 public:
  explicit ScaledTraces(const SimulatorConfig& config);

  int gates() const { return simulator_.gates(); }  ///< T
  double counts_per_photon() const;                 ///< of the detector

  /// shape [T]: each gate's share of the photons of pixel `index` of the data set `seed`, or of the
  /// same pixel with another decay. Sums to 1. Returns the decay. `irf`: as in Sample.
  Decay shape(std::uint64_t seed, std::uint64_t index, const std::optional<Decay>& decay,
              std::span<double> shape, std::span<float> irf = {}) const;
  /// counts [T]: what the detector reads of `photons` in all, with its dark counts. No more light
  /// than saturates binary frames.
  void detect(std::span<const double> shape, double photons, Random& random,
              std::span<float> counts) const;

 private:
  Detector detector_;
  double most_peak_;
  Simulator simulator_;  // bright, and without the detector's noise
};

}  // namespace taugate
