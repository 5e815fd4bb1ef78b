#pragma once
// Statistics as precise as a model file keeps them: what is judged before and after is the same.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/half.h"

namespace taugate {

/// A component of a unit vector, in 8 bits.
inline std::int8_t axis_byte(double x) {
  return static_cast<std::int8_t>(std::lround(127.0 * std::clamp(x, -1.0, 1.0)));
}
inline float from_axis_byte(std::int8_t k) { return static_cast<float>(k) / 127.0f; }

template <class Values>
void append_halves(std::vector<float>& to, const Values& values) {
  for (const double v : values) to.push_back(rounded_to_half(static_cast<float>(v)));
}
template <class Values>
void append_floats(std::vector<float>& to, const Values& values) {
  for (const double v : values) to.push_back(static_cast<float>(v));
}

}  // namespace taugate
