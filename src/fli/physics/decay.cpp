#include "taugate/fli/physics/decay.h"

#include <cmath>

#include "taugate/core/error.h"

namespace taugate {
namespace {

/// Amplitude / (1 - exp(-P/tau)): this pulse and all earlier ones.
double wrapped(double amplitude, double tau_ns, double period_ns) {
  return amplitude / -std::expm1(-period_ns / tau_ns);
}

}  // namespace

double periodic_decay(const Decay& d, double period_ns, double t_ns) {
  return wrapped(d.fraction, d.tau1_ns, period_ns) * std::exp(-t_ns / d.tau1_ns) +
         wrapped(1.0 - d.fraction, d.tau2_ns, period_ns) * std::exp(-t_ns / d.tau2_ns);
}

void write_sfd(const Decay& d, const Acquisition& acquisition, std::span<float> sfd) {
  const std::size_t gates = static_cast<std::size_t>(acquisition.gates);
  require(sfd.size() == gates || sfd.size() == 3 * gates, "SFD: found room for ", sfd.size(),
          " values, wanted ", gates, " or ", 3 * gates);
  double part1 = wrapped(d.fraction, d.tau1_ns, acquisition.period_ns);
  double part2 = wrapped(1.0 - d.fraction, d.tau2_ns, acquisition.period_ns);
  const double peak = part1 + part2;
  part1 /= peak;
  part2 /= peak;
  const double ratio1 = std::exp(-acquisition.gate_step_ns / d.tau1_ns);
  const double ratio2 = std::exp(-acquisition.gate_step_ns / d.tau2_ns);
  const bool components = sfd.size() == 3 * gates;
  for (std::size_t k = 0; k < gates; ++k) {
    if (components) {
      sfd[3 * k] = static_cast<float>(part1 + part2);
      sfd[3 * k + 1] = static_cast<float>(part1);
      sfd[3 * k + 2] = static_cast<float>(part2);
    } else {
      sfd[k] = static_cast<float>(part1 + part2);
    }
    part1 *= ratio1;
    part2 *= ratio2;
  }
}

}  // namespace taugate
