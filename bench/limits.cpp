// What the machine allows: the roof that the other figures stand under.

#include "bench/bench.h"
#include "bench/peak.h"

namespace bench {

void add_limits() {
  for (int threads = 1; threads <= cores(); ++threads)
    benchmark::RegisterBenchmark(("limit/fma/threads:" + std::to_string(threads)).c_str(),
                                 [threads](benchmark::State& state) {
                                   double peak = 0;
                                   for (auto _ : state) peak = fma_peak(threads);
                                   state.counters["GF/s"] = peak * 1e-9;
                                   state.counters["of peak"] = 1.0;
                                 })
        ->UseRealTime();
  for (const auto& [name, bytes] : {std::pair<const char*, std::size_t>{"L1", 16 << 10},
                                    {"L2", 256 << 10},
                                    {"memory", 256 << 20}})
    benchmark::RegisterBenchmark((std::string("limit/load/") + name).c_str(),
                                 [bytes = bytes](benchmark::State& state) {
                                   double rate = 0;
                                   for (auto _ : state) rate = load_bandwidth(bytes);
                                   state.counters["bytes/s"] = rate;
                                 })
        ->UseRealTime();
}

}  // namespace bench
