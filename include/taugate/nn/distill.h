#pragma once
// Knowledge distillation: a student learns from the truth and from a teacher that sees the same
// traces, by distillation_error() of losses.h.
//
// h there: the states of the decoder's last layer at every step, which the head reads. P [H of the
// teacher][H of the student] is learned with the student and dropped afterwards: a student's states
// need not have the teacher's number or meaning, only carry what can be turned into them.

#include "taugate/nn/losses.h"
#include "taugate/nn/model.h"
#include "taugate/nn/trainer.h"

namespace taugate {

class Distillation {
 public:
  /// Where beta > 0, adds P to `parameters`, which the student trains, with uniform values of
  /// `seed`. `teacher` must outlive this. Error when it has another T or C than the student.
  Distillation(const Model& teacher, const Network& student, Parameters& parameters,
               const DistillOptions& options, std::uint64_t seed);

  /// For a Trainer of those parameters. `student`, which must outlive it, has run() as Model has.
  /// The teacher runs without gradients. While validating, the loss is that against the truth.
  template <class Student>
  Objective objective(const Student& student) const {
    return
        [this, &student](Tape<float>& tape, Var<float> input, Sequence<float> target, float scale) {
          return loss(tape, student.run(tape, input), input, target, scale);
        };
  }

  /// Tells one distillation from another, as JSON (TrainingOptions::objective).
  std::string identity() const;

 private:
  Var<float> loss(Tape<float>& tape, const NetworkOutput<float>& student, Var<float> input,
                  Sequence<float> truth, float scale) const;

  const Model& teacher_;
  DistillOptions options_;
  ParameterRef projection_;
};

}  // namespace taugate
