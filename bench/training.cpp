// A training step, traces made on the spot as `taugate train` does.

#include "bench/bench.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/inference/simulated_traces.h"
#include "taugate/nn/trainer.h"

namespace bench {
namespace {

struct Case {
  std::vector<int> hidden;
  int batch = 256, threads = 1;
};

void train(benchmark::State& state, const Case& c) {
  taugate::set_thread_count(c.threads);
  const taugate::SimulatorConfig simulator;
  taugate::Model model = network(c.hidden, simulator.acquisition.gates);
  const taugate::SimulatedTraces data(simulator, {}, 1);
  taugate::TrainingOptions options;
  options.batch = c.batch;
  options.samples = std::uint64_t{1} << 40;
  options.validation_samples = 16;
  taugate::Trainer trainer(model.parameters(), taugate::least_squares(model), data, options);
  trainer.step();
  for (auto _ : state) benchmark::DoNotOptimize(trainer.step());
  count_flops(state, 3.0 * c.batch * flops(model), c.threads);
  count_rate(state, "sequences/s", c.batch);
}

void add(const std::string& name, const Case& c) {
  benchmark::RegisterBenchmark(name.c_str(), [c](benchmark::State& state) { train(state, c); })
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

void add_training() {
  const int all = cores();
  for (int H : {16, 32, 64, 128}) add("train/H:" + std::to_string(H), {{H}, 256, all});
  for (int batch : {64, 1024}) add("train/batch:" + std::to_string(batch), {{32}, batch, all});
  for (int threads = 1; threads <= all; ++threads)
    add("train/threads:" + std::to_string(threads), {{32}, 256, threads});
}

}  // namespace bench
