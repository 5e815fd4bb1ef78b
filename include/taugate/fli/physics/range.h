#pragma once
// The interval from which the simulator draws a quantity that differs from pixel to pixel.

#include <cmath>

#include "taugate/core/error.h"
#include "taugate/core/random.h"

namespace taugate {

/// low <= value <= high. Equal ends make a constant.
struct Range {
  double low = 0.0;
  double high = 0.0;

  double draw(Random& random) const { return random.uniform(low, high); }
  /// The logarithm is uniform; needs low > 0.
  double draw_log(Random& random) const { return random.log_uniform(low, high); }
  bool operator==(const Range&) const = default;
};

/// Throws UsageError unless lowest <= range.low <= range.high <= highest; NaN never passes.
inline void check_range(const char* name, Range range, double lowest, double highest) {
  if (range.low >= lowest && range.low <= range.high && range.high <= highest) return;
  fail_usage(name, ": found [", range.low, ", ", range.high, "], wanted lower and upper end in [",
             lowest, ", ", highest, "], in this order");
}

/// The same for a single number.
inline void check_within(const char* name, double value, double lowest, double highest) {
  if (value >= lowest && value <= highest) return;
  fail_usage(name, ": found ", value, ", wanted a number in [", lowest, ", ", highest, "]");
}

}  // namespace taugate
