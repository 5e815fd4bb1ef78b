#include "fli/plot/palette.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

namespace taugate {
namespace {

double clamp01(double x) { return x > 0.0 ? std::min(x, 1.0) : 0.0; }

/// Lightness, chroma and hue (degrees) to linear sRGB; outside [0, 1] where sRGB has no such
/// colour.
std::array<double, 3> linear_srgb(double lightness, double chroma, double hue) {
  const double angle = hue * std::numbers::pi / 180.0;
  const double a = chroma * std::cos(angle), b = chroma * std::sin(angle);
  const double l = std::pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3.0);
  const double m = std::pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3.0);
  const double s = std::pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3.0);
  return {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
          -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
          -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
}

/// The colour, with as much of the chroma as sRGB can show.
std::array<double, 3> in_gamut(double lightness, double chroma, double hue) {
  for (;; chroma *= 0.98) {
    const auto rgb = linear_srgb(lightness, chroma, hue);
    const auto [low, high] = std::minmax_element(rgb.begin(), rgb.end());
    if ((*low >= -1e-3 && *high <= 1.001) || chroma < 1e-3) return rgb;
  }
}

Rgb encoded(const std::array<double, 3>& linear, double brightness) {
  Rgb colour{};
  for (std::size_t i = 0; i < 3; ++i) {
    const double v = clamp01(linear[i]);
    const double srgb = v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1.0 / 2.4) - 0.055;
    colour[i] = static_cast<std::uint8_t>(std::lround(255.0 * srgb * clamp01(brightness)));
  }
  return colour;
}

}  // namespace

Rgb sequential_colour(double x) {
  x = clamp01(x);
  return encoded(in_gamut(0.27 + 0.66 * x, 0.09 + 0.09 * x, 300.0 - 195.0 * x), 1.0);
}

Rgb hue_colour(double x, double brightness) {
  x = clamp01(x);
  // Yellow is only yellow when it is light, blue and red when they are not.
  const double lightness = 0.63 + 0.19 * std::sin(std::numbers::pi * std::pow(x, 1.2));
  return encoded(in_gamut(lightness, 0.19, 265.0 - 238.0 * x), brightness);
}

std::string hex(Rgb colour) {
  char text[8];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", colour[0], colour[1], colour[2]);
  return text;
}

}  // namespace taugate
