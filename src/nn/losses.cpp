#include "taugate/nn/losses.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "taugate/core/error.h"

namespace taugate {

std::string name_of(Loss loss) { return loss == Loss::mse ? "mse" : "mixed"; }

Loss loss_named(const std::string& name) {
  for (const Loss loss : {Loss::mse, Loss::mixed})
    if (name == name_of(loss)) return loss;
  fail_usage("loss: found '", name, "', wanted mse or mixed");
}

void DistillOptions::validate() const {
  if (!(alpha >= 0.0 && alpha <= 1.0)) fail_usage("alpha: found ", alpha, ", wanted 0 to 1");
  if (!(beta >= 0.0 && std::isfinite(beta))) fail_usage("beta: found ", beta, ", wanted 0 or more");
}

std::string to_json(const DistillOptions& options) {
  const auto& [alpha, beta] = options;  // all fields, or it does not compile
  return nlohmann::json{{"alpha", alpha}, {"beta", beta}}.dump();
}

}  // namespace taugate
