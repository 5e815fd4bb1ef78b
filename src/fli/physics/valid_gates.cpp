#include "fli/physics/valid_gates.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

namespace taugate {
namespace {

constexpr std::ptrdiff_t kBorder = 4;

/// How many gates at `begin`, where a recorder's range starts, are still distorted by that: the first is
/// recorded for a part of its width only, and its neighbours get what was sorted wrongly there.
template <class Iterator>
std::size_t border_gates(Iterator begin, double level) {
  constexpr double kDeviations = 3.0;
  std::size_t distorted = 0;
  for (std::ptrdiff_t i = 0; i < kBorder; ++i)
    if (std::abs(begin[i] - level) > kDeviations * std::sqrt(level))
      distorted = static_cast<std::size_t>(i) + 1;
  return distorted;
}

/// Length of the run of zeros at `begin` with the border behind it, if it cannot be chance.
template <class Iterator>
std::size_t dead_gates(Iterator begin, Iterator end) {
  constexpr double kExpected = 20.0;
  constexpr std::ptrdiff_t kNeighbours = 20;
  const Iterator filled = std::find_if(begin, end, [](double c) { return c != 0.0; });
  const std::ptrdiff_t run = filled - begin;
  const std::ptrdiff_t half = std::max(kNeighbours, run / 4) / 2;
  if (run == 0 || end - filled < kBorder + 2 * half) return 0;
  const Iterator inside = filled + kBorder;
  const double near = std::accumulate(inside, inside + half, 0.0);
  const double far = std::accumulate(inside + half, inside + 2 * half, 0.0);
  const bool even = far < 2.0 * near && near < 2.0 * far;  // not the rise of a decay
  const double level = near / static_cast<double>(half);
  if (!even || level * static_cast<double>(run) <= kExpected) return 0;
  return static_cast<std::size_t>(run) + border_gates(filled, level);
}

}  // namespace

ValidGates valid_gates(std::span<const double> counts) {
  const std::size_t first = dead_gates(counts.begin(), counts.end());
  return {first, counts.size() - dead_gates(counts.rbegin(), counts.rend())};
}

}  // namespace taugate
