#include "bench/bench.h"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "bench/peak.h"
#include "taugate/core/parallel.h"
#include "taugate/core/random.h"

namespace bench {

using benchmark::Counter;

void count_flops(benchmark::State& state, double flops_per_iteration, int threads) {
  const double peak = fma_peak(threads);
  taugate::set_thread_count(threads);
  state.counters["GF/s"] = Counter(flops_per_iteration * 1e-9, Counter::kIsIterationInvariantRate);
  state.counters["of peak"] =
      Counter(flops_per_iteration / peak, Counter::kIsIterationInvariantRate);
}

void count_rate(benchmark::State& state, const char* name, double per_iteration) {
  state.counters[name] = Counter(per_iteration, Counter::kIsIterationInvariantRate);
}

void count_intensity(benchmark::State& state, double flops, double bytes) {
  state.counters["flops/byte"] = flops / bytes;
}

int cores() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void beside_floats(benchmark::State& state, const std::function<double()>& floats,
                   const std::function<double()>& other) {
  std::vector<double> float_seconds, ratios;
  for (auto _ : state) {
    const double of_floats = floats(), of_other = other();
    state.SetIterationTime(of_other);
    float_seconds.push_back(of_floats);
    ratios.push_back(of_floats / of_other);
  }
  state.counters["float_seconds"] = median(float_seconds);
  state.counters["times_float"] = median(ratios);
}

taugate::Model network(std::vector<int> hidden, int gates) {
  taugate::Model result({.gates = gates, .hidden = std::move(hidden)});
  result.initialise(1);
  return result;
}

std::vector<float> traces(std::size_t count, int gates) {
  std::vector<float> data(count * static_cast<std::size_t>(gates));
  for (std::size_t i = 0; i < count; ++i) {
    taugate::Random random(1, i);
    const double tau = random.uniform(5.0, 30.0), start = random.uniform(5.0, 20.0);
    for (int t = 0; t < gates; ++t)
      data[i * static_cast<std::size_t>(gates) + static_cast<std::size_t>(t)] = static_cast<float>(
          (t < start ? 0.0 : std::exp((start - t) / tau)) + 0.02 * random.normal());
  }
  return data;
}

double flops(const taugate::Model& network) {
  return 2.0 * static_cast<double>(network.multiply_accumulates());
}

}  // namespace bench
