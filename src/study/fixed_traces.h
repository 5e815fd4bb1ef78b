#pragma once
// Training on a fixed set of traces, as Erbas et al. (NeurIPS 2024 workshop) do with their 3.92
// million, in place of fresh ones: the same traces for every network, seen once or over and over.
// What a teacher makes of them is then computed once and kept.

#include <functional>
#include <optional>

#include "taugate/fli/inference/simulated_traces.h"
#include "taugate/fli/inference/trained_model.h"

namespace taugate {

/// Training reads its traces first, first + 1, ... and begins again behind the last.
struct FixedSet {
  std::uint64_t seed = 1;    ///< of the traces
  std::uint64_t traces = 0;  ///< in the set; a multiple of 64
  std::uint64_t first = 0;   ///< where this training begins in it; a multiple of 64
  /// Photon noise on the SFD that is trained towards, as of so many counts at its peak; 0: none.
  double truth_counts = 0.0;
};

/// The SFDs that a network makes of all traces of a set, as half floats (for SFDs up to 1 off by
/// 2.5e-4 at most, a fortieth of a good network's RMSE).
class TeacherOutputs {
 public:
  /// Read from `folder`, or computed and written there under a name that tells teacher and set
  /// apart. Nothing where `keep_going(traces done)` returned false; Error for a damaged file.
  static std::optional<TeacherOutputs> of(const TrainedModel& teacher,
                                          const SimulatorConfig& simulator, const FixedSet& set,
                                          const std::filesystem::path& folder,
                                          const std::function<bool(std::uint64_t)>& keep_going);

  /// [T][C] of that trace of the set, weighed with what is there: target = share * SFD +
  /// (1 - share) * target, for lane `lane`.
  void blend_into(Sequence<float> target, int lane, std::uint64_t trace, float share) const;
  std::uint64_t traces() const { return halfs_.size() / values_; }

 private:
  std::size_t values_ = 1;            // T C
  std::vector<std::uint16_t> halfs_;  // [traces][T][C]
};

/// The traces of a set as a training takes them. With a teacher's outputs the target is
/// alpha * teacher + (1 - alpha) * truth: the squared error against it and alpha MSE(y, teacher) +
/// (1 - alpha) MSE(y, truth) differ by what no weight changes, so their gradients are the same.
/// Validation takes other traces, with their truth and nothing else.
class FixedTraces : public TrainingData {
 public:
  /// `teacher`, or null, must outlive this.
  FixedTraces(const SimulatorConfig& simulator, const Normalisation& normalisation,
              const FixedSet& set, const TeacherOutputs* teacher, double alpha);

  int steps() const override { return traces_.steps(); }
  int inputs() const override { return 1; }
  int outputs() const override { return traces_.outputs(); }
  std::string identity() const override;
  void fill(std::uint64_t first, Sequence<float> input, Sequence<float> target) const override;

 private:
  void add_noise(std::uint64_t trace, int lane, Sequence<float> target) const;

  SimulatedTraces traces_;
  FixedSet set_;
  const TeacherOutputs* teacher_;
  float alpha_;
};

}  // namespace taugate
