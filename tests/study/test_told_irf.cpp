// Networks that are told the IRF: what they are told, that it is used, and that nothing goes without.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "fli/io_testing.h"
#include "study/calibration.h"
#include "study/recipe.h"
#include "taugate/fli/inference/inference.h"
#include "taugate/fli/physics/irf_quantiles.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

/// One lifetime, and IRFs that are wide beside it; sixteen units, trained for some seconds.
TrainedModel train_told() {
  Recipe r;
  r.simulator = simulator_preset("ss2-70");
  r.simulator.decay = {
      .tau1_ns = {0.2, 3}, .tau2_ns = {0.2, 3}, .mono_probability = 1.0, .log_uniform = true};
  r.simulator.irf.fwhm_ns = {0.15, 1.0};
  r.simulator.peak_counts = {10, 1000};
  r.normalisation.counts_first = true;
  read_irf(r.simulator.irf, r.normalisation);
  r.lifetime_beta = 0.5;
  r.network = {.gates = 76, .outputs = LifetimeHead::kOutputs, .hidden = {16}};
  r.training.samples = 120'000;
  r.training.validations = 2;
  TrainingRun run(r);
  run.trainer().run();
  return run.master();
}
const TrainedModel& told() {
  static const TrainedModel model = train_told();
  return model;
}

}  // namespace

TEST_CASE("an IRF's quantiles are those of its area, its tail included") {
  std::vector<double> buffer;
  const double fwhm = 0.4, sigma = fwhm / 2.3548;
  const IrfQuantiles gaussian = irf_quantiles(parametric_irf(1.5, fwhm, 0.0, 0.0, buffer));
  const double normal[] = {-1.2816, -0.6745, 0.0, 0.6745, 1.2816};
  for (std::size_t k = 0; k < 5; ++k) CHECK(close(gaussian[k], 1.5 + sigma * normal[k], 2e-3));

  // Behind a tail: against a sum over a fine grid of the convolution.
  const double tail = 0.3;
  const IrfQuantiles tailed = irf_quantiles(parametric_irf(1.5, fwhm, 0.0, tail, buffer));
  std::vector<double> curve;
  const double step = 1e-3;
  double state = 0.0;
  for (int i = 0; i < 6000; ++i) {
    const double t = i * step, g = std::exp(-0.5 * std::pow((t - 1.5) / sigma, 2));
    state += step * (g - state) / tail;
    curve.push_back(state);
  }
  const double area = std::accumulate(curve.begin(), curve.end(), 0.0);
  double sum = 0.0;
  std::size_t next = 0;
  for (std::size_t i = 0; i < curve.size() && next < 5; ++i)
    for (sum += curve[i] / area; next < 5 && sum >= kIrfShares[next]; ++next)
      CHECK(close(tailed[next], static_cast<double>(i) * step, 6e-3));
  CHECK(next == 5);
}

TEST_CASE("a network that is told the IRF does better than any that is not") {
  const TrainedModel& model = told();
  SimulatorConfig data = model.simulator;
  const std::vector<Decay> decay{Decay::mono(0.3)};
  const std::vector<double> photons{1000};
  const auto rows = calibration(model, data, decay, photons, 800, 3);
  // 8.4 % is the bound of who knows neither place nor width, 4.3 % that of who is told both.
  CHECK(rows[0].bound < 0.05);
  CHECK(rows[0].deviation < 0.07);
  CHECK(std::abs(rows[0].bias) < 0.1);
}

TEST_CASE("the answer follows an IRF that is told to lie elsewhere") {
  const TrainedModel& model = told();
  std::vector<double> buffer;
  Measurement m;
  m.path = "made.npz";
  m.bins = 70;
  m.width = m.height = 1;
  m.bin_ns = model.acquisition().gate_step_ns;
  m.period_ns = model.acquisition().period_ns;
  SimulatorConfig one = model.simulator;
  one.irf.delay_ns = {1.5, 1.5};
  one.irf.fwhm_ns = {0.3, 0.3};
  one.peak_counts = {1000, 1000};
  m.counts.resize(70);
  Sample pixel{m.counts, {}, {}};
  Simulator(one).sample(1, 0, Decay::mono(0.8), pixel);
  const auto answer = [&](double delay) {
    InferenceOptions o;
    o.irfs = {irf_quantiles(parametric_irf(delay, 0.3, 0.0, 0.0, buffer))};
    return infer(model, m, o).amplitude_ns[0];
  };
  CHECK(close(answer(1.5), 0.8, 0.0, 0.15));
  // The light came 0.1 ns later than it is told to: it must have lasted longer (less so than by 0.1 ns: its rise says otherwise).
  CHECK(answer(1.4) > answer(1.5) + 0.003);
  CHECK(answer(1.6) < answer(1.5) - 0.003);

  CHECK(contains(error_of([&] { infer(model, m, {}); }),
                 "made.npz: found 0 IRFs beside 1 pixels, wanted one"));
  InferenceOptions three;
  three.irfs.resize(3);
  CHECK(contains(error_of([&] { infer(model, m, three); }), "found 3 IRFs beside 1 pixels"));
}

TEST_CASE("a model file keeps what its network is told") {
  const Folder folder;
  const TrainedModel& model = told();
  save(folder.path / "m.safetensors", model);
  const auto again = load_trace_model(folder.path / "m.safetensors");
  CHECK(again->normalisation == model.normalisation);
  CHECK(again->normalisation.reads_irf());
  CHECK(again->input_size() == 76);
  // Unlike what the delays and widths of the prior give, which are about 1.
  CHECK(close(again->normalisation.irf_centre_ns, 1.5, 0.05));
  CHECK(again->normalisation.irf_unit_ns > 0.4);
  CHECK(again->normalisation.irf_unit_ns < 0.8);
}
