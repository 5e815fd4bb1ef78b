#include <doctest/doctest.h>

#include "rtl_testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

/// A variety of shapes, widths and functions; runs each on several random models.
struct Variety {
  const char* name;
  RandomModel model;
  RtlOptions options;
  int models = 2, pixels = 40;
};

CosimulationTraffic traffic(double gap, double stall, std::uint64_t seed = 1) {
  CosimulationTraffic t;
  t.gap = gap;
  t.stall = stall;
  t.seed = seed;
  return t;
}

void check_equal(const IntegerModel& model, const Cosimulation& simulation,
                 const std::vector<PixelSamples>& pixels, const CosimulationTraffic& traffic) {
  const auto result = simulation.run(model, pixels, traffic);
  const auto comparison = compare_with_engine(model, pixels, result);
  CHECK(comparison.words > 0);
  CHECK(comparison.different == 0);
  if (comparison.first)
    FAIL_CHECK("pixel ", comparison.first->pixel, ", step ", comparison.first->step, ", output ",
               comparison.first->output, ": found ", comparison.first->found, ", wanted ",
               comparison.first->wanted);
  CHECK(result.counted_pixels == static_cast<std::int64_t>(pixels.size()));
  CHECK(result.cycles == result.issues + result.bubbles);
  CHECK(result.overlong == 0);
}

}  // namespace

TEST_CASE("a 32-unit core streams without idle cycles") {
  Random rng(1, 2);
  RandomModel m;
  m.hidden = {32};
  m.gates = 20;
  m.outputs = 1;
  const IntegerModel model = random_model(m, rng);
  const Cosimulation simulation(rtl_parameters(model), simulation_options());
  std::vector<PixelSamples> pixels = corner_pixels(rng, 41, m.gates, model.widths.operand_fraction);
  check_equal(model, simulation, pixels, traffic(0.3, 0.3));
  pixels.assign(40, PixelSamples(20, 50));
  const auto result = simulation.run(model, pixels);
  CHECK(compare_with_engine(model, pixels, result).different == 0);
  const std::int64_t least = m.gates * (2 * 32 + 1) + 32;  // a pixel
  CHECK(result.issues == 40 * least);
  MESSAGE("bubbles ", result.bubbles, " of ", result.cycles);
  CHECK(result.bubbles <= 100);
  CHECK(result.utilisation(simulation.parameters()) >= 0.93);
}
