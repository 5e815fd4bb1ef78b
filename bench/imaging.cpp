// From counts to lifetimes without files: the simulator, the stages of `infer`, whole images.

#include <cmath>
#include <numeric>

#include "bench/bench.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/estimation/lifetime.h"
#include "taugate/fli/inference/inference.h"

namespace bench {
namespace {

using taugate::Simulator, taugate::SimulatorConfig;

/// Counts [count][T] of the preset.
std::vector<float> counts_of(const Simulator& simulator, std::size_t count) {
  const auto T = static_cast<std::size_t>(simulator.gates());
  std::vector<float> counts(count * T);
  taugate::parallel_for(count, [&](std::size_t i, int) {
    taugate::Sample sample{.counts = {&counts[i * T], T}, .sfd = {}, .truth = {}};
    simulator.sample(1, i, sample);
  });
  return counts;
}

void simulate(benchmark::State& state, int threads) {
  taugate::set_thread_count(threads);
  const Simulator simulator{SimulatorConfig{}};
  constexpr std::size_t count = 4096;
  const auto T = static_cast<std::size_t>(simulator.gates());
  std::vector<float> counts(count * T), sfd(count * T);
  for (auto _ : state) {
    taugate::parallel_for(count / 64, [&](std::size_t block, int) {
      for (std::size_t i = block * 64; i < (block + 1) * 64; ++i) {
        taugate::Sample sample{.counts = {&counts[i * T], T}, .sfd = {&sfd[i * T], T}, .truth = {}};
        simulator.sample(1, i, sample);
      }
    });
    benchmark::DoNotOptimize(counts.data());
  }
  count_rate(state, "traces/s", count);
}

void normalise(benchmark::State& state) {
  const Simulator simulator{SimulatorConfig{}};
  constexpr std::size_t count = 1024;
  const auto T = static_cast<std::size_t>(simulator.gates());
  const std::vector<float> counts = counts_of(simulator, count);
  std::vector<float> input(T);
  for (auto _ : state)
    for (std::size_t i = 0; i < count; ++i)
      benchmark::DoNotOptimize(taugate::normalise({}, {&counts[i * T], T}, input));
  count_rate(state, "traces/s", count);
}

void lifetime(benchmark::State& state) {
  constexpr std::size_t count = 1024, T = 70;
  std::vector<float> sfd(count * T);
  for (std::size_t i = 0; i < sfd.size(); ++i)
    sfd[i] =
        std::exp(-0.179f * static_cast<float>(i % T) / (0.3f + 0.001f * static_cast<float>(i / T)));
  for (auto _ : state)
    for (std::size_t i = 0; i < count; ++i)
      benchmark::DoNotOptimize(taugate::sfd_lifetimes({&sfd[i * T], T}, 0.179));
  count_rate(state, "traces/s", count);
}

/// infer() on a square image in memory, all pixels lit, a student of 32 units.
void image(benchmark::State& state) {
  taugate::set_thread_count(cores());
  const int side = static_cast<int>(state.range(0));
  const SimulatorConfig config;
  const taugate::TrainedModel model{network({32}, config.acquisition.gates), config, {}};
  taugate::Measurement measurement;
  measurement.width = measurement.height = side;
  measurement.bins = config.acquisition.gates;
  measurement.bin_ns = config.acquisition.gate_step_ns;
  measurement.period_ns = config.acquisition.period_ns;
  measurement.counts = counts_of(Simulator(config), measurement.traces());
  for (auto _ : state) {
    state.PauseTiming();
    taugate::Measurement copy = measurement;  // infer() takes it
    state.ResumeTiming();
    benchmark::DoNotOptimize(taugate::infer(model, std::move(copy)).sfd.data());
  }
  count_flops(state, static_cast<double>(side) * side * flops(model.network), cores());
  count_rate(state, "pixels/s", static_cast<double>(side) * side);
}

}  // namespace

void add_imaging() {
  for (int threads = 1; threads <= cores(); ++threads)
    benchmark::RegisterBenchmark(("simulate/threads:" + std::to_string(threads)).c_str(),
                                 [threads](benchmark::State& state) { simulate(state, threads); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("stage/normalise", normalise)->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("stage/lifetime", lifetime)->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("image/side", image)
      ->Arg(64)
      ->Arg(128)
      ->Arg(256)
      ->Arg(512)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace bench
