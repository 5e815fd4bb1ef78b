// The 8-bit integer executor beside the float executor on the same network: they take turns within one
// measurement, so that a busy machine slows both, and their ratio is the median of the turns.

#include <algorithm>

#include "bench/bench.h"
#include "taugate/core/parallel.h"
#include "taugate/quant/ptq/quantize.h"
#include "taugate/runtime/executor.h"

namespace bench {
namespace {

struct Case {
  int units = 32, batch = 1024, threads = 1;
};

void integers_beside_floats(benchmark::State& state, const Case& c) {
  constexpr int kGates = 70;
  taugate::set_thread_count(c.threads);
  const taugate::Model model = network({c.units}, kGates);
  const taugate::IntegerModel quantized = taugate::quantize(model);
  const auto executor_of = [&](const auto& network) -> std::unique_ptr<taugate::Executor> {
    if (c.batch == 1) return std::make_unique<taugate::LowLatencyExecutor>(network);
    return std::make_unique<taugate::BatchExecutor>(network);
  };
  const auto floats = executor_of(model), integers = executor_of(quantized);
  taugate::ThreadScratch float_scratch, integer_scratch;
  const std::vector<float> input = traces(static_cast<std::size_t>(c.batch), kGates);
  std::vector<float> output(input.size());
  const int calls = c.batch == 1 ? 64 : 1;  // a turn is long against a look at the clock
  const auto turn = [&](const taugate::Executor& executor, taugate::ThreadScratch& scratch) {
    const double start = cpu_seconds();
    for (int i = 0; i < calls; ++i) {
      executor.run(scratch, input, output);
      benchmark::DoNotOptimize(output.data());
    }
    return (cpu_seconds() - start) / (calls * c.threads);
  };
  turn(*floats, float_scratch), turn(*integers, integer_scratch);
  beside_floats(
      state, [&] { return turn(*floats, float_scratch); },
      [&] { return turn(*integers, integer_scratch); });
  count_rate(state, "sequences/s", c.batch);
}

/// A lifetime head (an encoder alone, which also reads the counts) beside the whole Seq2SeqLite of as many units, in
/// turns; "times_float" is how much faster it is.
void head_beside_decoder(benchmark::State& state, bool integers) {
  constexpr int kGates = 70;
  constexpr std::size_t kBatch = 1024;
  taugate::set_thread_count(std::min(2, cores()));
  const auto executor_of = [&](taugate::Network network) {
    taugate::Model model(std::move(network));
    model.initialise(1);
    return integers ? std::make_unique<taugate::BatchExecutor>(taugate::quantize(model))
                    : std::make_unique<taugate::BatchExecutor>(model);
  };
  const auto decays = executor_of(taugate::seq2seq({.gates = kGates, .hidden = {32}})),
             lifetimes = executor_of(
                 taugate::encoder_network({.gates = kGates + 1, .outputs = 6, .hidden = {32}}));
  taugate::ThreadScratch scratch, other_scratch;
  const std::vector<float> input = traces(kBatch, kGates + 1);
  std::vector<float> output(kBatch * kGates);
  const auto turn = [&](const taugate::Executor& executor, taugate::ThreadScratch& scratch,
                        std::size_t read, std::size_t written) {
    const double start = cpu_seconds();
    executor.run(scratch, std::span(input).first(kBatch * read),
                 std::span(output).first(kBatch * written));
    benchmark::DoNotOptimize(output.data());
    return (cpu_seconds() - start) / taugate::thread_count();
  };
  const auto decay = [&] { return turn(*decays, scratch, kGates, kGates); };
  const auto lifetime = [&] { return turn(*lifetimes, other_scratch, kGates + 1, 6); };
  decay(), lifetime();
  beside_floats(state, decay, lifetime);
  count_rate(state, "sequences/s", kBatch);
}

}  // namespace

void add_integers() {
  for (const bool integers : {false, true})
    benchmark::RegisterBenchmark(
        integers ? "lifetime-head/8-bit" : "lifetime-head/float",
        [integers](benchmark::State& state) { head_beside_decoder(state, integers); })
        ->UseManualTime()
        ->Iterations(9)  // turns
        ->Unit(benchmark::kMicrosecond);
  for (int batch : {1024, 1})
    for (int threads = 1; threads <= (batch == 1 ? 1 : std::min(2, cores())); ++threads)
      for (int units : {16, 32, 64, 128})
        benchmark::RegisterBenchmark(
            taugate::concat("integers/H:", units, "/batch:", batch, "/threads:", threads).c_str(),
            [=](benchmark::State& state) {
              integers_beside_floats(state, {units, batch, threads});
            })
            ->UseManualTime()
            ->Iterations(batch == 1 ? 9 : 3)  // turns
            ->Unit(benchmark::kMicrosecond);
}

}  // namespace bench
