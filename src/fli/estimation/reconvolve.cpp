#include "taugate/fli/estimation/reconvolve.h"

#include <algorithm>
#include <cmath>

#include "taugate/core/error.h"
#include "taugate/fli/estimation/lifetime.h"

namespace taugate {
namespace {

constexpr int kCells = 16;  // in a gate step
constexpr int kPulses = 4;  // of the IRF in a cell

/// What an SFD has emitted from 0 to any time t, periodically, with even light in cells.
class Cumulative {
 public:
  Cumulative(const Acquisition& a, std::span<const float> sfd)
      : cell_(a.gate_step_ns / kCells),
        period_(a.period_ns),
        sum_(1 + static_cast<std::size_t>(std::ceil(period_ / cell_)), 0.0) {
    const std::size_t cells = sum_.size() - 1, last = sfd.size() - 1;
    const double tau = sfd_lifetimes(sfd, a.gate_step_ns).intensity_ns;
    for (std::size_t i = 0, k = 0; i < cells; ++k) {
      const double from = std::max(sfd[std::min(k, last)], 0.0f);
      const double to = k < last ? std::max(sfd[k + 1], 0.0f) : 0.0;
      const bool falls = k < last ? from > 0.0 && to > 0.0 : tau > 0.0;
      const double ratio = !falls      ? 1.0
                           : k >= last ? std::exp(-cell_ / tau)
                                       : std::pow(to / from, 1.0 / kCells);
      const std::size_t end = k < last ? std::min(cells, i + kCells) : cells;
      double value = falls ? from * std::sqrt(ratio) : 0.0;
      for (std::size_t c = 0; i < end; ++i, ++c, value *= ratio) {
        const double middle = (static_cast<double>(c) + 0.5) / kCells;
        const double light = falls || k >= last ? value : from + middle * (to - from);
        sum_[i + 1] = sum_[i] + light;
      }
    }
    // The period ends within the last cell.
    const double inside = period_ / cell_ - static_cast<double>(cells - 1);
    whole_ = sum_[cells - 1] + inside * (sum_[cells] - sum_[cells - 1]);
  }

  double operator()(double t) const {
    const double periods = std::floor(t / period_), at = (t - periods * period_) / cell_;
    const std::size_t i = std::min(static_cast<std::size_t>(std::max(at, 0.0)), sum_.size() - 2);
    return periods * whole_ + sum_[i] + (at - static_cast<double>(i)) * (sum_[i + 1] - sum_[i]);
  }

 private:
  double cell_, period_;
  std::vector<double> sum_;  // at the cells' edges
  double whole_;             // in a period
};

}  // namespace

Reconvolution::Reconvolution(const Acquisition& acquisition, const IrfCurve& irf)
    : acquisition_(acquisition), cell_ns_(acquisition.gate_step_ns / kCells) {
  require(!(irf.tail_ns > 0.0), "reconvolution: found an IRF with an exponential tail of ",
          irf.tail_ns, " ns, wanted one whose samples hold it all");
  // A gate narrower than a cell is widened about its centre, so as not to see single cells.
  const double h = cell_ns_, width = std::max(acquisition.gate_width_ns, h);
  const double early = 0.5 * (width - acquisition.gate_width_ns);
  const double start = irf.start_ns + early, end = start + irf.length_ns();
  const auto first = static_cast<std::ptrdiff_t>(std::floor((start - width) / h));
  last_ = static_cast<std::ptrdiff_t>(std::ceil((end + h) / h));
  kernel_.assign(static_cast<std::size_t>(last_ - first + 1), 0.0);
  // The IRF as pulses closer than the cells.
  const int parts = static_cast<int>(std::ceil(kPulses * irf.bin_ns / h));
  const double spacing = irf.bin_ns / parts;
  for (std::size_t j = 0; j + 1 < irf.density.size(); ++j)
    for (int pulse = 0; pulse < parts; ++pulse) {
      const double part = pulse + 0.5;
      const double density = irf.density[j] + part / parts * (irf.density[j + 1] - irf.density[j]);
      const double s = start + irf.bin_ns * static_cast<double>(j) + part * spacing;
      for (auto m = static_cast<std::ptrdiff_t>(std::ceil((s - width) / h));; ++m) {
        const double opens = static_cast<double>(m) * h - s;
        if (opens >= h) break;
        const double overlap = std::min(opens + width, h) - std::max(opens, 0.0);
        if (overlap > 0.0) kernel_[static_cast<std::size_t>(last_ - m)] += density * overlap;
      }
    }
}

void Reconvolution::operator()(std::span<const float> sfd, std::span<float> gates) const {
  const std::size_t count = static_cast<std::size_t>(acquisition_.gates);
  require(sfd.size() == count && gates.size() == count, "reconvolution: found an SFD of ",
          sfd.size(), " gates and room for ", gates.size(), ", wanted ", count);
  const Cumulative emitted(acquisition_, sfd);
  const double earliest = -static_cast<double>(last_);
  std::vector<double> light(kCells * (count - 1) + kernel_.size());  // from that cell on
  double before = emitted(earliest * cell_ns_);
  for (std::size_t i = 0; i < light.size(); ++i) {
    const double now = emitted((earliest + static_cast<double>(i + 1)) * cell_ns_);
    light[i] = now - before;
    before = now;
  }
  float peak = 0.0f;
  for (std::size_t k = 0; k < count; ++k) {
    const double* from = light.data() + kCells * k;
    double sums[4]{};  // side by side
    for (std::size_t i = 0; i < kernel_.size(); ++i) sums[i % 4] += from[i] * kernel_[i];
    gates[k] = static_cast<float>((sums[0] + sums[1]) + (sums[2] + sums[3]));
    peak = std::max(peak, gates[k]);
  }
  for (float& gate : gates) gate = peak > 0.0f ? gate / peak : 0.0f;
}

void reconvolve(const Acquisition& acquisition, const IrfCurve& irf, std::span<const float> sfd,
                std::span<float> gates) {
  Reconvolution(acquisition, irf)(sfd, gates);
}

}  // namespace taugate
