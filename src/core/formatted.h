#pragma once
// What printf would print, as a string.

#include <cmath>
#include <cstdio>
#include <string>

namespace taugate {

/// At most 255 characters of it.
template <class... Values>
std::string formatted(const char* format, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

/// "none" instead of what is not a number, such as the mean of no values, or infinite.
inline std::string formatted_or_none(const char* format, double value) {
  return std::isfinite(value) ? formatted(format, value) : "none";
}

}  // namespace taugate
