#pragma once
// Carries out the rows of a plan, one seed at a time, in a folder that remembers what is done:
//
//   runs/ID-SEED.json          figures; their presence, with the same recipe, says that it is done
//   models/ID-SEED.safetensors the network
//   models/ID-SEED.checkpoint  of a training that was interrupted
//   models/teacher-HASH.f16    what a teacher makes of a fixed set of traces
//
// A network whose recipe is the same but which was measured in another way is measured again and
// not trained again.

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>

#include "study/evaluation.h"
#include "study/experiments.h"
#include "study/plate.h"

namespace taugate {

/// Figures of a network on one kind of data; an element of `channels` for each output.
struct RunScores {
  struct Channel {
    MeanStddev rmse, r2, l2, dtw;
  };
  std::vector<Channel> channels;
  LifetimeError lifetime;  ///< amplitude-weighted
};

struct RunResult {
  RunScores test;                ///< simulated traces of the training's prior, never trained on
  RunScores plate;               ///< the emulated AF700 well plate
  std::size_t parameters = 0;    ///< as the literature counts them
  std::uint64_t file_bytes = 0;  ///< of the model file
  std::size_t multiply_accumulates = 0;  ///< a trace
  /// Of the rows of `state`: what their write-back loses (write_back.h), median over units and over
  /// all updates.
  std::optional<double> dead_band, lost_updates;
  /// Of training, quantizing and measuring: by the clock, and of all processors together.
  double seconds = 0.0, processor_seconds = 0.0;
};

/// How far a run is: traces trained on, of how many.
using RunWatch = std::function<bool(std::uint64_t done, std::uint64_t total)>;

/// How long a run of each of the rows will take on this machine with its threads as they are, in
/// seconds: from a few training steps of each shape of network.
std::map<std::string, double> estimated_seconds(const ExperimentPlan& plan);

class ExperimentFolder {
 public:
  /// Makes the folder where it is not there. Error where that fails.
  ExperimentFolder(std::filesystem::path folder, const ExperimentPlan& plan);

  const ExperimentPlan& plan() const { return plan_; }
  /// Nothing where the run is not done yet, or was done by another recipe. Error for a damaged
  /// file.
  std::optional<RunResult> result(const Experiment& row, int seed);
  /// The results of all of a row's seeds that are done, by seed.
  std::map<int, RunResult> results(const Experiment& row);

  /// Whether the networks are there that the run begins with and learns from.
  bool ready(const Experiment& row, int seed) const;
  /// Does it, and keeps model and figures. Rows that it needs and whose models are not there are
  /// run first. Nothing where `watch` returned false: the same call goes on from there later.
  std::optional<RunResult> run(const Experiment& row, int seed, const RunWatch& watch);

  /// The network of a run that is done.
  std::unique_ptr<TraceModel> network(const Experiment& row, int seed) const;
  /// What the row is measured on.
  const Plate& plate_of(const Experiment& row);

 private:
  std::filesystem::path path(const char* kind, const Experiment& row, int seed,
                             const char* extension) const;
  std::string recipe(const Experiment& row) const;
  std::string measured_on(const Experiment& row);
  /// The run's file where its recipe is the row's.
  std::optional<nlohmann::json> record(const Experiment& row, int seed) const;
  std::unique_ptr<TraceModel> make(const Experiment& row, int seed, const RunWatch& watch);
  /// The run that makes another one's network, and its file.
  Job needed(const std::string& id, int seed) const;
  bool has_network(const Job& job) const;
  /// The float network of that row; nothing where it had to be trained and was interrupted.
  std::optional<TrainedModel> model_of(const std::string& id, int seed, const RunWatch& watch);
  std::unique_ptr<TraceModel> train(const Experiment& row, int seed, const TrainedModel* from,
                                    const TrainedModel* teacher, const RunWatch& watch);
  const TeacherOutputs* outputs_of(const TrainedModel& teacher, const Experiment& row,
                                   const RunWatch& watch);

  std::filesystem::path folder_;
  ExperimentPlan plan_;
  std::string outputs_key_;  // whose outputs_ are; a student after the other has the same teacher
  std::optional<TeacherOutputs> outputs_;
  std::map<std::pair<std::string, int>, Plate> plates_;  // of each preset and number of outputs
};

}  // namespace taugate
