#include "taugate/fli/physics/response.h"

#include <cmath>

#include "taugate/core/error.h"

namespace taugate {

Response::Response(const Acquisition& acquisition, std::size_t largest_irf)
    : period_ns_(acquisition.period_ns), convolution_(acquisition, largest_irf) {}

void check_irf(const IrfCurve& irf, double period_ns) {
  require(
      irf.density.size() >= 2 && irf.bin_ns > 0.0 && irf.length_ns() <= period_ns * (1.0 + 1e-12),
      "IRF: found ", irf.density.size(), " samples of ", irf.bin_ns,
      " ns, wanted at least two that span no more than the laser period of ", period_ns, " ns");
}

void Response::operator()(const IrfCurve& irf, const Decay& decay, std::span<double> gates) {
  require(gates.size() == convolution_.gates(), "response: found room for ", gates.size(),
          " gates, wanted ", convolution_.gates());
  check_irf(irf, period_ns_);
  const IrfOf<double> kernel{irf.start_ns, irf.bin_ns, irf.density};
  const double a1 = decay.fraction, a2 = 1.0 - decay.fraction;
  const double tau1 = decay.tau1_ns, tau2 = decay.tau2_ns;
  const bool mono = a2 == 0.0 || tau1 == tau2;
  double tail = irf.tail_ns;
  if (!(tail > 0.0)) {
    if (mono) return convolution_.operator()<1>(kernel, {{1.0}, {tau1}}, gates);
    return convolution_.operator()<2>(kernel, {{a1, a2}, {tau1, tau2}}, gates);
  }
  const auto coincides = [&](double tau) { return std::abs(tau - tail) < 1e-6 * tail; };
  while (coincides(tau1) || coincides(tau2)) tail *= 1.0 + 1e-6;
  const double w1 = a1 * tau1 / (tau1 - tail), w2 = a2 * tau2 / (tau2 - tail);
  if (mono) {
    const double w = tau1 / (tau1 - tail);
    return convolution_.operator()<2>(kernel, {{w, -w}, {tau1, tail}}, gates);
  }
  convolution_.operator()<3>(kernel, {{w1, w2, -w1 - w2}, {tau1, tau2, tail}}, gates);
}

}  // namespace taugate
