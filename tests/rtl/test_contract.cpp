// What rtl/README.md promises of reset, of a model that is replaced, of counters and readback. Every
// simulation begins with random registers and a reset of one cycle.

#include <doctest/doctest.h>

#include "rtl_testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

constexpr int kGates = 4;

/// Two models, the hardware that holds both, and pixels of it; one of these is overlong.
struct Bench {
  Random rng{31, 32};
  std::vector<IntegerModel> models{random_model(random_shape(3, 2, kGates), rng),
                                   random_model(random_shape(3, 2, kGates), rng)};
  Cosimulation simulation{widest(models, hardware(2, 2)), simulation_options()};
  std::vector<PixelSamples> pixels = corner_pixels(rng, 5, kGates, 7);
  Bench() { pixels[1].resize(kGates + 2, 99); }
};

}  // namespace

TEST_CASE("a reset of one cycle at any time leaves nothing behind") {
  Bench bench;
  // All of it: the pixels' words, and as many cycles as the answer takes.
  const auto whole = check_equal(bench.models[0], bench.simulation, bench.pixels, {});
  const std::int64_t end = whole.pixels.back().last_out - whole.pixels.front().first_in;
  CHECK(end > 200);
  CosimulationTraffic t;
  t.resets = static_cast<int>(end);
  check_equal(bench.models[0], bench.simulation, bench.pixels, t);
  t.resets = 0;
  for (const std::int64_t cycle : {0, 1, 2, 3, 29, 100, 101, 170}) {
    CAPTURE(cycle);
    t.first_cycles = cycle;
    t.seed = static_cast<std::uint64_t>(cycle);  // of what the registers begin with
    check_equal(bench.models[0], bench.simulation, bench.pixels, t);
  }
}

TEST_CASE("a model takes the place of another as soon as the core is idle, or after a reset") {
  Bench bench;
  const auto pixels = corner_pixels(bench.rng, 20, kGates, 7);
  for (const std::int64_t cycles : {-1, -1, -1, 77, 200}) {
    CosimulationTraffic t;
    t.gap = t.stall = cycles == -1 ? 0.2 * static_cast<double>(bench.rng.bits() % 5) : 0.0;
    t.first_cycles = cycles;
    t.first_model = &bench.models[0];
    t.write_port = true;
    check_equal(bench.models[1], bench.simulation, pixels, t);
  }
}

TEST_CASE("counters that are cleared in traffic lose nothing, and disturb nothing") {
  Bench bench;
  const auto pixels = corner_pixels(bench.rng, 40, kGates, 7);
  for (const double chance : {0.01, 0.5, 1.0}) {
    CosimulationTraffic t;
    t.clear = chance;
    t.stall = 0.3;
    check_equal(bench.models[0], bench.simulation, pixels, t);
  }
}
