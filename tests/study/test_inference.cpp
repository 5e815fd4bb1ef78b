// What stands beside a network's answers.

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "taugate/fli/estimation/reconvolve.h"
#include "taugate/fli/inference/inference.h"

using namespace taugate;

TEST_CASE("the decay that a network found, fitted to few counts, has as many of them") {
  const SimulatorConfig config = simulator_preset("ss2-70");
  const std::size_t T = static_cast<std::size_t>(config.acquisition.gates);
  const TrainedModel model(Model({.gates = config.acquisition.gates, .outputs = 1, .hidden = {4}}),
                           config);
  std::vector<double> buffer;
  const IrfCurve irf = parametric_irf(1.5, 0.3, 0.0, 0.0, buffer);
  std::vector<float> sfd(T), shape(T);
  for (std::size_t k = 0; k < T; ++k)
    sfd[k] =
        std::exp(-static_cast<float>(config.acquisition.gate_step_ns * static_cast<double>(k)));
  reconvolve(config.acquisition, irf, sfd, shape);
  const double per_peak = std::accumulate(shape.begin(), shape.end(), 0.0);

  std::mt19937 random(3);
  double wanted = 0.0, found = 0.0;
  for (int draw = 0; draw < 400; ++draw) {
    std::vector<float> counts(T);
    for (std::size_t k = 0; k < T; ++k)
      counts[k] = static_cast<float>(
          std::poisson_distribution<int>(0.3 + 300.0 * shape[k] / per_peak)(random));
    const std::vector<float> fitted = fitted_counts(model, irf, sfd, counts);
    wanted += std::accumulate(counts.begin(), counts.end(), 0.0);
    found += std::accumulate(fitted.begin(), fitted.end(), 0.0);
  }
  // Weighted with the counts themselves it is 9 % below.
  CHECK(std::abs(found / wanted - 1.0) < 0.01);
}
