#include "taugate/fli/estimation/lifetime.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "taugate/core/error.h"

namespace taugate {
namespace {

struct Value {
  double f, derivative;
};

/// 1 - q and 1 - q^T of q = exp(-x).
struct Falls {
  double one_step, all_steps;
  Falls(double x, double gates) : one_step(-std::expm1(-x)), all_steps(-std::expm1(-gates * x)) {}
};

/// (1 - q^T) / (1 - q), and its derivative in x. Falls from T at x = 0 to 1.
Value area_of(const Falls& fall, double gates) {
  const double f = fall.all_steps / fall.one_step;
  return {f, (gates * (1.0 - fall.all_steps) - f * (1.0 - fall.one_step)) / fall.one_step};
}

/// Mean gate of q^k, that is q / (1 - q) - T q^T / (1 - q^T), and its derivative in x.
Value mean_gate(const Falls& fall, double x, double gates) {
  if (gates * x < 1e-3)  // the two terms cancel: series of 1/(e^x - 1) - T/(e^(T x) - 1)
    return {0.5 * (gates - 1.0) - x * (gates * gates - 1.0) / 12.0, -(gates * gates - 1.0) / 12.0};
  const double start = (1.0 - fall.one_step) / fall.one_step;
  const double end = gates * (1.0 - fall.all_steps) / fall.all_steps;
  return {start - end, -(1.0 + start) * start + end * (gates + end)};
}

Value area(double x, double gates) { return area_of(Falls(x, gates), gates); }

/// First moment over trapezoid area, and its derivative. Falls to 0 from T (T-1) / (2 T - 1) at x =
/// 0.
Value arrival(double x, double gates) {
  const Falls fall(x, gates);
  const Value a = area_of(fall, gates), m = mean_gate(fall, x, gates);
  const double trapezoid = a.f - 0.5, f = a.f * m.f / trapezoid;
  return {f, (a.derivative * m.f + a.f * m.derivative - f * a.derivative) / trapezoid};
}

/// The x > 0 where the falling function f(x, gates) equals `target`, by Newton's method inside a
/// bracket that shrinks at every step; a step that would leave it is replaced by a bisection.
/// `guess` is where it starts.
template <class Function>
double solve(Function f, double gates, double target, double guess) {
  double low = 0.0, high = 700.0, x = guess;
  for (int iteration = 0; iteration < 200; ++iteration) {
    const Value value = f(x, gates);
    (value.f > target ? low : high) = x;
    double next = x - (value.f - target) / value.derivative;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    const bool settled = std::abs(next - x) <= 1e-9 * x;  // then the next step is below rounding
    x = next;
    if (settled) break;
  }
  return x;
}

/// `flat` and `spike` are the values of f for an SFD that does not decay and for one that is gone
/// after its first gate.
template <class Function>
double lifetime(Function f, double gates, double target, double flat, double spike, double step) {
  if (target >= flat) return std::numeric_limits<double>::infinity();
  if (target <= spike) return 0.0;
  // Both functions are near 1 / (1 - q) where the decay ends within the window.
  return step / solve(f, gates, target, std::log1p(1.0 / target));
}

}  // namespace

Lifetimes mean_lifetimes(const Decay& d) {
  const double first = d.fraction * d.tau1_ns, second = (1.0 - d.fraction) * d.tau2_ns;
  return {first + second, (first * d.tau1_ns + second * d.tau2_ns) / (first + second)};
}

Lifetimes sfd_lifetimes(std::span<const float> sfd, double gate_step_ns, int channels,
                        int channel) {
  require(channels >= 1 && channel >= 0 && channel < channels &&
              sfd.size() % static_cast<std::size_t>(channels) == 0,
          "SFD: found ", sfd.size(), " values, wanted gates x ", channels, " channels, of which ",
          channel, " is to be read");
  double sum = 0.0, moment = 0.0, peak = 0.0, gate = 0.0;
  for (std::size_t i = static_cast<std::size_t>(channel); i < sfd.size();
       i += static_cast<std::size_t>(channels), gate += 1.0) {
    sum += sfd[i];
    moment += gate * sfd[i];
    peak = std::max(peak, static_cast<double>(sfd[i]));
  }
  const double trapezoid =
      sum - 0.5 * (sfd.empty() ? 0.0f : sfd[static_cast<std::size_t>(channel)]);
  if (!(sum > 0.0 && trapezoid > 0.0) || !std::isfinite(sum)) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    return {nan, nan};
  }
  const double flat = gate * (gate - 1.0) / (2.0 * gate - 1.0);
  return {lifetime(area, gate, sum / peak, gate, 1.0, gate_step_ns),
          lifetime(arrival, gate, moment / trapezoid, flat, 0.0, gate_step_ns)};
}

}  // namespace taugate
