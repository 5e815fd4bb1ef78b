#pragma once
// A training from beginning to end, whatever its kind: floats or integers (quantization-aware),
// from the truth or from a teacher as well, from random weights or from a trained network. The
// recipe decides every bit of the result.

#include <memory>
#include <optional>

#include "study/fixed_traces.h"
#include "taugate/fli/inference/photon_network.h"
#include "taugate/nn/distill.h"
#include "taugate/quant/qat/qat.h"

namespace taugate {

struct Recipe {
  Seq2SeqConfig network;  ///< its gates: values of an input (input_size())
  SimulatorConfig simulator;
  Normalisation normalisation;
  double first_gate_ns = 0.0;
  TrainingOptions training;               ///< `objective` is filled in
  std::uint64_t seed = 1;                 ///< of the weights and of the traces
  std::optional<QatOptions> integers;     ///< trains with these, and makes a network of them
  std::optional<DistillOptions> distill;  ///< with a teacher
  Loss loss = Loss::mse;                  ///< against the truth; with a teacher always that one
  std::optional<FixedSet> fixed;          ///< in place of fresh traces; then with any loss
  /// A lifetime head on the encoder (lifetime_head.h), and the beta of its likelihood: alone in place of a Seq2Seq, or,
  /// where the network has encoder_outputs, beside its decays (joint_loss.h). With a Seq2Seq as teacher, if any, and not
  /// with a fixed set.
  std::optional<double> lifetime_beta;
  /// A network that reads so many photons one by one (photon_network.h), with that beta; its gates are these photons.
  std::optional<int> photons;
};
/// The network that it trains.
Network network_of(const Recipe& recipe);

/// A recipe at work. Nothing moves it: trainer and objective refer to its parts.
class TrainingRun {
 public:
  /// `teacher` (wanted where the recipe distills) and `start`, a float network of the same shape
  /// whose weights are the first ones, must outlive this. Error where either does not fit. On a
  /// fixed set a recipe distills from `outputs`, those of that teacher on it. Several ranks make the
  /// same run, and have the same result.
  explicit TrainingRun(const Recipe& recipe, const TrainedModel* teacher = nullptr,
                       const TrainedModel* start = nullptr, const TeacherOutputs* outputs = nullptr,
                       Ranks& ranks = Ranks::alone());
  TrainingRun(const TrainingRun&) = delete;
  TrainingRun& operator=(const TrainingRun&) = delete;

  const Recipe& recipe() const { return recipe_; }
  Trainer& trainer() { return *trainer_; }
  const Model& network() const { return network_; }

  /// With the trainer's parameters: a TrainedModel, or with integers a QuantizedModel.
  std::unique_ptr<TraceModel> result() const;
  /// The same; for integers the floats that they were rounded from.
  TrainedModel master() const;
  /// How it was trained and how well, as JSON: what result() carries as TraceModel::training.
  std::string note() const;

 private:
  Objective make_objective();
  Objective lifetime_objective() const;
  std::unique_ptr<TrainingData> make_data(const TeacherOutputs* outputs) const;

  Recipe recipe_;
  Model network_;
  std::unique_ptr<QatNetwork> qat_;
  Parameters own_;  // of a float network: its own, and what only its training needs
  std::unique_ptr<Distillation> distillation_;
  std::optional<LifetimeTeacher> lifetime_teacher_;
  std::unique_ptr<TrainingData> data_;
  std::unique_ptr<Trainer> trainer_;
};

}  // namespace taugate
