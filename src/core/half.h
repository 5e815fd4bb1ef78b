#pragma once
// IEEE 754 floats of 16 bits.

#include <cmath>
#include <cstdint>

namespace taugate {

inline float from_half(std::uint16_t h) {
  const int exponent = h >> 10 & 31, fraction = h & 1023;
  const float magnitude = exponent == 31 ? (fraction ? NAN : INFINITY)
                          : exponent == 0
                              ? std::ldexp(static_cast<float>(fraction), -24)
                              : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  return h & 0x8000 ? -magnitude : magnitude;
}

/// The nearest one, ties to even; infinity beyond the largest.
inline std::uint16_t to_half(float x) {
  const int sign = std::signbit(x) ? 0x8000 : 0;
  if (std::isnan(x)) return static_cast<std::uint16_t>(sign | 0x7e00);
  const float magnitude = std::abs(x);
  if (magnitude >= 65520.0f) return static_cast<std::uint16_t>(sign | 0x7c00);
  if (magnitude < 0x1p-14f)  // multiples of 2^-24
    return static_cast<std::uint16_t>(sign | static_cast<int>(std::nearbyint(0x1p24f * magnitude)));
  int exponent = 0;
  const float fraction = std::frexp(magnitude, &exponent);  // 0.5..1
  // A fraction that is rounded up to 2048 carries into the exponent, as it should.
  const int bits = (exponent + 13) * 1024 + static_cast<int>(std::nearbyint(2048.0f * fraction));
  return static_cast<std::uint16_t>(sign | bits);
}

inline float rounded_to_half(float x) { return from_half(to_half(x)); }

}  // namespace taugate
