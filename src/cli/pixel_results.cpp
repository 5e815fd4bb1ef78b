#include "pixel_results.h"

#include <algorithm>
#include <cmath>
#include <iostream>

namespace taugate::cli {

nlohmann::json statistics(const std::vector<float>& values) {
  std::vector<float> finite;
  for (float v : values)
    if (std::isfinite(v)) finite.push_back(v);
  if (finite.empty()) return nullptr;
  double sum = 0, squares = 0;
  for (float v : finite) sum += v;
  const double mean = sum / static_cast<double>(finite.size());
  for (float v : finite) squares += (v - mean) * (v - mean);
  std::nth_element(finite.begin(), finite.begin() + static_cast<std::ptrdiff_t>(finite.size() / 2),
                   finite.end());
  return {{"mean", mean},
          {"deviation", std::sqrt(squares / static_cast<double>(finite.size()))},
          {"median", finite[finite.size() / 2]}};
}

void print_statistics(const char* name, const nlohmann::json& s) {
  std::cout << "  " << name << ": mean " << s["mean"].get<double>() << " ns, deviation "
            << s["deviation"].get<double>() << " ns, median " << s["median"].get<double>()
            << " ns\n";
}

std::size_t chosen_pixel(const Arguments& a, int width, int height,
                         const std::vector<float>& intensity) {
  if (!a.has("pixel"))
    return static_cast<std::size_t>(std::max_element(intensity.begin(), intensity.end()) -
                                    intensity.begin());
  const auto at = a.integers("pixel");
  if (at.size() != 2 || at[0] < 0 || at[0] >= height || at[1] < 0 || at[1] >= width)
    fail_usage("--pixel: found '", a.text("pixel"), "', wanted ROW,COLUMN below ", height, ",",
               width);
  return static_cast<std::size_t>(at[0]) * static_cast<std::size_t>(width) +
         static_cast<std::size_t>(at[1]);
}

}  // namespace taugate::cli
