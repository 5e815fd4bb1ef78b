// The RTL beside the integer executor, word for word. The cases of the suite "full" are skipped
// unless asked for (`make cosim` asks): they build a simulation for each shape.

#include <doctest/doctest.h>

#include "rtl_testing.h"
#include "taugate/core/error.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

CosimulationTraffic traffic(double gap, double stall, std::uint64_t seed = 1) {
  CosimulationTraffic t;
  t.gap = gap;
  t.stall = stall;
  t.seed = seed;
  return t;
}

/// One shape of the hardware, and how many random models it runs. Models of one shape share its
/// simulation: their accumulators, multipliers and shifts get the widths of the widest.
struct Shape {
  const char* name;
  RandomModel model;
  RtlOptions options;
  int models = 6, pixels = 170;
};

void run(const Shape& shape, std::uint64_t seed) {
  CAPTURE(shape.name);
  Random rng(seed, 0x72746c);
  std::vector<IntegerModel> models;
  for (int i = 0; i < shape.models; ++i) models.push_back(random_model(shape.model, rng));
  const Cosimulation simulation(widest(models, shape.options), simulation_options());
  constexpr double chances[][2] = {{0.0, 0.0}, {0.5, 0.0},  {0.0, 0.5},
                                   {0.3, 0.3}, {0.0, 0.95}, {0.9, 0.2}};
  for (std::size_t i = 0; i < models.size(); ++i) {
    const auto pixels = corner_pixels(rng, static_cast<std::size_t>(shape.pixels),
                                      models[i].gates(), models[i].widths.operand_frac_bits);
    CosimulationTraffic t = traffic(chances[i % 6][0], chances[i % 6][1], seed + i);
    t.write_port = i % 2 == 1;
    check_equal(models[i], simulation, pixels, t);
  }
}

Widths odd_widths() {
  Widths w;
  w.weight_bits = 5;
  w.operand_frac_bits = 9;
  w.preact_bits = 20;
  w.gate_preact_frac_bits = 14;
  w.candidate_preact_frac_bits = 9;
  w.gate_frac_bits = 10;
  w.candidate_frac_bits = 12;
  w.state_frac_bits = 20;
  w.output_bits = 23;
  w.output_frac_bits = 15;
  return w;
}

Widths narrow_widths() {
  Widths w;
  w.weight_bits = 2;
  w.operand_frac_bits = 3;
  w.preact_bits = 10;
  w.gate_preact_frac_bits = 8;
  w.candidate_preact_frac_bits = 8;
  w.gate_frac_bits = 2;
  w.candidate_frac_bits = 4;
  w.state_frac_bits = 3;
  w.output_bits = 8;
  w.output_frac_bits = 5;
  return w;
}

Widths written_back(WriteBack how, int state, int residual, int candidate = 15) {
  Widths w;
  w.write_back = how;
  w.state_frac_bits = state;
  w.residual_bits = residual;
  w.candidate_frac_bits = candidate;
  return w;
}

}  // namespace

TEST_CASE("two cores of 8 units, three outputs: equal under gaps, stalls and saturated inputs") {
  run({"8 units", random_shape(8, 3, 11), hardware(0, 2), 6, 60}, 1);
}

/// A stream of equal pixels beside rtl_cycles(): that many cycles a pixel, and a wait at its ends.
void check_cycles(const IntegerModel& model, const Cosimulation& simulation, int contexts) {
  CAPTURE(contexts);
  constexpr int kPixels = 60;
  const auto length = static_cast<std::size_t>(model.gates());
  const auto result =
      simulation.run(model, std::vector<PixelSamples>(kPixels, PixelSamples(length, 50)), {});
  const std::optional<double> cycles = rtl_cycles(model.description, contexts);
  REQUIRE(cycles.has_value());
  const double found = static_cast<double>(result.cycles);
  MESSAGE("cycles a pixel: ", found / kPixels, "; by rtl_cycles ", *cycles);
  CHECK(found >= 0.999 * kPixels * *cycles);
  CHECK(found <= 1.005 * kPixels * *cycles + *cycles);
}

TEST_CASE("a residual of 4 bits that is fed back to a state of 4: equal") {
  run({"4 + 4 bits, feedback", random_shape(5, 2, 9, written_back(WriteBack::feedback, 7, 4)),
       hardware(2, 1), 4, 60},
      2);
}

TEST_CASE("a flipped bit of a weight is found") {
  Random rng(3, 4);
  const IntegerModel model = random_model(random_shape(8, 1, 6), rng);
  const Cosimulation simulation(rtl_parameters(model), simulation_options());
  const auto pixels = corner_pixels(rng, 20, model.gates(), model.widths.operand_frac_bits);
  check_equal(model, simulation, pixels, {});
  check_cycles(model, simulation, 0);
  int found = 0;
  // The highest bit of a weight of U_r, of W_n, of the decoder's U_z, of the head.
  const std::pair<int, int> bits[] = {
      {3, 8 * 2 + 7}, {8, 8 * 18 + 7}, {9, 8 * 10 + 7}, {14, 8 * 24 + 7}};
  for (const auto& bit : bits) {
    CosimulationTraffic t;
    t.flip = bit;
    const auto result = simulation.run(model, pixels, t);
    found += compare_with_engine(model, pixels, model.gates(), result).different > 0;
  }
  CHECK(found == 4);
  CosimulationTraffic t;
  t.flip = {17, 0};
  CHECK_THROWS_AS(simulation.run(model, pixels, t), UsageError);
}

TEST_SUITE("full" * doctest::skip()) {
  TEST_CASE("a 32-unit core streams without idle cycles, and answers a pixel alone") {
    Random rng(1, 2);
    const IntegerModel model = random_model(random_shape(32, 1, 70), rng);
    const Cosimulation simulation(rtl_parameters(model), simulation_options());
    check_equal(model, simulation, corner_pixels(rng, 60, 70, 7), traffic(0.3, 0.3));
    const std::vector<PixelSamples> pixels(40, PixelSamples(70, 50));
    const auto streaming = check_equal(model, simulation, pixels, {});
    CHECK(streaming.utilisation(simulation.parameters()) >= 0.95);
    CHECK(static_cast<double>(streaming.cycles) / 40 <= 1.05 * (70 * 65 + 32));
    CHECK(streaming.bubbles <= 200);  // at both ends of the stream
  }

  TEST_CASE("cycles a pixel with too few contexts are what rtl_cycles says") {
    Random rng(5, 6);
    const IntegerModel model = random_model(random_shape(8, 1, 20), rng);
    for (const int contexts : {1, 2, 3}) {
      const RtlParameters parameters = rtl_parameters(model, hardware(contexts, 1));
      check_cycles(model, Cosimulation(parameters, simulation_options()), contexts);
    }
  }

  TEST_CASE("random models over the parameters") {
    const Widths wide = widths_16bit();
    const Shape shapes[] = {
        {"the smallest", random_shape(2, 1, 5, {}, Activation::smooth), hardware(0, 1)},
        {"8 bits, one context", random_shape(8, 1, 9), hardware(1, 1)},
        {"8 bits, hard", random_shape(13, 2, 9, {}, Activation::hard), hardware(3, 2)},
        {"16 bits", random_shape(9, 3, 7, wide), hardware(0, 1, 25)},
        {"16 bits, hard, powers of two", random_shape(16, 1, 8, wide, Activation::hard, true),
         hardware(2, 3)},
        {"odd widths", random_shape(11, 11, 6, odd_widths()), hardware(0, 1)},
        {"narrow widths", random_shape(8, 2, 12, narrow_widths()), hardware(4, 1)},
        {"error feedback", random_shape(6, 1, 9, written_back(WriteBack::feedback, 15, 12)),
         hardware(0, 1)},
        {"feedback, a coarse candidate, hard",
         random_shape(7, 1, 8, written_back(WriteBack::feedback, 10, 2, 5), Activation::hard),
         hardware(2, 1)},
        {"carried 4 bits wider than read",
         random_shape(6, 1, 9, written_back(WriteBack::nearest, 7, 4)), hardware(0, 1)},
        {"a state of 4 bits", random_shape(6, 1, 9, written_back(WriteBack::nearest, 3, 0)),
         hardware(0, 1)},
        {"24 units", random_shape(24, 4, 7), hardware(0, 2, 25)},
        {"33 units", random_shape(33, 1, 6), hardware(0, 1)},
        {"64 units", random_shape(64, 2, 4), hardware(0, 1)},
    };
    std::uint64_t seed = 100;
    for (const Shape& shape : shapes) {
      seed += 10;
      SUBCASE(shape.name) { run(shape, seed); }
    }
  }

  // Simulations that count which lines run and which bits toggle; scripts/rtl_coverage.sh reads
  // what they leave in cosim/coverage.
  TEST_CASE("coverage") {
    CosimulationOptions options = simulation_options();
    options.coverage = true;
    const Widths wide = widths_16bit();
    struct Case {
      const char* name;
      RandomModel model;
      int contexts, cores;
    };
    // Small, as every bit is counted; of powers of two, so that no row of a memory lies idle.
    const Case cases[] = {{"smooth", random_shape(2, 2, 16), 4, 2},
                          {"hard", random_shape(2, 2, 16, wide, Activation::hard), 2, 1}};
    for (const Case& c : cases) {
      Random rng(9, 9);
      RtlOptions o = hardware(c.contexts, c.cores);
      o.user_bits = 8;
      o.counter_bits = 8;
      std::vector<IntegerModel> models;
      for (int i = 0; i < 3; ++i) models.push_back(random_model(c.model, rng));
      const Cosimulation simulation(widest(models, o), options);
      for (std::size_t i = 0; i < models.size(); ++i) {
        CosimulationTraffic t = traffic(0.1 * static_cast<double>(i), 0.3, i);
        t.write_port = i != 1;
        const std::string file = concat(c.name, '-', i, ".dat");
        t.coverage = std::filesystem::path("cosim") / "coverage" / file;
        std::filesystem::create_directories(t.coverage.parent_path());
        const auto pixels =
            corner_pixels(rng, 150, models[i].gates(), models[i].widths.operand_frac_bits);
        const auto result = simulation.run(models[i], pixels, t);
        CHECK(compare_with_engine(models[i], pixels, models[i].gates(), result).different == 0);
      }
    }
  }

  TEST_CASE("128 units") { run({"128 units", random_shape(128, 1, 3), hardware(0, 1), 2, 40}, 77); }
}
