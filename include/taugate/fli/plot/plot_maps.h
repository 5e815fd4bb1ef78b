#pragma once
// The pictures of the field, drawn by gnuplot (Debian: gnuplot-nox) as PNG files. Each is written
// whole or not at all. All throw Error for data that does not fit together, when gnuplot is missing
// or fails, and when the file cannot be written.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "taugate/fli/physics/range.h"

namespace taugate {

struct PlotSize {
  int width = 0, height = 0;  ///< pixels
};

/// One image of lifetimes.
struct LifetimePanel {
  std::string title;
  int width = 0, height = 0;            ///< pixels of the image
  std::span<const float> lifetimes_ns;  ///< [height][width], top row first; NaN stays grey
  /// [height][width]: pixels other than 0 are hatched, as not to be trusted. May be empty.
  std::span<const std::uint8_t> hatched{};
};

/// Up to 6 images of one shape side by side, on one colour scale. `scale_ns`: the ends of the
/// scale; without it they follow the data (2nd to 98th percentile). `label`: what the scale shows,
/// for maps of something else.
void draw_lifetime_maps(const std::filesystem::path& path, std::span<const LifetimePanel> panels,
                        std::optional<Range> scale_ns = {},
                        const std::string& label = "lifetime (ns)");
/// What draw_lifetime_maps makes of so many panels of that shape. Each pixel of an image takes a
/// whole number of the picture's, unless the image is larger than 2048 or longer than 4 to 1.
PlotSize lifetime_maps_size(std::size_t panels, int width, int height);

/// An image whose hue is the lifetime and whose brightness is the intensity (the 99th percentile
/// and above is full), with the two-dimensional key. `intensities`: [height][width], counts.
void draw_overlay(const std::filesystem::path& path, const LifetimePanel& panel,
                  std::span<const float> intensities, std::optional<Range> scale_ns = {});

/// One decay. All spans have a value a gate, or are empty where they may be.
struct TracePlot {
  std::string title;
  double gate_step_ns = 0.0;
  std::span<const float> measured;   ///< TPSF, counts
  std::span<const float> predicted;  ///< SFD, any unit: drawn as high as the measured trace
  /// SFD * IRF with background, counts; may be empty, and NaN in gates that nothing was fitted to
  std::span<const float> reconvolution;
  std::span<const float> irf;  ///< any unit: drawn as high as the trace; may be empty
  double first_gate_ns = 0.0;  ///< where the time axis begins
};

/// Logarithmic and linear view; with a reconvolution also its residuals, in deviations of Poisson
/// counts: (measured - reconvolution) / sqrt(max(reconvolution, 1)).
void draw_trace(const std::filesystem::path& path, const TracePlot& trace);

/// Losses against the traces seen so far. The two curves may have been sampled at different points.
struct LearningCurve {
  std::span<const double> train_traces, train_loss;
  std::span<const double> validation_traces, validation_loss;
};
void draw_learning_curve(const std::filesystem::path& path, const LearningCurve& curve);

/// True against predicted lifetime as a two-dimensional histogram, with the mean error and the
/// RMSE. Pairs in which either is NaN are left out.
void draw_lifetime_scatter(const std::filesystem::path& path, const std::string& title,
                           std::span<const float> true_ns, std::span<const float> predicted_ns);

}  // namespace taugate
