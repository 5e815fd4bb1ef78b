#include "taugate/fli/physics/irf.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace taugate {
namespace {

// Sampling of the Gaussian. Linear interpolation convolves the samples with a triangle of variance
// bin^2/6, so they are taken from a Gaussian that is narrower by just that: the interpolated kernel
// then has the right area, mean and variance, and what remains is a fourth cumulant of -bin^4/60.
constexpr int kBinsPerSigma = 3;
constexpr int kSigmas = 5;                             // cut there: 6e-7 of the area is lost
constexpr double kSigmaPerFwhm = 0.42466090014400953;  // 1 / sqrt(8 ln 2)
constexpr double kNarrowed = 1.0 - 1.0 / (6.0 * kBinsPerSigma * kBinsPerSigma);  // variance ratio
constexpr int kHalf = kBinsPerSigma * kSigmas;

/// In units of its own sigma every Gaussian has the same samples.
const std::array<double, 2 * kHalf + 1>& gaussian_samples() {
  static const auto samples = [] {
    std::array<double, 2 * kHalf + 1> table{};
    for (int j = -kHalf; j <= kHalf; ++j) {
      const double x = static_cast<double>(j) / kBinsPerSigma;
      table[static_cast<std::size_t>(j + kHalf)] = std::exp(-x * x / (2.0 * kNarrowed));
    }
    return table;
  }();
  return samples;
}

/// Samples on each side of the centre of a gate blurred by a Gaussian.
std::size_t half_samples(double sigma_ns, double gate_ns) {
  return static_cast<std::size_t>(std::ceil(0.5 * gate_ns * kBinsPerSigma / sigma_ns)) + kHalf;
}

/// Rectangle of width `gate` convolved with a Gaussian of deviation `sigma`, at x from its centre.
double blurred_gate(double x, double gate, double sigma) {
  const double scale = 1.0 / (std::numbers::sqrt2 * sigma);
  const double inside = (0.5 * gate - std::abs(x)) * scale;
  if (inside > 6.0) return 1.0;
  return 0.5 * (std::erf(inside) + std::erf((0.5 * gate + std::abs(x)) * scale));
}

}  // namespace

double rise_time_ns(const IrfCurve& irf) {
  const auto peak = std::max_element(irf.density.begin(), irf.density.end());
  // Before the highest sample, the last time that `share` of it is passed, in samples.
  const auto passed = [&](double share) {
    const double level = share * *peak;
    auto at = peak;
    while (at != irf.density.begin() && *at > level) --at;
    const double j = static_cast<double>(at - irf.density.begin());
    return *at > level || at == peak ? j : j + (level - *at) / (*(at + 1) - *at);
  };
  return irf.bin_ns * (passed(0.9) - passed(0.1));
}

IrfCurve parametric_irf(double delay_ns, double fwhm_ns, double gate_ns, double tail_ns,
                        std::vector<double>& buffer) {
  const double sigma = kSigmaPerFwhm * fwhm_ns;
  const double bin = sigma / kBinsPerSigma;
  std::size_t half = kHalf;
  if (gate_ns > 0.0) {
    half = half_samples(sigma, gate_ns);
    buffer.resize(2 * half + 1);
    const double narrowed = sigma * std::sqrt(kNarrowed);
    for (std::size_t j = 0; j <= half; ++j)
      buffer[half + j] = buffer[half - j] =
          blurred_gate(static_cast<double>(j) * bin, gate_ns, narrowed);
  } else {
    const auto& table = gaussian_samples();
    buffer.assign(table.begin(), table.end());
  }
  return {delay_ns - static_cast<double>(half) * bin, bin, buffer, tail_ns};
}

IrfCurve draw_irf(const IrfPrior& prior, Random& random, std::vector<double>& buffer) {
  const double delay = prior.delay_ns.draw(random);
  const bool has_tail = prior.tail_probability > 0.0 && random.uniform() < prior.tail_probability;
  const double tail = has_tail ? prior.tail_ns.draw(random) : 0.0;
  if (!prior.measured) {
    // One after the other: compilers differ in the order of a call's arguments.
    const double gate = prior.gate_ns.draw(random);
    const double fwhm = prior.fwhm_ns.draw(random);
    return parametric_irf(delay, fwhm, gate, tail, buffer);
  }
  const int index =
      static_cast<int>(random.below(static_cast<std::uint64_t>(prior.measured->size())));
  const double stretch = prior.stretch.draw(random);
  IrfCurve curve = prior.measured->curve(index);
  const double peak = prior.measured->peak_ns(index);
  curve.start_ns = delay + peak + (curve.start_ns - peak) * stretch;
  curve.bin_ns *= stretch;
  curve.tail_ns = tail;
  return curve;
}

std::size_t largest_irf(const IrfPrior& prior) {
  if (prior.measured)
    return static_cast<std::size_t>(prior.measured->longest_ns() / prior.measured->bin_ns() + 1.5);
  return 2 * half_samples(kSigmaPerFwhm * prior.fwhm_ns.low, prior.gate_ns.high) + 1;
}

void validate(const IrfPrior& prior, double period_ns) {
  check_range("IRF delay (ns)", prior.delay_ns, -period_ns, period_ns);
  check_within("probability of an IRF tail", prior.tail_probability, 0.0, 1.0);
  if (prior.tail_probability > 0.0)
    check_range("IRF tail (ns)", prior.tail_ns, 1e-4, 100.0 * period_ns);
  double longest = 0.0;
  if (prior.measured) {
    check_range("IRF stretch", prior.stretch, 0.1, 10.0);
    longest = prior.measured->longest_ns() * prior.stretch.high;
  } else {
    check_range("IRF FWHM (ns)", prior.fwhm_ns, 1e-4, period_ns);
    check_range("IRF gate (ns)", prior.gate_ns, 0.0, period_ns);
    if (prior.gate_ns.high > 1e4 * prior.fwhm_ns.low)
      fail_usage("IRF gate (ns): found ", prior.gate_ns.high, " with edges of ", prior.fwhm_ns.low,
                 " ns, wanted edges of at least 1/10000 of the gate");
    const double sigma = kSigmaPerFwhm * prior.fwhm_ns.high;
    longest =
        2.0 * static_cast<double>(half_samples(sigma, prior.gate_ns.high)) * sigma / kBinsPerSigma;
  }
  if (longest > period_ns)
    fail_usage("IRF: found one of ", longest,
               " ns from end to end, wanted no more than the laser "
               "period of ",
               period_ns, " ns");
}

}  // namespace taugate
