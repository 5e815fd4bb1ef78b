#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/fli/physics/decay.h"

using namespace taugate;

namespace {
/// Pulse after pulse, until nothing is left.
double summed_pulses(const Decay& d, double period, double t, int component = 0) {
  double sum = 0.0;
  for (int n = 0; n < 2000; ++n) {
    const double s = t + n * period;
    if (component != 2) sum += d.fraction * std::exp(-s / d.tau1_ns);
    if (component != 1) sum += (1.0 - d.fraction) * std::exp(-s / d.tau2_ns);
  }
  return sum;
}
}  // namespace

TEST_CASE("the periodic decay is the sum over all earlier pulses") {
  for (const Decay& d : {Decay{0.3, 1.2, 0.4}, Decay{2.0, 40.0, 0.7}, Decay::mono(9.0)})
    for (const double t : {0.0, 0.05, 3.0, 12.4}) {
      CAPTURE(d.tau2_ns);
      CAPTURE(t);
      CHECK(std::abs(periodic_decay(d, 12.5, t) / summed_pulses(d, 12.5, t) - 1.0) < 1e-12);
    }
}

TEST_CASE("the SFD samples it with peak 1, and its components add up to it") {
  const Acquisition a{31, 0.4, 0.4, 12.5};
  const Decay d{0.9, 30.0, 0.6};
  std::vector<float> whole(31), parts(93);
  write_sfd(d, a, whole);
  write_sfd(d, a, parts);
  const double peak = summed_pulses(d, a.period_ns, 0.0);
  CHECK(whole[0] == 1.0f);
  for (int k = 0; k < a.gates; ++k) {
    const double t = k * a.gate_step_ns;
    CHECK(std::abs(whole[k] - summed_pulses(d, a.period_ns, t) / peak) < 1e-7);
    CHECK(parts[3 * k] == whole[k]);
    CHECK(std::abs(parts[3 * k + 1] - summed_pulses(d, a.period_ns, t, 1) / peak) < 1e-7);
    CHECK(std::abs(parts[3 * k + 2] - summed_pulses(d, a.period_ns, t, 2) / peak) < 1e-7);
  }
  std::vector<float> wrong(62);
  CHECK_THROWS_AS(write_sfd(d, a, wrong), Error);
}
