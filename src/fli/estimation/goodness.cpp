#include "taugate/fli/estimation/goodness.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace taugate {
namespace {

constexpr double kMostGroups = 32.0, kLeastExpected = 10.0;

}  // namespace

Goodness goodness_of_fit(std::span<const float> counts, std::span<const double> mu, int unknowns) {
  const double expected = std::accumulate(mu.begin(), mu.end(), 0.0);
  const double a_group = std::max(expected / kMostGroups, kLeastExpected);
  double chi2 = 0.0, found = 0.0, wanted = 0.0, left = expected;
  int groups = 0;
  for (std::size_t k = 0; k < mu.size(); ++k) {
    found += counts[k];
    wanted += mu[k];
    left -= mu[k];
    if (wanted < a_group || (left < a_group && k + 1 < mu.size())) continue;
    chi2 += (found - wanted) * (found - wanted) / wanted;
    found = wanted = 0.0;
    ++groups;
  }
  if (wanted > 0.0) {
    chi2 += (found - wanted) * (found - wanted) / std::max(wanted, 1.0);
    ++groups;
  }
  const double freedom = groups - unknowns;
  if (freedom < 1.0) return {};
  const double cube = 2.0 / (9.0 * freedom);
  return {(std::cbrt(chi2 / freedom) - (1.0 - cube)) / std::sqrt(cube),
          std::sqrt(std::max(chi2 - freedom, 0.0) / std::max(expected, 1.0))};
}

}  // namespace taugate
