// The inference engine on taugate's own networks: throughput over H, T, batch and threads, and the
// latency of one trace.

#include "bench/bench.h"
#include "taugate/core/parallel.h"
#include "taugate/runtime/executor.h"

namespace bench {
namespace {

struct Case {
  std::vector<int> hidden;
  int gates = 70, batch = 1024, threads = 1;
};

void infer(benchmark::State& state, const Case& c) {
  taugate::set_thread_count(c.threads);
  const taugate::Model model = network(c.hidden, c.gates);
  // One trace alone is a question of latency.
  const auto executor =
      c.batch == 1 ? std::unique_ptr<taugate::Executor>(new taugate::LowLatencyExecutor(model))
                   : std::make_unique<taugate::BatchExecutor>(model);
  taugate::ThreadScratch scratch;
  const std::vector<float> input = traces(static_cast<std::size_t>(c.batch), c.gates);
  std::vector<float> output(input.size());
  for (auto _ : state) {
    executor->run(scratch, input, output);
    benchmark::DoNotOptimize(output.data());
  }
  count_flops(state, c.batch * flops(model), c.threads);
  count_rate(state, "sequences/s", c.batch);
  // What streams through the core: the weights, once a step for each block of traces.
  const int lanes = c.batch == 1 ? 1 : taugate::kLaneBlock;
  const double bytes = 4.0 * c.gates * static_cast<double>(model.parameters().count());
  count_intensity(state, lanes * flops(model), bytes);
}

void add(const std::string& name, const Case& c) {
  benchmark::RegisterBenchmark(name.c_str(), [c](benchmark::State& state) { infer(state, c); })
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

}  // namespace

void add_networks() {
  const int all = cores();
  const auto named = [](const char* kind, int value) {
    return std::string("infer/") + kind + ":" + std::to_string(value);
  };
  for (int H : {8, 16, 24, 32, 48, 64, 96, 128})
    add(named("H", H), {.hidden = {H}, .threads = all});
  for (int T : {35, 70, 135, 176, 256, 512})
    add(named("T", T), {.hidden = {32}, .gates = T, .threads = all});
  for (int batch : {1, 2, 16, 64, 256, 1024, 4096, 16384})
    add(named("batch", batch), {.hidden = {32}, .batch = batch, .threads = all});
  for (int threads = 1; threads <= all; ++threads)
    add(named("threads", threads), {.hidden = {32}, .threads = threads});
  add("infer/teacher:64x16", {.hidden = {64, 16}, .threads = all});
  add("infer/teacher:128x128", {.hidden = {128, 128}, .batch = 256, .threads = all});
  for (int H : {16, 32, 64, 128})
    add("latency/H:" + std::to_string(H), {.hidden = {H}, .batch = 1, .threads = 1});
}

}  // namespace bench
