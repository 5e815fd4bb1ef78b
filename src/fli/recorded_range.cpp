#include "taugate/fli/recorded_range.h"

#include <algorithm>
#include <iterator>
#include <numeric>

namespace taugate {
namespace {

/// Length of the run of zeros at `begin`, if it cannot be chance.
template <class Iterator>
std::size_t dead_gates(Iterator begin, Iterator end) {
  constexpr double kExpected = 20.0;
  constexpr std::ptrdiff_t kNeighbours = 20;
  const Iterator lit = std::find_if(begin, end, [](double c) { return c != 0.0; });
  const std::ptrdiff_t run = lit - begin;
  const std::ptrdiff_t half = std::max(kNeighbours, run / 4) / 2;
  if (run == 0 || end - lit < 2 * half) return 0;
  const double near = std::accumulate(lit, lit + half, 0.0);
  const double far = std::accumulate(lit + half, lit + 2 * half, 0.0);
  const bool even = far < 2.0 * near && near < 2.0 * far;  // not the rise of a decay
  const double level = near / static_cast<double>(half);
  return even && level * static_cast<double>(run) > kExpected ? static_cast<std::size_t>(run) : 0;
}

}  // namespace

GateRange recorded_range(std::span<const double> counts) {
  const std::size_t first = dead_gates(counts.begin(), counts.end());
  return {first, counts.size() - dead_gates(counts.rbegin(), counts.rend())};
}

}  // namespace taugate
