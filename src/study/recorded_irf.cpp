#include "taugate/study/recorded_irf.h"

#include <cmath>

#include "taugate/fli/io/rebin.h"

namespace taugate {
namespace {

constexpr double kWindowBeforeRise = 0.06;  // share of the window

double bin_width(const Measurement& irf) {
  require(irf.bin_ns.has_value(), irf.path.string(), ": does not tell its bin width");
  return *irf.bin_ns;
}

}  // namespace

double first_gate_before_rise(const Measurement& irf, const Acquisition& acquisition) {
  const double bin = bin_width(irf), period = acquisition.period_ns;
  const double rise = rise_ns(summed_trace(irf), bin, period);
  const double start = rise - kWindowBeforeRise * acquisition.window_ns();
  return std::fmod(std::floor((start + period) / bin) * bin, period);
}

MeasuredIrfs irfs_on_gates(const Measurement& irf, const Acquisition& acquisition,
                           double first_gate_ns) {
  const double bin = bin_width(irf), period = acquisition.period_ns;
  const bool as_it_is = first_gate_ns == 0.0 && irf.bins * bin <= period * (1.0 + 1e-9);
  if (as_it_is)
    return MeasuredIrfs(std::vector<double>(irf.counts.begin(), irf.counts.end()), irf.bins, bin);
  const int bins = static_cast<int>(std::floor(period / bin));
  const Acquisition fine{bins, bin, bin, period};
  std::vector<float> turned(static_cast<std::size_t>(bins));
  std::vector<double> counts;
  for (std::size_t i = 0; i < irf.traces(); ++i) {
    rebin(irf.trace(i), bin, fine, first_gate_ns, turned);
    counts.insert(counts.end(), turned.begin(), turned.end());
  }
  return MeasuredIrfs(counts, bins, bin);
}

}  // namespace taugate
