#pragma once
// A network together with what it needs to meet measured traces: the acquisition and prior that it
// was trained for, how its input is normalised, and where its window begins on the recorder's
// clock.

#include <filesystem>

#include "taugate/fli/normalise.h"
#include "taugate/fli/simulator.h"
#include "taugate/nn/model_file.h"

namespace taugate {

struct TrainedModel {
  Seq2Seq network;
  SimulatorConfig simulator;
  Normalisation normalisation;
  /// Time, on the recorder's clock, at which gate 0 opens. Not 0 where the gates were turned so
  /// that the rise of a measured IRF comes early in them.
  double first_gate_ns = 0.0;
  /// How it was trained, as JSON; for people.
  std::string training = "{}";

  const Acquisition& acquisition() const { return simulator.acquisition; }
};

void save(const std::filesystem::path& path, const TrainedModel& model);
/// Error where the file is no taugate model, or lacks what this program adds to a bare network.
TrainedModel load_trained_model(const std::filesystem::path& path);

}  // namespace taugate
