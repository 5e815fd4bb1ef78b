#include "taugate/fli/estimation/irf_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "taugate/core/error.h"
#include "taugate/fli/estimation/fit.h"

namespace taugate {
namespace {

constexpr double kShortestTail = 1e-4;  // ns, as an IrfPrior takes it: less is none

/// A curve's samples between stretches of zeros, on a clock that begins with the first of them.
struct Samples {
  std::vector<float> values;
  Acquisition acquisition;  // gates of no width: samples
  double start_ns = 0.0;    // of the curve's clock
  double width_ns = 0.0;    // at half of the peak
  double middle_ns = 0.0;   // of that width
  double peak = 0.0;

  explicit Samples(const IrfCurve& curve) {
    const std::size_t n = curve.density.size(), margin = n / 2 + 4;
    values.assign(n + 2 * margin, 0.0f);
    for (std::size_t j = 0; j < n; ++j) {
      values[margin + j] = static_cast<float>(curve.density[j]);
      peak = std::max(peak, curve.density[j]);
    }
    require(peak > 0.0, "IRF: found no peak to fit");
    const auto is_high = [&](float v) { return v >= 0.5 * peak; };
    const auto first = std::find_if(values.begin(), values.end(), is_high);
    const auto last = std::find_if(values.rbegin(), values.rend(), is_high);
    const double low = static_cast<double>(first - values.begin());
    const double high = static_cast<double>(values.rend() - last - 1);
    start_ns = curve.start_ns - curve.bin_ns * static_cast<double>(margin);
    width_ns = curve.bin_ns * std::max(high - low, 1.0);
    middle_ns = 0.5 * curve.bin_ns * (low + high);
    const int samples = static_cast<int>(values.size());
    // Nothing comes round the period.
    acquisition = {samples, curve.bin_ns, 0.0, 100.0 * samples * curve.bin_ns};
  }
};

/// The best fit of a kernel whose edges are `edge` times as wide as its gate; edge 0: a Gaussian.
IrfFit fit_kernel(const Samples& s, double edge, bool tail) {
  std::vector<double> buffer;
  const double gate = edge > 0.0 ? s.width_ns : 0.0;
  const double fwhm = edge > 0.0 ? edge * gate : s.width_ns;
  const IrfCurve kernel = parametric_irf(s.middle_ns, fwhm, gate, 0.0, buffer);
  FitOptions o;
  o.method = FitMethod::least_squares;
  o.weights = GateWeights::equal;
  o.unknowns = {1, tail, false, true, true};
  o.most_shift_ns = s.width_ns;
  // A tail is a decay of the flash that the kernel alone would be; without one it is over at once.
  const double bin = s.acquisition.gate_step_ns;
  o.tau_ns = {0.02 * bin, 10.0 * s.width_ns};
  o.known.tau_ns = {0.02 * bin, 0.02 * bin};
  Fitter fitter(s.acquisition, kernel, o);
  const Fit fit = fitter(s.values);
  IrfFit result;
  result.delay_ns = s.start_ns + s.middle_ns + fit.parameters.shift_ns;
  result.fwhm_ns = fwhm * fit.parameters.stretch;
  result.gate_ns = gate * fit.parameters.stretch;
  result.tail_ns = tail ? fit.parameters.tau_ns[0] : 0.0;
  result.residual = std::sqrt(fit.objective / static_cast<double>(s.values.size())) / s.peak;
  return result;
}

/// Least and largest but for the outer 2 % on each side.
Range mean_stddev(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t cut = values.size() / 50;
  return {values[cut], values[values.size() - 1 - cut]};
}

}  // namespace

IrfFit fit_irf(const IrfCurve& curve, IrfShape shape) {
  require(curve.density.size() >= 4, "IRF: found ", curve.density.size(),
          " samples, wanted at least 4 to fit a shape to");
  const Samples samples(curve);
  if (shape == IrfShape::ex_gaussian) {
    const IrfFit with = fit_kernel(samples, 0.0, true), without = fit_kernel(samples, 0.0, false);
    return with.residual < without.residual ? with : without;
  }
  // Golden section over the logarithm of the edges' relative width.
  constexpr double kGolden = 0.6180339887498949;
  double low = std::log(0.02), high = std::log(3.0);
  const auto at = [&](double log_edge) { return fit_kernel(samples, std::exp(log_edge), false); };
  double a = high - kGolden * (high - low), b = low + kGolden * (high - low);
  IrfFit fa = at(a), fb = at(b);
  for (int i = 0; i < 25; ++i) {
    if (fa.residual < fb.residual) {
      high = b;
      b = a;
      fb = fa;
      a = high - kGolden * (high - low);
      fa = at(a);
    } else {
      low = a;
      a = b;
      fa = fb;
      b = low + kGolden * (high - low);
      fb = at(b);
    }
  }
  return fa.residual < fb.residual ? fa : fb;
}

IrfPrior prior_of(std::span<const IrfFit> fits, double delay_margin_ns) {
  require(!fits.empty(), "IRF prior: found no fit");
  const auto range_of = [&](double IrfFit::*member) {
    std::vector<double> values;
    for (const IrfFit& fit : fits) values.push_back(fit.*member);
    return mean_stddev(std::move(values));
  };
  IrfPrior prior;
  prior.delay_ns = range_of(&IrfFit::delay_ns);
  prior.delay_ns.low -= delay_margin_ns;
  prior.delay_ns.high += delay_margin_ns;
  prior.fwhm_ns = range_of(&IrfFit::fwhm_ns);
  prior.gate_ns = range_of(&IrfFit::gate_ns);
  const Range tail = range_of(&IrfFit::tail_ns);
  const bool has_tail = tail.high > kShortestTail;
  prior.tail_probability = has_tail ? 1.0 : 0.0;
  if (has_tail) prior.tail_ns = {std::max({tail.low, 1e-3 * tail.high, kShortestTail}), tail.high};
  return prior;
}

}  // namespace taugate
