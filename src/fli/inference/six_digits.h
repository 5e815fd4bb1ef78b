#pragma once
// Statistics in six digits, as they go into a model file: what is judged before and after is the
// same.

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace taugate {

inline float six_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return std::strtof(text, nullptr);
}

template <class Values>
void append_six_digits(std::vector<float>& to, const Values& values) {
  for (const double v : values) to.push_back(six_digits(v));
}

}  // namespace taugate
