#pragma once
// A map in a report whose pixels show their decays: under the pointer, a finger, or by arrow keys.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "taugate/fli/physics/range.h"

namespace taugate {

/// A value a pixel, as colours.
struct PixelMap {
  std::string name, unit;
  std::span<const float> values;
  std::optional<Range> scale;  ///< of the colours; without it 2nd to 98th percentile
};

enum class CurveKind {
  counts,  ///< measured
  fit,     ///< counts that were expected: residuals are drawn; NaN where nothing was fitted
  scaled   ///< of any unit: drawn as high as the counts
};

struct PixelCurve {
  std::string name;
  CurveKind kind;
  /// Writes the [T] values of one pixel. Called by several threads at once.
  std::function<void(std::size_t pixel, std::span<float> values)> values;
};

struct PixelView {
  int width = 0, height = 0;  ///< height 1: a list of traces
  int gates = 0;
  double gate_step_ns = 0.0, start_ns = 0.0;  ///< where the first gate begins
  std::vector<PixelMap> maps{};  ///< [N] values each; a pixel without one in the first has no fit
  std::vector<PixelCurve> curves{};         ///< the first are the counts
  std::size_t pixel = 0;                    ///< shown at first
  std::span<const std::uint8_t> hatched{};  ///< [N] or empty: pixels other than 0 are hatched
  std::string hatch_means{};
};

/// How many neighbours' decays are shown as one, and of which of these blocks (numbered row by row)
/// a decay is kept, so that a file has at most `most` values: of all, or of those that have a fit,
/// or of larger blocks. Traces of a list are not summed, but the last ones left out.
struct PixelBlocks {
  int size = 1;
  std::vector<std::size_t> kept;
  std::size_t total = 0;
};
PixelBlocks pixel_blocks(const PixelView& view, std::size_t most);

/// The view as HTML, which needs the script of a report. Counts and fits are rounded to a 60th of
/// their Poisson deviation, everything else to 11 bits.
std::string pixel_view_html(const PixelView& view);

}  // namespace taugate
