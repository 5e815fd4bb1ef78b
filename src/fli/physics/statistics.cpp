#include "fli/physics/statistics.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iterator>
#include <limits>

#include "taugate/core/error.h"

namespace taugate {

std::vector<float> finite_values(std::span<const float> values) {
  std::vector<float> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite),
               [](float v) { return std::isfinite(v); });
  return finite;
}

std::optional<Statistics> statistics_of(std::span<const float> values) {
  std::vector<float> finite = finite_values(values);
  if (finite.empty()) return std::nullopt;
  Statistics s;
  s.count = finite.size();
  const double n = static_cast<double>(s.count);
  for (float v : finite) s.mean += v / n;
  double squares = 0.0;
  for (float v : finite) squares += (v - s.mean) * (v - s.mean);
  s.deviation = std::sqrt(squares / n);
  const auto middle = finite.begin() + static_cast<std::ptrdiff_t>(s.count / 2);
  std::nth_element(finite.begin(), middle, finite.end());
  s.median = *middle;
  // Of an even number of values, half way between the two in the middle.
  if (s.count % 2 == 0) s.median = 0.5 * (s.median + *std::max_element(finite.begin(), middle));
  s.low = percentile(finite, 0.16);
  s.high = percentile(finite, 0.84);
  return s;
}

double percentile(std::vector<float>& values, double fraction) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto place = static_cast<std::size_t>(fraction * static_cast<double>(values.size() - 1));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(place);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

Range percentile_range(std::vector<float>& values) {
  const double low = percentile(values, 0.02), high = percentile(values, 0.98);
  if (std::isnan(low)) return {0.0, 1.0};
  if (high - low > 1e-3 * std::abs(high)) return {low, high};
  const double margin = 0.1 * std::abs(high) + 1e-3;
  return {low - margin, high + margin};
}

std::string short_number(double value) {
  return std::isnan(value) ? "-" : concat(std::setprecision(4), value);
}

}  // namespace taugate
