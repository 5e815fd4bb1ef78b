#pragma once
// What printf would print, as a string.

#include <cstdio>
#include <string>

namespace taugate {

/// At most 255 characters of it.
template <class... Values>
std::string printed(const char* format, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

}  // namespace taugate
