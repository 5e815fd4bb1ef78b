#include "taugate/nn/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "simd/float/kernels.h"

namespace taugate {

double AdamOptimizer::step(float* values, const float* gradients, double learning_rate) {
  double squares = 0.0;
  for (std::size_t i = 0; i < mean_.size(); ++i)
    squares += static_cast<double>(gradients[i]) * gradients[i];
  const double norm = std::sqrt(squares);
  require(std::isfinite(norm), "[adam] step ", steps_ + 1, ": the gradient is not finite");
  const double scale =
      options_.clip_norm > 0.0 && norm > options_.clip_norm ? options_.clip_norm / norm : 1.0;
  ++steps_;
  const double t = static_cast<double>(steps_);
  simd::kernels<float>().adam(
      {.n = mean_.size(),
       .value = values,
       .gradient = gradients,
       .mean = mean_.data(),
       .square = square_.data(),
       .gradient_scale = static_cast<float>(scale),
       .beta1 = static_cast<float>(options_.beta1),
       .beta2 = static_cast<float>(options_.beta2),
       .epsilon = static_cast<float>(options_.epsilon),
       .step_size = static_cast<float>(learning_rate / (1.0 - std::pow(options_.beta1, t))),
       .square_correction = static_cast<float>(1.0 / (1.0 - std::pow(options_.beta2, t)))});
  return norm;
}

double Schedule::at(double progress, int halvings) const {
  if (kind == Kind::constant) return rate;
  if (progress < warm_up) return rate * std::max(progress / warm_up, 1e-3);
  if (kind == Kind::plateau) return rate * std::pow(0.5, halvings);
  const double phase = std::min(1.0, (progress - warm_up) / (1.0 - warm_up));
  return rate * (floor + (1.0 - floor) * 0.5 * (1.0 + std::cos(std::numbers::pi * phase)));
}

std::string name_of(Schedule::Kind kind) {
  return kind == Schedule::Kind::constant ? "constant"
         : kind == Schedule::Kind::cosine ? "cosine"
                                          : "plateau";
}

Schedule::Kind schedule_kind(const std::string& name) {
  for (auto kind : {Schedule::Kind::constant, Schedule::Kind::cosine, Schedule::Kind::plateau})
    if (name == name_of(kind)) return kind;
  fail_usage("schedule: found '", name, "', wanted constant, cosine or plateau");
}

}  // namespace taugate
