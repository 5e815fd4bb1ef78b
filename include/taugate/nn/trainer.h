#pragma once
// Training: batches made on the fly, spread over all threads, the same bits whatever their number.
//
// A batch is cut into slices of a few SIMD blocks, and the slices into groups. A group is one
// thread's work: for each of its slices it makes the data, runs forward and backward on a tape of
// its own, and adds the gradient to the group's block. The groups' blocks are then added in a fixed
// order. Neither the cut nor the order depends on the number of threads, nor on that of the
// processes (core/ranks.h) that the groups are dealt out to.

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "taugate/core/ranks.h"
#include "taugate/nn/losses.h"
#include "taugate/nn/optimizer.h"

namespace taugate {

/// Where traces come from: a pure function of the trace's index, so a data set is never stored.
class TrainingData {
 public:
  virtual ~TrainingData() = default;
  virtual int steps() const = 0;
  virtual int inputs() const = 0;                       ///< features of the network's input
  virtual int outputs() const = 0;                      ///< features of its target
  virtual int target_steps() const { return steps(); }  ///< 1 for a head at the last step
  /// Tells one data set from another, so that a checkpoint is not resumed on other traces.
  virtual std::string identity() const { return {}; }
  /// Traces first, first+1, ... into input [T][inputs][B] and target [target_steps()][outputs][B]. Called from
  /// many threads at once; must not allocate.
  virtual void fill(std::uint64_t first, Sequence<float> input, Sequence<float> target) const = 0;
};

/// The loss of one slice, multiplied by `scale` (1 / values in the whole batch's target), so that
/// losses of slices add up to the loss of the batch.
using Objective =
    std::function<Var<float>(Tape<float>&, Var<float> input, Sequence<float> target, float scale)>;

/// The loss of network(tape, input) against the target. While validating it is the squared error,
/// whatever the loss: so that runs can be compared, and the best one is the same.
template <class Network>
Objective against_truth(const Network& network, Loss loss) {
  return
      [&network, loss](Tape<float>& tape, Var<float> input, Sequence<float> target, float scale) {
        const Var<float> y = network(tape, input);
        return error_of(tape, y.wants_gradient() ? loss : Loss::mse, y, target, scale);
      };
}
/// The squared error: the objective that most training uses.
template <class Network>
Objective least_squares(const Network& network) {
  return against_truth(network, Loss::mse);
}

struct TrainingOptions {
  std::uint64_t samples = 2'000'000;  ///< fresh traces to train on
  int batch = 64;
  int slice = 16;  ///< traces a tape works on at a time; a multiple of kLaneBlock
  AdamOptions adam;
  Schedule schedule;
  std::uint64_t validation_samples = 4096;
  int validations = 20;   ///< how often over the whole run
  int patience = 0;       ///< stop after so many validations without a new best; 0: never
  std::string objective;  ///< tells one objective from another, for checkpoints; JSON or any text

  void validate() const;  ///< throws UsageError
};
/// Every field, as canonical JSON.
std::string to_json(const TrainingOptions& options);

/// One point of the learning curve.
struct TrainingPoint {
  std::uint64_t samples = 0;
  double training_loss = 0.0;  ///< mean over the batches since the last point
  double validation_loss = 0.0;
  double learning_rate = 0.0;
  double gradient_norm = 0.0;  ///< of the last batch, before clipping
};

/// The best point of a run that was lost afterwards, as where gradients explode: its last validation
/// loss is more than four times the best. Nothing for other runs.
std::optional<TrainingPoint> lost_after(const std::vector<TrainingPoint>& history);

enum class TrainingEnd { finished, stopped_early, interrupted };

class Trainer {
 public:
  /// All references must outlive the trainer. Training numbers traces from 0; validation uses
  /// indices from kValidationStart. Of several ranks each makes a trainer, with the same arguments, and
  /// calls what follows as the others do; parameters and history are then the same in all.
  Trainer(Parameters& parameters, Objective objective, const TrainingData& data,
          const TrainingOptions& options, Ranks& ranks = Ranks::alone());

  /// One batch; returns its loss. Allocates nothing.
  double step();

  /// Steps until the end, validating on the way. `observer` is called after every batch, and now and
  /// then in a validation, and may return false to interrupt; one rank's false stops all. At the end
  /// the parameters are those of the best validation.
  TrainingEnd run(const std::function<bool(const Trainer&)>& observer = {});

  /// All that a later run needs to go on and end with the same bits.
  void save_checkpoint(const std::filesystem::path& path) const;
  /// Error when the file is damaged or was made with other options, data shape or parameters.
  void load_checkpoint(const std::filesystem::path& path);
  /// Where run() saves after each validation and when interrupted, by the first rank; empty: nowhere.
  std::filesystem::path checkpoint;

  /// Mean loss over the validation set with the current parameters.
  double validate() const { return *validate({}); }

  /// What a step falls into; more threads than that have nothing to do.
  int work_items() const { return groups_; }

  std::uint64_t samples_done() const { return steps_done_ * options_.batch; }
  std::uint64_t samples_total() const { return steps_total_ * options_.batch; }
  double recent_loss() const { return recent_loss_; }  ///< of the last batch
  const std::vector<TrainingPoint>& history() const { return history_; }
  const TrainingOptions& options() const { return options_; }

  static constexpr std::uint64_t kValidationStart = std::uint64_t{1} << 62;

 private:
  /// Forward, and backward if gradients are given, for traces first .. first+batch-1.
  double run_slice(Arena& arena, std::uint64_t first, int batch, float scale,
                   float* gradients) const;
  void prepare_arenas() const;
  void add_up_gradients();
  /// Whether `observer` has ended it, here or in another rank.
  bool ended_by(const std::function<bool(const Trainer&)>& observer) const;
  void keep_checkpoint() const;
  /// Nothing where `observer` has ended it.
  std::optional<double> validate(const std::function<bool(const Trainer&)>& observer) const;
  /// Whether patience is at its end; nothing, and nothing is changed, where `observer` has ended it.
  std::optional<bool> record_validation(const std::function<bool(const Trainer&)>& observer);
  std::string fingerprint() const;

  Parameters& parameters_;
  Objective objective_;
  const TrainingData& data_;
  Ranks& ranks_;
  TrainingOptions options_;
  AdamOptimizer adam_;

  int groups_ = 1;
  Buffer<float> gradients_;  // [groups][parameters]; the sum ends in the first
  std::vector<double> group_loss_;
  std::size_t arena_bytes_ = 0;
  mutable std::vector<Arena> arenas_;  // one a thread

  std::uint64_t steps_done_ = 0, steps_total_ = 0;
  double recent_loss_ = 0.0, recent_norm_ = 0.0, recent_rate_ = 0.0;
  double loss_since_point_ = 0.0;
  std::uint64_t steps_since_point_ = 0;
  int halvings_ = 0, stale_ = 0;
  double best_loss_ = 0.0;
  Buffer<float> best_;
  std::vector<TrainingPoint> history_;
};

}  // namespace taugate
