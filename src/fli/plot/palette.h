#pragma once
// The two colour scales of the pictures, made by formula in Oklab (B. Ottosson, "A perceptual color
// space for image processing", 2020), so that equal steps of a value look equally large.

#include <array>
#include <cstdint>
#include <string>

namespace taugate {

using Rgb = std::array<std::uint8_t, 3>;  ///< sRGB

/// From dark violet over blue and green to light yellow; lightness rises with x in [0, 1].
Rgb sequential_colour(double x);

/// Blue, green, yellow, red for x in [0, 1], all of them light, so that brightness is free to show
/// something else. `brightness` in [0, 1], 0 is black.
Rgb hue_colour(double x, double brightness = 1.0);

/// "#1b9e77"
std::string hex(Rgb colour);

}  // namespace taugate
