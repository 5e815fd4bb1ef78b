#pragma once
// Images of simulated pixels. A mask says which pixels fluoresce; each of those is one index of the
// simulator, with lifetimes, IRF and noise of its own. Background pixels stay zero and are never
// simulated.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "taugate/fli/physics/simulator.h"

namespace taugate {

/// Masks or grey images, e.g. the digits of MNIST: a pixel of at least `threshold` is foreground.
struct Masks {
  static constexpr std::uint8_t threshold = 128;

  int rows = 0;
  int cols = 0;
  std::vector<std::uint8_t> pixels;  ///< [count][rows][cols]

  std::size_t pixels_per_mask() const { return static_cast<std::size_t>(rows) * cols; }
  std::size_t count() const { return pixels.empty() ? 0 : pixels.size() / pixels_per_mask(); }
};

/// Throws Error unless `masks` holds one whole mask at least.
void validate(const Masks& masks);

/// Shapes drawn without any file, values 0 and 255: even ones are pen strokes like those of a
/// digit, odd ones a few cells with a dark nucleus. Mask i is a pure function of (seed, i, rows,
/// cols); rows and cols are 8..4096.
Masks procedural_masks(int count, std::uint64_t seed, int rows = 28, int cols = 28);

/// The data of Erbas et al.: 200 sets of 19,600 pixels, i.e. of 25 images of 28 x 28, together
/// 3,920,000 TPSFs.
struct PaperSize {
  static constexpr int sets = 200;
  static constexpr int images_per_set = 25;
  static constexpr int rows = 28, cols = 28;
  static constexpr std::int64_t traces = std::int64_t{sets} * images_per_set * rows * cols;
};
static_assert(PaperSize::traces == 3920000);

/// Simulated images, all arrays over [images][rows][cols] = n pixels; background is 0 everywhere.
struct ImageSet {
  int images = 0, rows = 0, cols = 0;
  int gates = 0, channels = 0;
  std::vector<float> counts;                ///< [n][T]
  std::vector<float> sfd;                   ///< [n][T][C]
  std::vector<float> tau1, tau2, fraction;  ///< [n] ns, ns, 0..1
  std::vector<float> total_counts;          ///< [n] noise-free, without background
  std::vector<std::uint8_t> foreground;     ///< [n] 1 or 0
};

/// Whether every foreground pixel draws lifetimes of its own, as in training, or all pixels of an
/// image share one draw, as in a stained sample; IRF, counts and noise always differ from pixel to
/// pixel.
enum class LifetimesPer { pixel, image };

/// `images` images, image i from mask i modulo their count; pixel p of image i is the simulator's
/// (seed, i*rows*cols + p). Runs on all threads; pure in its arguments. Throws Error for masks that
/// do not validate and UsageError for images < 1.
ImageSet simulate_images(const Simulator& simulator, const Masks& masks, int images,
                         std::uint64_t seed, LifetimesPer lifetimes_per = LifetimesPer::pixel);

}  // namespace taugate
