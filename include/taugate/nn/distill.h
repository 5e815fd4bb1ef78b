#pragma once
// Knowledge distillation: a student learns from the truth and from a teacher that sees the same
// traces.
//
//   loss = alpha MSE(student, teacher) + (1 - alpha) MSE(student, truth)
//        + beta MSE(P h_student, h_teacher)
//
// h: the states of the decoder's last layer at every step, which the head reads. P [H of the
// teacher][H of the student] is learned with the student and dropped afterwards: a student's states
// need not have the teacher's number or meaning, only carry what can be turned into them.

#include "taugate/nn/trainer.h"

#include "taugate/nn/model.h"

namespace taugate {

struct DistillOptions {
  double alpha = 0.6;  ///< weight of the teacher's outputs against the truth's, 0..1
  double beta = 0.0;   ///< weight of the hidden features, 0 or more

  void validate() const;  ///< throws UsageError
};

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

  /// Tells one distillation from another (TrainingOptions::objective).
  std::string identity() const;

 private:
  Var<float> loss(Tape<float>& tape, const NetworkOutput<float>& student, Var<float> input,
                  Sequence<float> truth, float scale) const;

  const Model& teacher_;
  DistillOptions options_;
  ParameterRef projection_;
};

}  // namespace taugate
