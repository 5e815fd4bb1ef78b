#include "taugate/fli/physics/masks.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "taugate/core/error.h"
#include "taugate/core/parallel.h"

namespace taugate {
namespace {

constexpr std::size_t kMostValues = std::size_t{1} << 31;  // 8 GB; larger data are made in sets

struct Point {
  double x, y;
};

/// A canvas of the unit square.
class Canvas {
 public:
  Canvas(std::uint8_t* pixels, int rows, int cols) : pixels_(pixels), rows_(rows), cols_(cols) {}

  /// Sets the pixels whose centre satisfies inside(x, y).
  template <class Inside>
  void fill(Inside inside, std::uint8_t value) {
    for (int r = 0; r < rows_; ++r)
      for (int c = 0; c < cols_; ++c)
        if (inside((c + 0.5) / cols_, (r + 0.5) / rows_))
          pixels_[static_cast<std::size_t>(r) * cols_ + c] = value;
  }

 private:
  std::uint8_t* pixels_;
  int rows_, cols_;
};

/// Two or three joined parabolic strokes of one pen.
void draw_strokes(Canvas canvas, Random& random) {
  const auto anywhere = [&] { return Point{random.uniform(0.2, 0.8), random.uniform(0.15, 0.85)}; };
  const double pen = random.uniform(0.045, 0.075);
  const std::uint64_t strokes = 2 + random.below(2);
  Point from = anywhere();
  for (std::uint64_t i = 0; i < strokes; ++i) {
    const Point bend = anywhere(), to = anywhere();
    constexpr int steps = 24;
    for (int s = 0; s <= steps; ++s) {
      const double t = static_cast<double>(s) / steps, u = 1.0 - t;
      const Point p{u * u * from.x + 2 * u * t * bend.x + t * t * to.x,
                    u * u * from.y + 2 * u * t * bend.y + t * t * to.y};
      canvas.fill([&](double x, double y) { return std::hypot(x - p.x, y - p.y) <= pen; }, 255);
    }
    from = to;
  }
}

/// One to three wavy ellipses, each with its nucleus left dark.
void draw_cells(Canvas canvas, Random& random) {
  const std::uint64_t cells = 1 + random.below(3);
  for (std::uint64_t i = 0; i < cells; ++i) {
    const Point centre{random.uniform(0.3, 0.7), random.uniform(0.3, 0.7)};
    const double radius = random.uniform(0.16, 0.28), squeeze = random.uniform(0.7, 1.0);
    const double turn = random.uniform(0.0, std::numbers::pi);
    const double wave = random.uniform(0.0, 0.2), phase = random.uniform(0.0, 6.0);
    const double lobes = 3.0 + static_cast<double>(random.below(3));
    const auto distance = [&](double x, double y) {  // 1 on the membrane
      const double dx = x - centre.x, dy = y - centre.y;
      const double a = dx * std::cos(turn) + dy * std::sin(turn);
      const double b = (dy * std::cos(turn) - dx * std::sin(turn)) / squeeze;
      return std::hypot(a, b) /
             (radius * (1.0 + wave * std::sin(lobes * std::atan2(b, a) + phase)));
    };
    canvas.fill([&](double x, double y) { return distance(x, y) <= 1.0; }, 255);
    canvas.fill([&](double x, double y) { return distance(x, y) <= 0.3; }, 0);
  }
}

}  // namespace

void validate(const Masks& masks) {
  require(masks.rows > 0 && masks.cols > 0 && !masks.pixels.empty() &&
              masks.pixels.size() % masks.pixels_per_mask() == 0,
          "masks: found ", masks.pixels.size(), " pixels, wanted whole masks of ", masks.rows,
          " x ", masks.cols);
}

Masks procedural_masks(int count, std::uint64_t seed, int rows, int cols) {
  check_within("masks", count, 1, 1000000);
  check_within("rows of a mask", rows, 8, 4096);
  check_within("columns of a mask", cols, 8, 4096);
  Masks masks{rows, cols, {}};
  masks.pixels.resize(static_cast<std::size_t>(count) * masks.pixels_per_mask());
  parallel_for(static_cast<std::size_t>(count), [&](std::size_t i, int) {
    Random random(seed, i);
    const Canvas canvas(masks.pixels.data() + i * masks.pixels_per_mask(), rows, cols);
    i % 2 == 0 ? draw_strokes(canvas, random) : draw_cells(canvas, random);
  });
  return masks;
}

ImageSet simulate_images(const Simulator& simulator, const Masks& masks, int images,
                         std::uint64_t seed, LifetimesPer lifetimes_per) {
  validate(masks);
  check_within("images", images, 1, 1000000);
  const std::size_t pixels = masks.pixels_per_mask();
  const std::size_t shapes = std::max<std::size_t>(masks.count(), 1);
  const std::size_t n = static_cast<std::size_t>(images) * pixels;
  const std::size_t gates = static_cast<std::size_t>(simulator.gates());
  const std::size_t values = gates * static_cast<std::size_t>(simulator.channels());
  if (n > kMostValues / (gates + values))
    fail_usage("images: found ", images, " of ", pixels, " pixels and ", gates + values,
               " values each, wanted fewer than ", kMostValues, " values in one set");
  ImageSet set;
  set.images = images;
  set.rows = masks.rows;
  set.cols = masks.cols;
  set.gates = simulator.gates();
  set.channels = simulator.channels();
  set.counts.resize(n * gates);
  set.sfd.resize(n * values);
  for (auto* map : {&set.tau1, &set.tau2, &set.fraction, &set.total_counts}) map->resize(n);
  set.foreground.resize(n);
  parallel_for(static_cast<std::size_t>(images), [&](std::size_t image, int) {
    const std::uint8_t* mask = masks.pixels.data() + image % shapes * pixels;
    Random image_random(~seed, image);
    const Decay shared = draw_decay(simulator.config().decay, image_random);
    for (std::size_t p = 0; p < pixels; ++p) {
      if (mask[p] < Masks::threshold) continue;
      const std::size_t i = image * pixels + p;
      Sample sample{std::span(set.counts).subspan(i * gates, gates),
                    std::span(set.sfd).subspan(i * values, values),
                    {}};
      if (lifetimes_per == LifetimesPer::image)
        simulator.sample(seed, i, shared, sample);
      else
        simulator.sample(seed, i, sample);
      set.foreground[i] = 1;
      set.tau1[i] = static_cast<float>(sample.truth.decay.tau1_ns);
      set.tau2[i] = static_cast<float>(sample.truth.decay.tau2_ns);
      set.fraction[i] = static_cast<float>(sample.truth.decay.fraction);
      set.total_counts[i] = static_cast<float>(sample.truth.total_counts);
    }
  });
  return set;
}

}  // namespace taugate
