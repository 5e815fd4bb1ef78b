// Pictures of the paper's tables: whole PNG files of what can be drawn, an Error for what cannot.

#include "study/paper_pictures.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "taugate/core/error.h"
#include "taugate/core/file.h"
#include "taugate/core/random.h"

using namespace taugate;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Its pixels a row; 0 where it is no picture.
int width_of(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  if (!bytes.starts_with("\x89PNG\r\n\x1a\n") || bytes.size() < 1000) return 0;
  return static_cast<unsigned char>(bytes[18]) * 256 + static_cast<unsigned char>(bytes[19]);
}

}  // namespace

TEST_CASE("the paper's tables, costs and a decay are drawn") {
  const std::filesystem::path table = "paper_table.png", cost = "paper_cost.png",
                              decay = "paper_decay.png";
  std::vector<PaperRow> rows{
      {"128×128", {{0.012, 0.0004}, {0.013, kNaN}, {0.02, 0.03}}, MeanStddev{0.03, 0.0}},
      {"32×32", {{0.0131, 0.0002}, {0.014, 0.001}, {kNaN, kNaN}}, MeanStddev{0.138, 0.02}},
      {"32×32 w/ KD", {{0.0129, 0.0}, {0.0135, 0.001}, {0.4, 0.05}}, MeanStddev{0.01, 0.001}},
      {"it's 16_16 {x}", {{0.0151, 0.0002}, {0.016, 0.001}, {0.08, 0.01}}, {}}};
  draw_paper_table(table, {"ours", "a", "b"}, std::span(rows).first(1));
  CHECK(width_of(table) == 680);
  draw_paper_table(table, {"weights, literal scale", "weights, symmetric", "all integers"}, rows);
  CHECK_THROWS_WITH_AS(draw_paper_table(table, {"one"}, rows),
                       doctest::Contains("found 3 figures for '128×128', wanted 1"), Error);
  CHECK_THROWS_AS(draw_paper_table(table, {"one"}, {}), Error);

  std::vector<CostPoint> points;
  for (const double units : {16.0, 32.0, 64.0, 128.0})
    for (const int bits : {32, 16, 8, 4}) {
      const double rmse = 0.012 + 0.05 / units + (bits == 4 ? 0.003 : 0.0);
      points.push_back({"two layers a side",
                        bits,
                        {rmse, 0.0004},
                        units * units * bits,
                        900.0 * units * units,
                        {}});
      points.push_back({"one layer",
                        bits,
                        {1.1 * rmse, 0.0004},
                        0.5 * units * units * bits,
                        450.0 * units * units,
                        70.0 * (2.0 * units + 1.0) + units});
      if (bits == 8)
        points.push_back({"one layer, distilled",
                          bits,
                          {1.05 * rmse, kNaN},
                          0.5 * units * units * bits,
                          450.0 * units * units,
                          70.0 * (2.0 * units + 1.0) + units});
    }
  std::vector<CostPoint> without = points;
  for (CostPoint& p : without) p.cycles.reset();
  draw_cost(cost, without);
  CHECK(width_of(cost) == 640);
  draw_cost(cost, points);
  CHECK(width_of(cost) == 640);
  CHECK_THROWS_AS(draw_cost(cost, {}), Error);

  DecayPicture picture{
      0.179,
      {},
      {},
      {{"float", 32, {}}, {"16 bits", 16, {}}, {"8 bits", 8, {}}, {"4 bits", 4, {}}}};
  Random random(1, 1);
  for (int k = 0; k < 70; ++k) {
    const double t = 0.179 * k, truth = std::exp(-t);
    picture.sfd.push_back(static_cast<float>(truth));
    const double seen = t < 1.4 ? std::exp(-8.0 * (t - 1.4) * (t - 1.4)) : std::exp(1.4 - t);
    picture.tpsf.push_back(
        static_cast<float>(static_cast<double>(random.poisson(400.0 * seen + 1.0)) / 400.0));
    double size = 0.004;
    for (auto& output : picture.outputs) {
      output.sfd.push_back(static_cast<float>(truth + size * std::sin(0.9 * t + 100.0 * size)));
      size *= 1.5;
    }
  }
  draw_decay(decay, picture);
  CHECK(width_of(decay) == 640);
  picture.outputs[2].sfd.pop_back();
  CHECK_THROWS_WITH_AS(draw_decay(decay, picture), doctest::Contains("'8 bits', wanted 70"), Error);
  for (const auto& path : {table, cost, decay}) std::filesystem::remove(path);
}

TEST_CASE("a pixel of the plate as networks see it, for its picture") {
  const Plate plate({.channels = 3, .side = 48});
  Model network({.gates = 70, .outputs = 3, .hidden = {5}});
  network.initialise(3);
  const TrainedModel model(std::move(network), simulator_preset("ss2-70"));
  const std::size_t place = plate.foreground()[20];
  const NamedModel named{"float", 32, &model};
  const DecayPicture picture = decay_picture(plate, place, {&named, 1});
  std::vector<float> counts(70), sfd(210), output(210);
  Sample pixel{counts, sfd, {}};
  plate.sample(place, pixel);
  const float peak = *std::max_element(counts.begin(), counts.end());
  std::vector<float> input = counts;
  for (float& value : input) value /= peak;
  ThreadScratch scratch;
  model.executor()->run(scratch, input, output);
  REQUIRE(picture.outputs.size() == 1);
  CHECK(picture.tpsf == input);
  for (std::size_t k = 0; k < 70; ++k) {
    CHECK(picture.sfd[k] == sfd[3 * k]);
    CHECK(picture.outputs[0].sfd[k] == output[3 * k]);
  }
  CHECK_THROWS_AS(decay_picture(Plate({.side = 48}), place, {&named, 1}), Error);
}
