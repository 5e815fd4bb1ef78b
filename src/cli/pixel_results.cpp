#include "pixel_results.h"

#include <algorithm>
#include <iostream>

#include "taugate/fli/statistics.h"

namespace taugate::cli {

nlohmann::json statistics(const std::vector<float>& values) {
  const auto s = statistics_of(values);
  if (!s) return nullptr;
  return {{"mean", s->mean}, {"deviation", s->deviation}, {"median", s->median}};
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
