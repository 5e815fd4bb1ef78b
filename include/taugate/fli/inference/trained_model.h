#pragma once
// A network together with what it needs to meet measured traces: the acquisition and prior that it
// was trained for, how its input is normalised, and where its window begins on the recorder's
// clock. The network is of floats or of integers; evaluate() and infer() take either.

#include <filesystem>
#include <memory>
#include <optional>

#include "taugate/fli/inference/novelty.h"
#include "taugate/fli/physics/normalise.h"
#include "taugate/fli/physics/simulator.h"
#include "taugate/nn/model_file.h"
#include "taugate/runtime/executor.h"

namespace taugate {

/// What is common to both kinds.
struct TraceModel {
  SimulatorConfig simulator;
  Normalisation normalisation;
  /// Time, on the recorder's clock, at which gate 0 opens. Not 0 where the gates were turned so
  /// that the rise of a measured IRF comes early in them.
  double first_gate_ns = 0.0;
  /// How it was trained, as JSON; for people.
  std::string training = "{}";
  /// What its training's traces look like; none where the file does not tell.
  std::optional<Novelty> novelty;

  virtual ~TraceModel() = default;
  const Acquisition& acquisition() const { return simulator.acquisition; }
  int gates() const { return acquisition().gates; }  ///< T
  virtual const Network& description() const = 0;
  int outputs() const { return description().outputs(); }  ///< C
  /// Values that the network reads of a trace: T, or T + 1 with the counts before them; of photons two each.
  std::size_t input_size() const { return description().input_size(); }
  /// Whether it reads single photons and answers after each (photon_network.h): its network's T is the photons that it
  /// was trained on at most, and the simulator's gates are those in which a photon may arrive.
  bool reads_photons() const { return description().features == 2; }
  /// Whether it gives an SFD; and whether it answers for a trace with lifetimes and their deviations (lifetime_head.h), in
  /// the SFD's place or beside it.
  bool gives_decays() const {
    return !reads_photons() && description().head.at == HeadSpec::At::every_step;
  }
  bool gives_lifetimes() const {
    return !reads_photons() && (!gives_decays() || description().encoder_outputs > 0);
  }
  /// Of the output of a trace: the SFD [T][C], without the step of an input that begins with the counts; and what
  /// lifetime_answer() reads.
  std::span<const float> decay_of(std::span<const float> output) const;
  std::span<const float> lifetimes_of(std::span<const float> output) const;
  /// With a copy of the weights, so the model may go.
  virtual std::unique_ptr<Executor> executor() const = 0;

 protected:
  TraceModel() = default;
  TraceModel(SimulatorConfig prior, Normalisation input, double first_gate_ns, std::string training)
      : simulator(std::move(prior)),
        normalisation(input),
        first_gate_ns(first_gate_ns),
        training(std::move(training)) {}
  TraceModel(const TraceModel&) = default;
  TraceModel& operator=(const TraceModel&) = default;
};

/// Of floats.
struct TrainedModel : TraceModel {
  Model network;

  TrainedModel(Model network, SimulatorConfig prior, Normalisation input = {},
               double first_gate_ns = 0.0, std::string training = "{}")
      : TraceModel(std::move(prior), input, first_gate_ns, std::move(training)),
        network(std::move(network)) {}

  /// For the same traces as `of`.
  TrainedModel(Model network, const TraceModel& of) : TraceModel(of), network(std::move(network)) {
    novelty.reset();  // that was the other network's
  }

  const Network& description() const override { return network.description(); }
  std::unique_ptr<Executor> executor() const override;
};

/// Of integers. What counts are the members of TraceModel; when it is saved, the network's notes
/// are made of them.
struct QuantizedModel : TraceModel {
  IntegerModel network;

  explicit QuantizedModel(IntegerModel network) : network(std::move(network)) {}
  /// For the same traces as `of`.
  QuantizedModel(IntegerModel network, const TraceModel& of)
      : TraceModel(of), network(std::move(network)) {
    novelty.reset();  // that was the other network's
  }

  const Network& description() const override { return network.description; }
  std::unique_ptr<Executor> executor() const override;
};

void save(const std::filesystem::path& path, const TrainedModel& model);
void save(const std::filesystem::path& path, const QuantizedModel& model);
void save(const std::filesystem::path& path, const TraceModel& model);  ///< either

/// What a model file of any kind keeps beside the network, by key.
ModelNotes notes_of(const TraceModel& model);

/// What a model is wanted to read.
enum class ModelReads { traces, photons, either };

/// Error where the file is no taugate model of floats, lacks what this program adds to a bare network, or reads
/// something else.
TrainedModel load_trained_model(const std::filesystem::path& path,
                                ModelReads wanted = ModelReads::traces);
/// The same for integers.
QuantizedModel load_quantized_model(const std::filesystem::path& path,
                                    ModelReads wanted = ModelReads::traces);
/// Either, as the file says.
std::unique_ptr<TraceModel> load_trace_model(const std::filesystem::path& path,
                                             ModelReads wanted = ModelReads::traces);
/// Whether a safetensors file holds a network of integers; Error where it cannot be read.
bool holds_integers(const std::filesystem::path& path);

}  // namespace taugate
