// Reconvolution fits beside the float executor of 32 units on as many traces: they take turns within
// one measurement, so that a busy machine slows both, and their ratio is the median of the turns.

#include "bench/bench.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/estimation/estimator.h"
#include "taugate/fli/physics/simulator.h"
#include "taugate/runtime/executor.h"

namespace bench {
namespace {

constexpr std::size_t kTraces = 2048;

/// Traces of `ss2-70` behind one Gaussian IRF of 0.3 ns at 1.5 ns.
std::vector<float> counts(int components) {
  taugate::SimulatorConfig config;
  config.irf.fwhm_ns = {0.3, 0.3};
  config.irf.delay_ns = {1.5, 1.5};
  config.decay.mono_probability = components == 1 ? 1.0 : 0.0;
  const taugate::Simulator simulator(config);
  const auto T = static_cast<std::size_t>(simulator.gates());
  std::vector<float> all(kTraces * T);
  for (std::size_t i = 0; i < kTraces; ++i) {
    taugate::Sample sample{.counts = {&all[i * T], T}, .sfd = {}, .truth = {}};
    simulator.sample(1, i, sample);
  }
  return all;
}

void beside_network(benchmark::State& state, taugate::EstimatorKind kind, int components,
                    int threads) {
  taugate::set_thread_count(threads);
  const taugate::Acquisition acquisition = taugate::acquisition_preset("ss2-70");
  std::vector<double> buffer;
  const taugate::IrfCurve irf = taugate::parametric_irf(1.5, 0.3, 0.0, 0.0, buffer);
  taugate::EstimatorOptions options;
  options.fit.unknowns.components = components;
  const std::vector<float> measured = counts(components);
  const std::vector<float> input = traces(kTraces, acquisition.gates);
  std::vector<float> output(input.size());
  const taugate::Model model = network({32}, acquisition.gates);
  const taugate::BatchExecutor executor(model);
  taugate::ThreadScratch scratch;
  const auto seconds_of = [threads](auto&& work) {
    const double start = cpu_seconds();
    work();
    return (cpu_seconds() - start) / threads;
  };
  const auto fit = [&] {
    benchmark::DoNotOptimize(
        taugate::estimate_all(kind, acquisition, irf, options, measured).data());
  };
  const auto infer = [&] {
    executor.run(scratch, input, output);
    benchmark::DoNotOptimize(output.data());
  };
  infer(), fit();
  beside_floats(
      state, [&] { return seconds_of(infer); }, [&] { return seconds_of(fit); });
  count_rate(state, "traces/s", kTraces);
}

}  // namespace

void add_fits() {
  using taugate::EstimatorKind;
  for (int threads = 1; threads <= std::min(2, cores()); ++threads)
    for (const auto& [kind, components] :
         {std::pair{EstimatorKind::lm, 1}, std::pair{EstimatorKind::mle, 1},
          std::pair{EstimatorKind::lm, 2}, std::pair{EstimatorKind::mle, 2}})
      benchmark::RegisterBenchmark(
          taugate::concat("fit/", name_of(kind), "/components:", components, "/threads:", threads)
              .c_str(),
          [=, kind = kind, components = components](benchmark::State& state) {
            beside_network(state, kind, components, threads);
          })
          ->UseManualTime()
          ->Iterations(3)  // turns
          ->Unit(benchmark::kMillisecond);
}

}  // namespace bench
