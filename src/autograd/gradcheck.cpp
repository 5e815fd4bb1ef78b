#include "taugate/autograd/gradcheck.h"

#include <cmath>

namespace taugate {
namespace {

using Build = std::function<Var<double>(Tape<double>&, const std::vector<Var<double>>&)>;

/// Loss, and gradients if `gradients` is given: one block per input, then the parameters'.
double evaluate(const Build& build, const std::vector<Sequence<double>>& inputs,
                const Matrix<double>& parameters, std::vector<std::vector<double>>* gradients) {
  Arena arena;
  std::vector<double> parameter_gradient(gradients ? parameters.size() : 0);
  Tape<double> tape(
      arena, {parameters.data, parameter_gradient.empty() ? nullptr : parameter_gradient.data()});
  std::vector<Var<double>> vars;
  for (const auto& input : inputs) vars.push_back(tape.input(input, gradients != nullptr));
  const Var<double> loss = build(tape, vars);
  if (gradients) {
    tape.backward(loss);
    for (const auto& var : vars)
      gradients->emplace_back(var.grad.data, var.grad.data + var.grad.size());
    gradients->push_back(std::move(parameter_gradient));
  }
  return loss.value.at(0, 0, 0);
}

}  // namespace

GradientCheck check_gradients(const Build& build, const std::vector<Sequence<double>>& inputs,
                              Matrix<double> parameters, double step) {
  std::vector<std::vector<double>> analytic;
  evaluate(build, inputs, parameters, &analytic);

  GradientCheck result;
  const auto check_entry = [&](std::size_t tensor, std::size_t i, double& entry, double scale) {
    const double kept = entry;
    const auto central = [&](double h) {
      entry = kept + h;
      const double up = evaluate(build, inputs, parameters, nullptr);
      entry = kept - h;
      const double down = evaluate(build, inputs, parameters, nullptr);
      entry = kept;
      return (up - down) / (2.0 * h);
    };
    const double numeric = (4.0 * central(step / 2) - central(step)) / 3.0;
    const double exact = analytic[tensor][i];
    const double error =
        std::abs(exact - numeric) / std::max({std::abs(exact), std::abs(numeric), scale, 1e-300});
    ++result.entries;
    if (!(error <= result.worst)) {
      result.worst = error;
      result.where = concat(tensor, "[", i, "]");
      result.analytic = exact;
      result.numeric = numeric;
    }
  };
  const auto scale_of = [](const std::vector<double>& gradient) {
    double largest = 0.0;
    for (double g : gradient) largest = std::max(largest, std::abs(g));
    return 1e-3 * largest;
  };

  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const auto& s = inputs[k];
    const double scale = scale_of(analytic[k]);
    for (int t = 0; t < s.steps; ++t)
      for (int f = 0; f < s.features; ++f)
        for (int b = 0; b < s.batch; ++b)
          check_entry(k, static_cast<std::size_t>(&s.at(t, f, b) - s.data), s.at(t, f, b), scale);
  }
  const double scale = scale_of(analytic.back());
  for (std::size_t i = 0; i < parameters.size(); ++i)
    check_entry(inputs.size(), i, parameters.data[i], scale);
  return result;
}

}  // namespace taugate
