#include "taugate/fli/io/exchanged_axes.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace taugate {
namespace {

/// How far the peaks of lines along an axis of `length`, `step` values apart, lie from each other:
/// the middle half of them, in the brightest `share` of lines, spans this share of a line. Nothing
/// where there are too few counts to tell.
std::optional<double> scatter_of_peaks(const std::vector<float>& counts, std::size_t length,
                                       std::size_t step, double share) {
  constexpr std::size_t most = 4096, fewest = 4;
  constexpr double least_counts = 100.0;
  std::vector<std::pair<double, std::size_t>> found;  // counts, place of the peak
  const std::size_t lines = counts.size() / length, every = std::max<std::size_t>(1, lines / most);
  for (std::size_t i = 0; i < lines; i += every) {
    double sum = 0.0;
    std::size_t peak = 0;
    const float* const first = &counts[i / step * step * length + i % step];
    const auto at = [&](std::size_t k) { return first[k * step]; };
    for (std::size_t k = 0; k < length; ++k) {
      sum += at(k);
      if (at(k) > at(peak)) peak = k;
    }
    if (sum >= least_counts) found.emplace_back(sum, peak);
  }
  if (found.size() < fewest) return std::nullopt;
  std::sort(found.rbegin(), found.rend());
  std::vector<std::size_t> places;
  const auto bright = static_cast<std::size_t>(share * static_cast<double>(found.size()));
  for (std::size_t i = 0; i < std::max(fewest, bright); ++i) places.push_back(found[i].second);
  std::sort(places.begin(), places.end());
  const std::size_t n = places.size();
  return static_cast<double>(places[3 * n / 4] - places[n / 4]) / static_cast<double>(length);
}

}  // namespace

bool lies_on_its_side(const Measurement& m) {
  constexpr std::size_t fewest = 16;
  constexpr double scattered = 0.12, gathered = 0.1;
  const auto bins = static_cast<std::size_t>(m.bins), width = static_cast<std::size_t>(m.width),
             height = static_cast<std::size_t>(m.height);
  // Of few objects the bright pixels, of few traces all of them have their counts in many places.
  for (const double share : {1.0, 0.1}) {
    const auto peaks_gather = [&](std::size_t length, std::size_t step) {
      if (length < fewest) return false;
      const auto scatter = scatter_of_peaks(m.counts, length, step, share);
      return scatter && *scatter < gathered;
    };
    if ((peaks_gather(width, bins) || peaks_gather(height, width * bins)) &&
        scatter_of_peaks(m.counts, bins, 1, share) > scattered)
      return true;
  }
  return false;
}

}  // namespace taugate
