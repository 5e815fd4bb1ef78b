#include "taugate/fli/estimation/phasor.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/fli/physics/response.h"

namespace taugate {
namespace {

double frequency_of(const Acquisition& a) {
  const bool whole = a.window_ns() > a.period_ns - a.gate_step_ns;
  return 2.0 * std::numbers::pi / (whole ? a.period_ns : a.window_ns());
}

}  // namespace

PhasorTransform::PhasorTransform(const Acquisition& acquisition, int baseline_gates)
    : acquisition_(acquisition), baseline_gates_(baseline_gates), w_(frequency_of(acquisition)) {
  require(baseline_gates >= 0 && baseline_gates < acquisition.gates, "phasor: found ",
          baseline_gates, " baseline gates, wanted 0 to ", acquisition.gates - 1);
}

PhasorTransform::PhasorTransform(const Acquisition& acquisition, const IrfCurve& irf,
                                 int baseline_gates)
    : PhasorTransform(acquisition, baseline_gates) {
  // Any lifetime would do were there no gates; a moderate one is right where it is read most.
  const double tau = 0.5 / w_;
  std::vector<double> gates(static_cast<std::size_t>(acquisition.gates));
  Response{acquisition}(irf, Decay::mono(tau), gates);
  calibrate(raw(std::span<const double>(gates)), tau);
}

PhasorTransform::PhasorTransform(const Acquisition& acquisition, std::span<const float> reference,
                                 double reference_tau_ns, int baseline_gates)
    : PhasorTransform(acquisition, baseline_gates) {
  if (!(reference_tau_ns >= 0.0))
    fail_usage("lifetime of the phasor's reference: found ", reference_tau_ns,
               " ns, wanted 0 or more");
  const std::complex<double> found = raw(reference);
  require(std::isfinite(found.real()) && std::abs(found) > 0.0,
          "phasor: the reference has no counts above its baseline");
  calibrate(found, reference_tau_ns);
}

void PhasorTransform::calibrate(std::complex<double> found, double tau_ns) {
  calibration_ = 1.0 / (std::complex<double>(1.0, -w_ * tau_ns) * found);
}

template <class S>
std::complex<double> PhasorTransform::raw(std::span<const S> counts) const {
  require(counts.size() == static_cast<std::size_t>(acquisition_.gates), "phasor: found ",
          counts.size(), " gates, wanted ", acquisition_.gates);
  double baseline = 0.0;
  for (int k = 0; k < baseline_gates_; ++k) baseline += counts[static_cast<std::size_t>(k)];
  if (baseline_gates_ > 0) baseline /= baseline_gates_;
  // exp(i w t_k) by rotation: exact to 1e-13 over the longest traces.
  const std::complex<double> turn = std::polar(1.0, w_ * acquisition_.gate_step_ns);
  std::complex<double> at = std::polar(1.0, 0.5 * w_ * acquisition_.gate_width_ns), sum = 0.0;
  double total = 0.0;
  for (const S count : counts) {
    const double n = count - baseline;
    sum += n * at;
    total += n;
    at *= turn;
  }
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  return total > 0.0 ? sum / total : std::complex<double>(nan, nan);
}

template <class S>
Phasor PhasorTransform::operator()(std::span<const S> counts) const {
  const std::complex<double> p = calibration_ * raw(counts);
  return {p.real(), p.imag()};
}
template Phasor PhasorTransform::operator()(std::span<const float>) const;
template Phasor PhasorTransform::operator()(std::span<const double>) const;

double PhasorTransform::modulation_lifetime(Phasor p) const {
  return std::sqrt(1.0 / (p.g * p.g + p.s * p.s) - 1.0) / w_;
}

}  // namespace taugate
