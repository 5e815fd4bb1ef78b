// The measurement of what a narrow carried state loses, on networks whose every update is known; and the rows that
// compare the kinds of write-back.

#include "study/write_back.h"

#include <nlohmann/json.hpp>
#include <set>

#include "fli/picture_testing.h"
#include "quant/quant_testing.h"
#include "taugate/core/parallel.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

struct Unit {
  double z, n;
};

/// Hard gates and candidates without weights: z and n are these in every step.
IntegerModel constant_model(const std::vector<Unit>& units, const Widths& widths, int gates) {
  Random rng(1, 0);
  IntegerModel model = random_model({.activation = Activation::hard,
                                     .widths = widths,
                                     .hidden = {static_cast<int>(units.size())},
                                     .gates = gates},
                                    rng);
  for (IntegerLayer& layer : model.layers) {
    for (IntegerRows* rows : {&layer.input, &layer.recurrent})
      std::fill(rows->weights.begin(), rows->weights.end(), std::int16_t{0});
    std::fill(layer.requantizers.begin(), layer.requantizers.end(), Requantizer{});
    std::fill(layer.recurrent_bias.begin(), layer.recurrent_bias.end(), 0);
    for (std::size_t u = 0; u < units.size(); ++u) {
      layer.bias[units.size() + u] = round_half_even(4096.0 * (2.0 * units[u].z - 1.0));
      layer.bias[2 * units.size() + u] = round_half_even(4096.0 * units[u].n);
    }
  }
  return model;
}

}  // namespace

TEST_CASE("write margins and dead bands of updates that are known") {
  // From 0 towards n, a step of (1 - z)(n - h) at a time, encoder first and then the decoder.
  const std::vector<Unit> units{{0.75, 0.5}, {0.96875, 0.5}, {0.5, -0.01}, {1.0, 0.5}, {0.0, 0.25}};
  constexpr int T = 5;
  Widths widths;
  widths.state_frac_bits = 5;
  const double unit = 1.0 / 32.0;
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    const WriteMargins found =
        write_margins(constant_model(units, widths, T), std::vector<float>(T * 40, 0.5f));
    CHECK(found.unit == unit);
    REQUIRE(found.layers.size() == 2);
    std::vector<double> h(units.size(), 0.0);
    double all = 0.0;
    for (const LayerMargins& layer : found.layers) {
      REQUIRE(layer.units.size() == units.size());
      REQUIRE(layer.steps.size() == T);
      std::vector<int> lost(units.size()), by_step(T);
      for (int t = 0; t < T; ++t)
        for (std::size_t u = 0; u < units.size(); ++u) {
          const double n = std::round(units[u].n * 4096.0) / 4096.0;
          const double update = (1.0 - units[u].z) * (n - h[u]);
          const bool below = 2.0 * std::abs(update) / unit < 1.0;
          lost[u] += below;
          by_step[t] += below;
          h[u] = std::nearbyint((h[u] + update) / unit) * unit;
        }
      int sum = 0;
      for (std::size_t u = 0; u < units.size(); ++u) {
        CHECK(close(layer.units[u].lost, lost[u] / double{T}, 1e-12));
        CHECK(close(layer.units[u].mean_update, 1.0 - units[u].z, 1e-12));
        CHECK((units[u].z == 1.0 ||
               close(layer.units[u].dead_band, unit / 2.0 / (1.0 - units[u].z), 1e-12)));
        sum += lost[u];
      }
      for (int t = 0; t < T; ++t)
        CHECK(close(layer.steps[t].lost, by_step[t] / static_cast<double>(units.size()), 1e-12));
      CHECK(close(layer.all.lost, sum / (double{T} * static_cast<double>(units.size())), 1e-12));
      all += layer.all.lost / 2.0;
    }
    CHECK(found.layers[0].units[0].lost == 0.0);  // updates of 4, 3, 2.25, 1.75 and 1.25 units
    CHECK(found.layers[0].units[2].lost == 1.0);  // of 0.16
    CHECK(std::isinf(found.layers[0].units[3].dead_band));  // its gate never opens
    CHECK(close(found.all.lost, all, 1e-12));
    CHECK(close(found.median_dead_band, unit / 2.0 / 0.25, 1e-12));
    const auto json = nlohmann::json::parse(to_json(found));
    CHECK(json["layers"][1]["units"][3]["dead_band"].is_null());
    CHECK(json["layers"][0]["steps"].size() == T);
  }
  set_thread_count(2);
}

TEST_CASE("a residual that is fed back writes what the state alone would lose") {
  Widths widths;
  widths.state_frac_bits = 9;
  widths.residual_bits = 4;
  widths.write_back = WriteBack::feedback;
  // The state is read in 32nds; its updates count from what is read, against the stored unit.
  const WriteMargins found =
      write_margins(constant_model({{0.96875, 0.5}}, widths, 6), std::vector<float>(6, 0.5f));
  CHECK(found.unit == 1.0 / 512.0);
  CHECK(found.all.lost == 0.0);
  CHECK_THROWS_WITH_AS(write_margins(constant_model({{0.5, 0.5}}, widths, 6), {}),
                       doctest::Contains("at least one"), Error);
}

TEST_CASE("the rows of the carried state are those that fit together, each once") {
  std::set<std::string> ids;
  int nearest = 0;
  for (const StateStorage& s : state_storages()) {
    CAPTURE(s.id);
    CHECK(ids.insert(s.id).second);
    const QatOptions options = state_options(s);
    const Widths& w = options.quantize.widths;
    w.validate(GruForm::reset_after, Activation::smooth);
    CHECK(w.state_frac_bits == s.stored() - 1);
    CHECK(w.read_frac_bits() == std::min(7, s.bits - 1));
    CHECK(s.stored() <= 16);
    nearest += s.residual == 0 && s.write_back == WriteBack::nearest;
  }
  CHECK(nearest == 6);
}

TEST_CASE("error against dead band becomes a picture") {
  if (!gnuplot_is_here()) return;
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / "taugate_write_margin.png";
  draw_write_margin(file, {{0.1, 0.016, WriteBack::nearest, "4"},
                           {0.01, 0.0115, WriteBack::nearest, "8"},
                           {0.02, 0.0118, WriteBack::feedback, "4 + 4"}});
  check_size(file, 640, 440);
  std::filesystem::remove(file);
  CHECK_THROWS_AS(draw_write_margin(file, {}), Error);
}
