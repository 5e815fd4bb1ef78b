#include "taugate/fli/physics/irf_quantiles.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "taugate/core/error.h"

namespace taugate {

// With G the share of the curve's area until t, that of the curve behind its tail is F with F' = (G - F) / tail. Between
// two samples G is taken to be linear, G0 + g s, and F is then G - g tail + (F0 - G0 + g tail) exp(-s / tail).
IrfQuantiles irf_quantiles(const IrfCurve& irf) {
  const auto step_area = [&](std::size_t j) {  // a negative sample is noise
    return 0.5 * irf.bin_ns * (std::max(irf.density[j], 0.0) + std::max(irf.density[j + 1], 0.0));
  };
  double area = 0.0;
  for (std::size_t j = 0; j + 1 < irf.density.size(); ++j) area += step_area(j);
  require(area > 0.0, "IRF: found no area");
  const double decay = irf.tail_ns > 0.0 ? std::exp(-irf.bin_ns / irf.tail_ns) : 0.0;
  IrfQuantiles times{};
  std::size_t next = 0;
  double curve = 0.0, behind = 0.0;  // G and F
  for (std::size_t j = 0; j + 1 < irf.density.size(); ++j) {
    const double rise = step_area(j) / area, lag = rise * irf.tail_ns / irf.bin_ns;
    const double after = curve + rise - lag + (behind - curve + lag) * decay;
    for (; next < times.size() && kIrfShares[next] <= after; ++next)
      times[next] = static_cast<float>(
          irf.start_ns +
          irf.bin_ns * (static_cast<double>(j) + (kIrfShares[next] - behind) / (after - behind)));
    curve += rise;
    behind = after;
  }
  // Behind the curve's end 1 - F falls with the tail.
  for (; next < times.size(); ++next)
    times[next] =
        static_cast<float>(irf.start_ns + irf.length_ns() +
                           irf.tail_ns * std::log((1.0 - behind) / (1.0 - kIrfShares[next])));
  return times;
}

void read_irf(const IrfPrior& prior, Normalisation& normalisation) {
  constexpr int kDrawn = 512;
  double sum = 0.0, squares = 0.0, width = 0.0;
  std::vector<double> buffer;
  for (std::uint64_t i = 0; i < kDrawn; ++i) {
    Random random(1, i);
    const IrfQuantiles q = irf_quantiles(draw_irf(prior, random, buffer));
    sum += q[2];
    squares += double{q[2]} * q[2];
    width += q.back() - q.front();
  }
  const double mean = sum / kDrawn,
               spread = std::sqrt(std::max(0.0, squares / kDrawn - mean * mean));
  normalisation.irf_centre_ns = mean;
  normalisation.irf_unit_ns = std::max(2.0 * spread, width / kDrawn);
}

}  // namespace taugate
