#pragma once
// Training data made while it is needed: the simulator's pixels, normalised, in the network's
// layout.

#include "taugate/fli/physics/normalise.h"
#include "taugate/fli/physics/simulator.h"
#include "taugate/nn/trainer.h"

namespace taugate {

class SimulatedTraces : public TrainingData {
 public:
  /// Pixels of the data set `seed` of `config`. They are never in a file.
  SimulatedTraces(const SimulatorConfig& config, const Normalisation& normalisation,
                  std::uint64_t seed);

  int steps() const override { return simulator_.gates(); }
  int inputs() const override { return 1; }
  int outputs() const override { return simulator_.channels(); }
  std::string identity() const override;
  void fill(std::uint64_t first, Sequence<float> input, Sequence<float> target) const override;
  /// The inputs alone, one trace after the other: [count][T] from `first` on.
  void rows(std::uint64_t first, std::size_t count, float* input) const;

 private:
  Simulator simulator_;
  Normalisation normalisation_;
  std::uint64_t seed_;
};

}  // namespace taugate
