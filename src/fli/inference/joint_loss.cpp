#include "taugate/fli/inference/joint_loss.h"

namespace taugate {
namespace {

/// Steps of one value each, from `first` on, as [steps][features][B].
Sequence<float> reshaped(Arena& arena, const Sequence<float>& values, int first, int steps,
                         int features) {
  const auto out = arena.zero_sequence<float>(steps, features, values.batch);
  for (int t = 0; t < steps; ++t)
    for (int c = 0; c < features; ++c)
      for (int b = 0; b < values.batch; ++b)
        out.at(t, c, b) = values.at(first + t * features + c, 0, b);
  return out;
}

}  // namespace

Var<float> joint_loss(Tape<float>& tape, const NetworkOutput<float>& y, Sequence<float> input,
                      Sequence<float> target, double beta, float scale,
                      const LifetimeTeacher* teacher) {
  constexpr int kAnswers = LifetimeHead::kAnswers;
  const int T = y.output.steps() - 1, C = y.output.features();
  require(target.steps == kAnswers + T * C && target.features == 1, "[joint loss] found a target ",
          shape_of(target), ", wanted the ", kAnswers, " answers and ", T, " x ", C,
          " values of the SFD");
  const Sequence<float> answers = reshaped(tape.arena(), target, 0, 1, kAnswers),
                        truth = reshaped(tape.arena(), target, kAnswers, T, C);
  const Var<float> sfd = steps_of(y.output, 1, T);
  const auto total = static_cast<float>(target.steps);
  const float of_answers = scale * total / static_cast<float>(kAnswers);
  float of_sfd = scale * total / static_cast<float>(T * C);
  if (!sfd.wants_gradient())
    return add(tape, lifetime_loss(tape, y.encoder_output, answers, beta, of_answers),
               squared_error(tape, sfd, truth, of_sfd));
  of_sfd *= kDecayWeight;
  if (!teacher)
    return add(tape, lifetime_loss(tape, y.encoder_output, answers, beta, of_answers),
               squared_error(tape, sfd, truth, of_sfd));
  const Sequence<float> taught = teacher->sfds(tape, input);
  const DistilTargets<float> targets{truth, taught, {}};
  return add(
      tape, teacher->loss_by(taught, tape, y.encoder_output, answers, beta, of_answers),
      distillation_error(tape, {.alpha = teacher->alpha}, sfd, Var<float>{}, targets, of_sfd));
}

}  // namespace taugate
