#include "taugate/nn/distill.h"

#include <cmath>

#include "taugate/core/error.h"

namespace taugate {
namespace {
constexpr std::uint64_t kProjectionStream = std::uint64_t{1} << 32;  // beyond those of the layers
}

Distillation::Distillation(const Model& teacher, const Network& student, Parameters& parameters,
                           const DistillOptions& options, std::uint64_t seed)
    : teacher_(teacher), options_((options.validate(), options)) {
  const Network& t = teacher.description();
  require(t.gates == student.gates && t.outputs() == student.outputs(),
          "[distillation] found a teacher of T = ", t.gates, " gates and C = ", t.outputs(),
          " outputs, wanted the student's T = ", student.gates, " and C = ", student.outputs());
  if (options.beta > 0.0) {
    const int units = student.layers.back().units;
    projection_ = parameters.add("distillation.projection", t.layers.back().units, units);
    parameters.fill_uniform(projection_, 1.0 / std::sqrt(units), seed, kProjectionStream);
  }
}

Var<float> Distillation::loss(Tape<float>& tape, const NetworkOutput<float>& student,
                              Var<float> input, Sequence<float> truth, float scale) const {
  if (!student.output.wants_gradient()) return squared_error(tape, student.output, truth, scale);
  Tape<float> frozen(tape.arena(), teacher_.parameters().bind());
  const auto teacher = teacher_.run(frozen, Var<float>{input.value, {}});
  const Var<float> projected =
      options_.beta > 0.0 ? linear(tape, student.features, tape.weight(projection_)) : Var<float>{};
  return distillation_error(tape, options_, student.output, projected,
                            {truth, teacher.output.value, teacher.features.value}, scale);
}

std::string Distillation::identity() const {
  return concat("{\"teacher\":", teacher_.parameters().hash(), ",\"distil\":", to_json(options_),
                '}');
}

}  // namespace taugate
