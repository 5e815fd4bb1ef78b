#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

#include "fli/io_testing.h"
#include "fli/picture_testing.h"
#include "fli/plot/gnuplot.h"
#include "taugate/fli/plot/plot_maps.h"

using namespace taugate;

namespace {

struct Environment {
  explicit Environment(const char* value) { ::setenv("TAUGATE_GNUPLOT", value, 1); }
  ~Environment() { ::unsetenv("TAUGATE_GNUPLOT"); }
};

struct Image {
  std::vector<float> lifetimes, intensities;
  LifetimePanel panel;
  Image(int width, int height) : lifetimes(static_cast<std::size_t>(width) * height, NAN) {
    intensities.assign(lifetimes.size(), 3.0f);
    for (std::size_t i = 0; i < lifetimes.size(); i += 2) lifetimes[i] = 0.3f + 0.01f * (i % 50);
    panel = {"it's a \"map\" of\n$HOME `id` _x", width, height, lifetimes};
  }
};

}  // namespace

TEST_CASE("every picture is a PNG of the announced size") {
  if (!gnuplot_is_here()) return;
  const Folder folder;
  const auto path = folder.path / "picture.png";
  const Image image(28, 28), wide(40, 10);
  const LifetimePanel panels[]{image.panel, image.panel};
  draw_lifetime_maps(path, panels);
  const PlotSize two = lifetime_maps_size(2, 28, 28);
  check_size(path, two.width, two.height);
  CHECK(two.width > two.height);
  draw_lifetime_maps(path, {&wide.panel, 1}, Range{0.2, 1.5});
  const PlotSize one = lifetime_maps_size(1, 40, 10);
  check_size(path, one.width, one.height);
  draw_overlay(path, image.panel, image.intensities);
  CHECK(size_of(path).height > 400);

  std::vector<float> trace(70), flat(70, 0.0f);
  for (std::size_t i = 0; i < 70; ++i) trace[i] = 100.0f * std::exp(-0.1f * i);
  draw_trace(path, {"trace", 0.179, trace, trace, trace, trace});
  check_size(path, 560, 860);
  draw_trace(path, {"no IRF, no counts", 0.179, flat, trace, {}, {}});
  check_size(path, 560, 860);

  const std::vector<double> seen{1e5, 2e5, 3e5}, loss{0.1, 0.02, 0.01};
  draw_learning_curve(path, {seen, loss, seen, loss});
  check_size(path, 900, 600);
  draw_learning_curve(path, {seen, loss, {}, {}});
  check_size(path, 900, 600);
  draw_lifetime_scatter(path, "held out", image.lifetimes, image.lifetimes);
  check_size(path, 560, 480);
  CHECK(folder.entries() == 1);
}

TEST_CASE("blank maps and constant maps can be drawn") {
  if (!gnuplot_is_here()) return;
  const Folder folder;
  const auto path = folder.path / "picture.png";
  const std::vector<float> blank(12, NAN), constant(12, 0.5f), zero(12, 0.0f);
  for (const auto* values : {&blank, &constant, &zero}) {
    const LifetimePanel panel{"", 4, 3, *values};
    draw_lifetime_maps(path, {&panel, 1});
    const PlotSize size = lifetime_maps_size(1, 4, 3);
    check_size(path, size.width, size.height);
    draw_overlay(path, panel, zero);
    size_of(path);
  }
}

TEST_CASE("hatched pixels show in a map and in an overlay") {
  if (!gnuplot_is_here()) return;
  const Folder folder;
  const auto plain = folder.path / "plain.png", hatched = folder.path / "hatched.png";
  Image image(30, 20);
  draw_lifetime_maps(plain, {&image.panel, 1});
  const PlotSize size = lifetime_maps_size(1, 30, 20);
  const std::string map = read_file(plain);
  draw_overlay(plain, image.panel, image.intensities);
  const std::string overlay = read_file(plain);
  std::vector<std::uint8_t> mask(30 * 20, 0);
  mask[3 * 30 + 7] = 1;
  image.panel.hatched = mask;
  draw_lifetime_maps(hatched, {&image.panel, 1});
  check_size(hatched, size.width, size.height);
  CHECK(read_file(hatched) != map);
  draw_overlay(hatched, image.panel, image.intensities);
  CHECK(read_file(hatched) != overlay);
}

TEST_CASE("maps give every pixel of the image a whole number of the picture's") {
  const auto inner = [](int width, int height) {
    const PlotSize two = lifetime_maps_size(2, width, height),
                   one = lifetime_maps_size(1, width, height), none = lifetime_maps_size(1, 1, 1);
    return PlotSize{two.width - one.width - 24, one.height - (none.height - 400)};
  };
  CHECK(inner(28, 28).width == 15 * 28);
  CHECK(inner(28, 28).height == 15 * 28);
  CHECK(inner(512, 512).width == 512);
  CHECK(inner(300, 200).width == 600);
  CHECK(inner(300, 200).height == 400);
  CHECK(inner(1000, 10).width == 1000);
  CHECK(inner(1000, 10).height == 250);
  CHECK(inner(5000, 5000).width == 2048);
}

TEST_CASE("a pixel has the colour of its lifetime") {
  // The scale's ends, by the formula's own definition: dark violet and light yellow.
  const Rgb low = sequential_colour(0.0), high = sequential_colour(1.0);
  CHECK((low[2] > low[0] && low[0] > low[1]));
  CHECK((high[0] > 200 && high[1] > 200 && high[2] < 120));
  int last = 0;  // Rec. 601 luma
  for (int i = 0; i <= 20; ++i) {
    const Rgb c = sequential_colour(i / 20.0);
    const int luma = (299 * c[0] + 587 * c[1] + 114 * c[2]) / 1000;
    CHECK(luma > last);
    last = luma;
  }
  const Rgb blue = hue_colour(0.0), red = hue_colour(1.0);
  CHECK((blue[2] > blue[0] && red[0] > red[2]));
  CHECK(hue_colour(0.5, 0.0) == Rgb{0, 0, 0});
  CHECK(hue_colour(-3.0) == blue);
  CHECK(hue_colour(NAN, NAN) == Rgb{0, 0, 0});
  CHECK(hex({0x1b, 0x9e, 0x07}) == "#1b9e07");
}

TEST_CASE("a picture that cannot be made leaves no file and one clear line") {
  const Folder folder;
  const auto path = folder.path / "picture.png";
  const Image image(5, 4);
  const auto drawing = [&](const std::filesystem::path& target) {
    return error_of([&] { draw_lifetime_maps(target, {&image.panel, 1}); });
  };
  {
    const Environment missing("/no/such/gnuplot");
    const std::string error = drawing(path);
    CHECK(contains(error, "/no/such/gnuplot"));
    CHECK(contains(error, "gnuplot-nox"));
  }
  for (const char* program : {"false", "true", "cat"}) {  // fails, says nothing, gives no PNG
    CAPTURE(program);
    const Environment wrong(program);
    const std::string error = drawing(path);
    CHECK(contains(error, "made no picture"));
    CHECK_FALSE(contains(error, "\n"));
  }
  CHECK(folder.entries() == 0);
  CHECK(contains(drawing(folder.path / "no" / "picture.png"), "No such file"));

  if (!gnuplot_is_here()) return;
  CHECK(contains(error_of([] { run_gnuplot("set terminal pngcairo\nplot nonsense(3)\n"); }),
                 "undefined function"));
  if (std::filesystem::exists("/dev/full")) CHECK(contains(drawing("/dev/full"), "No space left"));
}

TEST_CASE("data that does not fit together is refused") {
  const Folder folder;
  const auto path = folder.path / "picture.png";
  const Image image(5, 4), other(4, 5);
  const LifetimePanel unequal[]{image.panel, other.panel};
  LifetimePanel wrong = image.panel;
  wrong.width = 6;
  const std::vector<float> three(3, 1.0f), four(4, 1.0f), blank(3, NAN);
  const std::vector<double> numbers(3, 1.0);
  CHECK_THROWS_AS(draw_lifetime_maps(path, {}), Error);
  CHECK_THROWS_AS(draw_lifetime_maps(path, unequal), Error);
  CHECK_THROWS_AS(draw_lifetime_maps(path, {&wrong, 1}), Error);
  CHECK_THROWS_AS(draw_lifetime_maps(path, {&image.panel, 1}, Range{1.0, 1.0}), UsageError);
  CHECK_THROWS_AS(draw_overlay(path, image.panel, three), Error);
  const std::vector<std::uint8_t> mask(3, 1);
  wrong = image.panel;
  wrong.hatched = mask;
  CHECK_THROWS_AS(draw_lifetime_maps(path, {&wrong, 1}), Error);
  CHECK_THROWS_AS(draw_trace(path, {"", 0.1, three, four, {}, {}}), Error);
  CHECK_THROWS_AS(draw_trace(path, {"", 0.1, three, three, four, {}}), Error);
  CHECK_THROWS_AS(draw_trace(path, {"", 0.1, {}, {}, {}, {}}), Error);
  CHECK_THROWS_AS(draw_learning_curve(path, {numbers, {}, {}, {}}), Error);
  CHECK_THROWS_AS(draw_learning_curve(path, {}), Error);
  CHECK_THROWS_AS(draw_lifetime_scatter(path, "", three, four), Error);
  CHECK_THROWS_AS(draw_lifetime_scatter(path, "", blank, three), Error);
  CHECK(folder.entries() == 0);
}
