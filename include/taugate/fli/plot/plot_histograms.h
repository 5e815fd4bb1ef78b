#pragma once
// Plots of the field beside its maps (picture.h), drawn by gnuplot as PNG files and with the same
// promises: written whole or not at all, Error for data that does not fit together, when gnuplot is
// missing or fails, and when the file cannot be written.

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "taugate/fli/physics/range.h"

namespace taugate {

/// How often each value occurs, in the colours of a map on the same scale (without one: 2nd to 98th
/// percentile), with number, mean, deviation and median of the finite ones. Values beyond the scale
/// count at its ends.
void draw_histogram(const std::filesystem::path& path, const std::string& label,
                    std::span<const float> values, std::optional<Range> scale = {});

/// Phasors (g, s) as a two-dimensional histogram, beside the universal semicircle with the
/// lifetimes that lie on it. `weights`: what each counts, such as its photons; empty for 1 each.
/// Pairs with a NaN are left out.
void draw_phasors(const std::filesystem::path& path, const std::string& title,
                  std::span<const double> g, std::span<const double> s,
                  std::span<const float> weights, double radians_per_ns);

/// One of several decays in a plot.
struct DecayCurve {
  std::string title;
  std::span<const float> counts;  ///< a value a bin
};
/// Up to 8 decays of one length over time, counts on a logarithmic axis. `bin_ns` 0: over the
/// number of the bin.
void draw_decays(const std::filesystem::path& path, const std::string& title, double bin_ns,
                 std::span<const DecayCurve> curves);

}  // namespace taugate
