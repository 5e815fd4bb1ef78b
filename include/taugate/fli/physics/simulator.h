#pragma once
// Simulated pixels of a fluorescence lifetime image: the recorded TPSF (temporal point spread
// function, the network's input before normalisation), the SFD that it should give, and the truth
// behind both.
//
//     decay ~ prior, less a rise -> periodic convolution with an IRF ~ prior, + scattered light
//     -> gates -> scaled to a peak ~ prior -> + dark counts, hot pixel, background
//     -> detector noise -> TPSF
//
// sample(seed, index) is a pure function, so a data set of any size is just a seed and a count: it
// is made by all threads while it is needed, and pixel 3,141,592 can be had without those before
// it.

#include <cstdint>
#include <span>

#include "taugate/fli/physics/decay.h"
#include "taugate/fli/physics/simulator_config.h"

namespace taugate {

struct Truth {
  Decay decay;
  double peak_counts = 0.0;   ///< of the noise-free TPSF without background, with scatter
  double total_counts = 0.0;  ///< its sum over the gates
};

/// The caller's memory for one pixel. An empty `sfd` is not written.
struct Sample {
  std::span<float> counts;  ///< [T] the TPSF
  std::span<float> sfd;     ///< [T][C] row-major, peak 1: without scatter and rise
  Truth truth;
  std::span<float> irf = {};  ///< [5] its quantiles (irf_quantiles.h), or empty: not written
};

class Simulator {
 public:
  explicit Simulator(SimulatorConfig config);  ///< validates

  const SimulatorConfig& config() const { return config_; }
  int gates() const { return config_.acquisition.gates; }
  int channels() const { return config_.channels; }

  /// Fills `out` with pixel `index` of the data set `seed`. Pure in (seed, index), safe to call
  /// from many threads, and free of allocations but for a thread's first call. Throws Error where
  /// the spans of `out` have the wrong size.
  void sample(std::uint64_t seed, std::uint64_t index, Sample& out) const;
  /// The same for a given decay; what else is drawn stays the same as for the drawn one.
  void sample(std::uint64_t seed, std::uint64_t index, const Decay& decay, Sample& out) const;

  /// The gates in which so many photons of pixel `index` arrive, one after the other: the first n of a longer list are
  /// the list of n. The background that the prior gives in counts is relative to its peak counts. Else as sample(). Error
  /// for a detector that does not count single photons.
  Truth photons(std::uint64_t seed, std::uint64_t index, std::span<std::uint16_t> gates) const;
  /// The same for a given decay.
  Truth photons(std::uint64_t seed, std::uint64_t index, const Decay& decay,
                std::span<std::uint16_t> gates) const;

 private:
  void sample(Random& random, const Decay& decay, Sample& out) const;
  Truth photons(Random& random, const Decay& decay, std::span<std::uint16_t> gates) const;
  Truth expect(Random& random, const Decay& decay, std::span<float> quantiles) const;
  SimulatorConfig config_;
  std::size_t largest_irf_;
};

/// One decay of the prior; uses the same amount of random numbers whatever it draws.
Decay draw_decay(const DecayPrior& prior, Random& random);

}  // namespace taugate
