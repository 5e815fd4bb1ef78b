#include "taugate/nn/distil.h"

#include <cmath>

#include "taugate/core/error.h"

namespace taugate {
namespace {
constexpr std::uint64_t kProjectionStream = std::uint64_t{1} << 32;  // beyond those of the layers
}

Distillation::Distillation(const Seq2Seq& teacher, const Seq2SeqConfig& student,
                           Parameters& parameters, const DistilOptions& options, std::uint64_t seed)
    : teacher_(teacher), options_((options.validate(), options)) {
  const Seq2SeqConfig& t = teacher.config();
  require(t.gates == student.gates && t.outputs == student.outputs,
          "[distillation] found a teacher of T = ", t.gates, " gates and C = ", t.outputs,
          " outputs, wanted the student's T = ", student.gates, " and C = ", student.outputs);
  if (options.beta > 0.0) {
    const int units = student.hidden.back();
    projection_ = parameters.add("distillation.projection", t.hidden.back(), units);
    parameters.fill_uniform(projection_, 1.0 / std::sqrt(units), seed, kProjectionStream);
  }
}

Var<float> Distillation::loss(Tape<float>& tape, const Seq2SeqOutput<float>& student,
                              Var<float> input, Sequence<float> truth, float scale) const {
  if (!student.sfd.wants_gradient()) return squared_error(tape, student.sfd, truth, scale);
  Tape<float> frozen(tape.arena(), teacher_.parameters().bind());
  const auto teacher = teacher_.run(frozen, Var<float>{input.value, {}});
  const Var<float> projected =
      options_.beta > 0.0 ? linear(tape, student.features, tape.weight(projection_)) : Var<float>{};
  return distillation_error(tape, options_, student.sfd, projected,
                            {truth, teacher.sfd.value, teacher.features.value}, scale);
}

std::string Distillation::identity() const {
  return concat("{\"teacher\":", teacher_.parameters().hash(), ",\"distil\":", to_json(options_),
                '}');
}

}  // namespace taugate
