#pragma once
// A small task to train on.

#include <algorithm>
#include <cmath>

#include "taugate/nn/trainer.h"

namespace taugate::testing {

/// Decays that start at gate 4, seen with noise; target: the decay without it.
class NoisyDecays : public TrainingData {
 public:
  int steps() const override { return 24; }
  int inputs() const override { return 1; }
  int outputs() const override { return 1; }
  void fill(std::uint64_t first, Sequence<float> input, Sequence<float> target) const override {
    for (int b = 0; b < input.batch; ++b) {
      Random rng(9, first + static_cast<std::uint64_t>(b));
      const double lifetime = rng.uniform(2.0, 9.0);
      for (int t = 0; t < input.steps; ++t) {
        const double y = t < 4 ? 0.0 : std::exp((4 - t) / lifetime);
        target.at(t, 0, b) = static_cast<float>(y);
        input.at(t, 0, b) =
            static_cast<float>(std::clamp(y + 0.1 * std::sqrt(y + 0.02) * rng.normal(), 0.0, 1.0));
      }
    }
  }
};

}  // namespace taugate::testing
