// Histograms and phasor plots: drawn whole, and refused where the data does not fit.

#include "fli/io_testing.h"
#include "fli/physics/statistics.h"
#include "fli/picture_testing.h"
#include "taugate/fli/plot/plot_histograms.h"
#include "testing.h"

using namespace taugate;

TEST_CASE("every plot is a PNG") {
  if (!gnuplot_is_here()) return;
  const Folder folder;
  const auto path = folder.path / "plot.png";
  const std::vector<float> values{0.3f, 0.4f, NAN, 0.4f, 0.9f}, equal{2.0f, 2.0f}, zero{0.0f};
  for (const auto* v : {&values, &equal, &zero}) {
    draw_histogram(path, "it's $x `y`", *v);
    check_size(path, 560, 400);
  }
  draw_histogram(path, "fraction", values, Range{0.0, 0.5});
  check_size(path, 560, 400);

  const std::vector<double> g{0.5, 0.2, NAN, 7.0}, s{0.4, 0.3, 0.1, -2.0};
  const std::vector<float> weights{10.0f, 20.0f, 1.0f, 1.0f};
  for (double frequency : {0.01, 0.5, 40.0}) {
    draw_phasors(path, "phasors", g, s, weights, frequency);
    check_size(path, 560, 340);
  }
  draw_phasors(path, "none", {}, {}, {}, 0.5);
  check_size(path, 560, 340);
}

TEST_CASE("what cannot be plotted is refused") {
  const Folder folder;
  const auto path = folder.path / "plot.png";
  const std::vector<float> blank(3, NAN), three(3, 1.0f);
  const std::vector<double> two(2, 0.5), one(1, 0.5);
  CHECK_THROWS_AS(draw_histogram(path, "", blank), Error);
  CHECK_THROWS_AS(draw_phasors(path, "", two, one, {}, 1.0), Error);
  CHECK_THROWS_AS(draw_phasors(path, "", two, two, three, 1.0), Error);
  CHECK(folder.entries() == 0);
}

TEST_CASE("statistics leave out what is not finite") {
  const std::vector<float> values{3.0f, NAN, 1.0f, INFINITY, 2.0f, 6.0f};
  const auto s = statistics_of(values);
  REQUIRE(s.has_value());
  CHECK(s->count == 4);
  CHECK(s->mean == 3.0);
  CHECK(s->deviation == doctest::Approx(std::sqrt(3.5)));
  CHECK(s->median == 2.5);
  CHECK_FALSE(statistics_of(std::vector<float>{NAN}).has_value());
  std::vector<float> hundred;
  for (int i = 100; i >= 0; --i) hundred.push_back(static_cast<float>(i));
  CHECK(percentile(hundred, 0.25) == 25.0);
  const Range scale = percentile_range(hundred);
  CHECK(scale.low == 2.0);
  CHECK(scale.high == 98.0);
  std::vector<float> none, equal(5, -4.0f);
  CHECK(percentile_range(none).high == 1.0);
  CHECK(percentile_range(equal).low < -4.0);
  CHECK(percentile_range(equal).high > -4.0);
  CHECK(short_number(NAN) == "-");
  CHECK(short_number(0.123456) == "0.1235");
}
