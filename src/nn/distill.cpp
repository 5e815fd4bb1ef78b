#include "taugate/nn/distill.h"

#include <cmath>

#include "taugate/core/error.h"

namespace taugate {
namespace {
constexpr std::uint64_t kProjectionStream = std::uint64_t{1} << 32;  // beyond those of the layers
}

void DistillOptions::validate() const {
  if (!(alpha >= 0.0 && alpha <= 1.0)) fail_usage("alpha: found ", alpha, ", wanted 0 to 1");
  if (!(beta >= 0.0 && std::isfinite(beta))) fail_usage("beta: found ", beta, ", wanted 0 or more");
}

Distillation::Distillation(const Model& teacher, const Network& student,
                           Parameters& parameters, const DistillOptions& options, std::uint64_t seed)
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

/// Means over T, C and the batch are sums times `scale`; the features' mean is over the teacher's
/// units in place of C.
Var<float> Distillation::loss(Tape<float>& tape, const NetworkOutput<float>& student,
                              Var<float> input, Sequence<float> truth, float scale) const {
  if (!student.output.wants_gradient()) return squared_error(tape, student.output, truth, scale);
  const auto alpha = static_cast<float>(options_.alpha), beta = static_cast<float>(options_.beta);
  Tape<float> frozen(tape.arena(), teacher_.parameters().bind());
  const auto teacher = teacher_.run(frozen, Var<float>{input.value, {}});
  Var<float> total = add(tape, squared_error(tape, student.output, truth, (1.0f - alpha) * scale),
                         squared_error(tape, student.output, teacher.output.value, alpha * scale));
  if (options_.beta > 0.0) {
    const Var<float> guess = linear(tape, student.features, tape.weight(projection_));
    const float per_unit =
        scale * static_cast<float>(truth.features) / static_cast<float>(guess.features());
    total = add(tape, total, squared_error(tape, guess, teacher.features.value, beta * per_unit));
  }
  return total;
}

std::string Distillation::identity() const {
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a of the teacher's weights
  const auto* bytes = reinterpret_cast<const unsigned char*>(teacher_.parameters().data());
  for (std::size_t i = 0; i < teacher_.parameters().size() * sizeof(float); ++i)
    hash = (hash ^ bytes[i]) * 0x100000001b3u;
  return concat("distilled from ", hash, ", alpha ", options_.alpha, ", beta ", options_.beta);
}

}  // namespace taugate
