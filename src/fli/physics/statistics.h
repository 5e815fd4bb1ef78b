#pragma once
// What tables, scales and plots tell of many values at once. NaN and infinities are left out.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "taugate/fli/physics/range.h"

namespace taugate {

struct Statistics {
  std::size_t count = 0;
  double mean = 0.0, deviation = 0.0, median = 0.0;
  double low = 0.0, high = 0.0;  ///< the 16th and the 84th percentile
};
/// Nothing where no value is finite.
std::optional<Statistics> statistics_of(std::span<const float> values);

std::vector<float> finite_values(std::span<const float> values);

/// The value below which the given fraction of `values` lies; NaN when there are none. Their order
/// changes.
double percentile(std::vector<float>& values, double fraction);

/// The ends of a scale that suits the values: their 2nd and 98th percentile, a little apart where
/// these are equal, 0 to 1 where there are no values. Their order changes.
Range percentile_range(std::vector<float>& values);

/// Four significant digits; "-" for NaN.
std::string short_number(double value);

}  // namespace taugate
