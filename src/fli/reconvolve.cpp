#include "taugate/fli/reconvolve.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/fli/lifetime.h"

namespace taugate {
namespace {

/// The SFD between its samples and up to the end of the period.
class Interpolated {
 public:
  Interpolated(const Acquisition& acquisition, std::span<const float> sfd)
      : sfd_(sfd), step_(acquisition.gate_step_ns), tau_(sfd_lifetimes(sfd, step_).intensity_ns) {}

  double operator()(double t) const {
    const std::size_t last = sfd_.size() - 1;
    const std::size_t k = std::min(static_cast<std::size_t>(t / step_), last);
    const double s = t / step_ - static_cast<double>(k), from = std::max(sfd_[k], 0.0f);
    if (k == last) return tau_ > 0.0 ? from * std::exp(-s * step_ / tau_) : 0.0;
    const double to = std::max(sfd_[k + 1], 0.0f);
    return from > 0.0 && to > 0.0 ? from * std::pow(to / from, s) : from + s * (to - from);
  }

 private:
  std::span<const float> sfd_;
  double step_;
  double tau_;
};

/// Integral of a periodic function from 0 to any t, from midpoint sums over a fine grid.
class Cumulative {
 public:
  template <class Function>
  Cumulative(const Function& f, double period, std::size_t bins)
      : period_(period), bin_(period / static_cast<double>(bins)), sum_(bins + 1, 0.0) {
    for (std::size_t i = 0; i < bins; ++i)
      sum_[i + 1] = sum_[i] + bin_ * f((static_cast<double>(i) + 0.5) * bin_);
  }
  double operator()(double t) const {
    const double periods = std::floor(t / period_), at = (t - periods * period_) / bin_;
    const std::size_t i = std::min(static_cast<std::size_t>(std::max(at, 0.0)), sum_.size() - 2);
    return periods * sum_.back() + sum_[i] +
           (at - static_cast<double>(i)) * (sum_[i + 1] - sum_[i]);
  }

 private:
  double period_, bin_;
  std::vector<double> sum_;
};

}  // namespace

void reconvolve(const Acquisition& acquisition, const IrfCurve& irf, std::span<const float> sfd,
                std::span<float> gates) {
  const std::size_t count = static_cast<std::size_t>(acquisition.gates);
  require(sfd.size() == count && gates.size() == count, "reconvolution: found an SFD of ",
          sfd.size(), " gates and room for ", gates.size(), ", wanted ", count);
  require(!(irf.tail_ns > 0.0), "reconvolution: found an IRF with an exponential tail of ",
          irf.tail_ns, " ns, wanted one whose samples hold it all");
  const double grid = acquisition.gate_step_ns / 32.0;
  const Cumulative light(Interpolated(acquisition, sfd), acquisition.period_ns,
                         static_cast<std::size_t>(std::ceil(acquisition.period_ns / grid)));
  // The IRF as pulses no further apart than the grid; a gate narrower than that is widened about
  // its centre, so as not to see them one by one.
  const std::size_t parts = static_cast<std::size_t>(std::ceil(irf.bin_ns / grid));
  const double spacing = irf.bin_ns / static_cast<double>(parts);
  const double width = std::max(acquisition.gate_width_ns, spacing);
  const double early = 0.5 * (width - acquisition.gate_width_ns);
  double peak = 0.0;
  for (std::size_t k = 0; k < count; ++k) {
    const double start = static_cast<double>(k) * acquisition.gate_step_ns - early - irf.start_ns;
    double sum = 0.0;
    for (std::size_t i = 0; i < (irf.density.size() - 1) * parts; ++i) {
      const std::size_t j = i / parts;
      const double inside = (static_cast<double>(i % parts) + 0.5) / static_cast<double>(parts);
      const double density = irf.density[j] + inside * (irf.density[j + 1] - irf.density[j]);
      const double open = start - (static_cast<double>(i) + 0.5) * spacing;
      sum += density * (light(open + width) - light(open));
    }
    gates[k] = static_cast<float>(sum);
    peak = std::max(peak, sum);
  }
  for (float& gate : gates) gate = peak > 0.0 ? static_cast<float>(gate / peak) : 0.0f;
}

}  // namespace taugate
