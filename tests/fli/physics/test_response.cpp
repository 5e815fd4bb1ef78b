// The closed-form response against three truths that share nothing with it: erfc formulas for the
// (exponentially modified) Gaussian, an exponential fed by a triangle, and brute-force quadrature.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/fli/physics/response.h"

using namespace taugate;

namespace {

constexpr double kFwhmPerSigma = 2.3548200450309493;

/// Gaussian (mean m, deviation s) convolved with exp(-t/tau), t >= 0.
double gauss_exp(double t, double tau, double m, double s) {
  const double x = (t - m) / s, r = s / tau;
  return 0.5 * std::exp(0.5 * r * r - (t - m) / tau) * std::erfc((r - x) / std::sqrt(2.0));
}

/// The same behind an exponential tail of unit area, by partial fractions.
double gauss_tail_exp(double t, double tau, double tail, double m, double s) {
  if (tail == 0.0) return gauss_exp(t, tau, m, s);
  return tau / (tau - tail) * (gauss_exp(t, tau, m, s) - gauss_exp(t, tail, m, s));
}

/// Sums `single` over the pulse at 0, enough earlier ones, and the next one, whose IRF may begin
/// early.
double periodic(const std::function<double(double)>& single, double t, double period) {
  double sum = 0.0;
  for (int n = -1; n < 60; ++n) sum += single(t + n * period);
  return sum;
}

/// Composite Simpson rule.
double integral(const std::function<double(double)>& f, double a, double b, int intervals) {
  const double h = (b - a) / intervals;
  double sum = f(a) + f(b);
  for (int i = 1; i < intervals; ++i) sum += (i % 2 ? 4.0 : 2.0) * f(a + i * h);
  return sum * h / 3.0;
}

std::vector<double> respond(const Acquisition& a, const IrfCurve& irf, const Decay& d) {
  std::vector<double> gates(static_cast<std::size_t>(a.gates));
  Response{a}(irf, d, gates);
  return gates;
}

double largest_error(const std::vector<double>& found, const std::vector<double>& wanted) {
  const double peak = *std::max_element(wanted.begin(), wanted.end());
  double worst = 0.0;
  for (std::size_t k = 0; k < found.size(); ++k)
    worst = std::max(worst, std::abs(found[k] - wanted[k]) / peak);
  return worst;
}

}  // namespace

TEST_CASE("Gaussian IRFs: gates agree with the erfc formula integrated numerically") {
  struct Case {
    Acquisition acquisition;
    double delay, fwhm, tail;
    Decay decay;
  };
  const Acquisition ss2{70, 0.179, 0.179, 12.53};
  const std::vector<Case> cases = {
      {ss2, 1.0, 0.15, 0.0, {0.2, 0.8, 0.9}},  // the IRF is narrower than a gate
      {ss2, 1.37, 0.6, 0.3, {0.31, 1.5, 0.2}},
      {ss2, 1.0, 0.6, 0.05, {0.2, 1.0, 1.0}},  // mono-exponential
      {ss2, 0.1, 0.3, 0.1, {0.5, 1.5, 0.5}},   // the IRF begins before the trigger
      {ss2, 12.4, 0.3, 0.1, {0.5, 6.0, 0.5}},  // it ends in the next period
      {ss2, -3.0, 0.4, 0.0, {0.5, 6.0, 0.5}},
      {{176, 0.04, 0.04, 12.5}, 0.9, 0.27, 0.0, {0.4, 1.2, 0.3}},
      {{40, 0.3, 4.0, 12.5}, 2.0, 0.2, 0.0, {0.4, 3.0, 0.3}},     // wide gates, some wrap
      {{40, 0.3, 0.07, 12.5}, 2.0, 0.2, 0.15, {0.4, 3.0, 0.3}},   // gaps between gates
      {{100, 0.01, 12.5, 12.5}, 2.0, 0.2, 0.0, {0.4, 3.0, 0.3}},  // a gate as long as the period
      {{128, 0.1938, 0.1938, 24.8}, 1.0, 0.1, 0.03, {0.2, 6.0, 0.5}},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(i);
    const auto& [a, delay, fwhm, tail, d] = cases[i];
    const auto signal = [&, &a = a, &delay = delay, &fwhm = fwhm, &tail = tail, &d = d](double t) {
      const double s = fwhm / kFwhmPerSigma;
      return periodic(
          [&](double u) {
            if (u < delay - 9.0 * s) return 0.0;
            return d.fraction * gauss_tail_exp(u, d.tau1_ns, tail, delay, s) +
                   (1.0 - d.fraction) * gauss_tail_exp(u, d.tau2_ns, tail, delay, s);
          },
          t, a.period_ns);
    };
    std::vector<double> wanted;
    for (int k = 0; k < a.gates; ++k) {
      const double open = k * a.gate_step_ns;
      const int intervals = 2 * static_cast<int>(std::ceil(a.gate_width_ns / fwhm * 20.0));
      wanted.push_back(integral(signal, open, open + a.gate_width_ns, intervals));
    }
    std::vector<double> buffer;
    const auto found = respond(a, parametric_irf(delay, fwhm, 0.0, tail, buffer), d);
    CHECK(largest_error(found, wanted) < 3e-5);  // of the Gaussian sampled at sigma/3
  }
}

TEST_CASE("a tail as long as a lifetime is no singularity") {
  const Acquisition a{70, 0.179, 0.179, 12.53};
  std::vector<double> buffer;
  for (const Decay& d :
       {Decay{0.25, 1.0, 0.5}, Decay::mono(0.25), Decay{0.25, 0.25 * (1 + 2e-5), 0.5}}) {
    const auto at = respond(a, parametric_irf(1.0, 0.3, 0.0, 0.25, buffer), d);
    const auto below = respond(a, parametric_irf(1.0, 0.3, 0.0, 0.2495, buffer), d);
    const auto above = respond(a, parametric_irf(1.0, 0.3, 0.0, 0.2505, buffer), d);
    std::vector<double> between;
    for (std::size_t k = 0; k < at.size(); ++k) between.push_back(0.5 * (below[k] + above[k]));
    CHECK(largest_error(at, between) < 1e-5);
  }
}

TEST_CASE("an IRF that is linear between samples is convolved exactly") {
  // A triangle of base 2d and area d, off the gates' grid, sampled by gates of width 0:
  // (triangle * exp)(t) with second differences of the response to a ramp.
  const Acquisition a{50, 0.2, 0.0, 11.0};
  const double d = 0.37, start = 0.513;
  const std::vector<double> triangle{0.0, 7.0, 0.0};
  const Decay decay{0.15, 4.0, 0.35};
  const auto ramp = [](double t, double tau) {  // of slope 1 from t = 0, through exp(-t/tau)
    return t <= 0.0 ? 0.0 : tau * t - tau * tau * (1.0 - std::exp(-t / tau));
  };
  const auto one = [&](double t, double tau) {
    return (ramp(t, tau) - 2.0 * ramp(t - d, tau) + ramp(t - 2.0 * d, tau)) / (d * d);
  };
  std::vector<double> wanted;
  for (int k = 0; k < a.gates; ++k)
    wanted.push_back(periodic(
        [&](double u) {
          return decay.fraction * one(u - start, decay.tau1_ns) +
                 (1.0 - decay.fraction) * one(u - start, decay.tau2_ns);
        },
        k * a.gate_step_ns, a.period_ns));
  const auto found = respond(a, {start, d, triangle, 0.0}, decay);
  CHECK(largest_error(found, wanted) < 1e-11);
}

TEST_CASE("an irregular IRF agrees with brute-force convolution on a very fine grid") {
  // O(N^2): midpoint sums over the IRF for every point of the signal, then over every gate.
  const Acquisition a{13, 0.55, 1.3, 8.0};
  const std::vector<double> g{0.0, 3.0, 1.0, 6.0, 2.0, 2.5, 0.1, 0.0};
  const double bin = 0.21, start = 7.3;  // runs over the period's end
  const Decay decay{0.4, 2.2, 0.55};
  constexpr int n = 8000;
  const double dt = a.period_ns / n;
  std::vector<double> irf(n, 0.0), f(n), signal(n, 0.0);
  double area = 0.0;
  for (int j = 0; j < static_cast<int>(7 * bin / dt) + 1; ++j) {
    const double u = (j + 0.5) * dt;
    if (u >= 7 * bin) break;
    const int i = static_cast<int>(u / bin);
    const double value = g[i] + (g[i + 1] - g[i]) * (u / bin - i);
    irf[(j + static_cast<int>(std::lround(start / dt))) % n] += value;
    area += value;
  }
  for (int j = 0; j < n; ++j) f[j] = periodic_decay(decay, a.period_ns, j * dt);
  f[0] = 0.5 * (f[0] + periodic_decay(decay, a.period_ns, a.period_ns));  // the step at the pulse
  for (int i = 0; i < n; ++i) {
    if (irf[i] == 0.0) continue;
    for (int j = 0; j < n; ++j) signal[(i + j) % n] += irf[i] / area * f[j];
  }
  std::vector<double> wanted;
  for (int k = 0; k < a.gates; ++k) {
    double sum = 0.0;
    const int first = static_cast<int>(std::lround(k * a.gate_step_ns / dt));
    const int width = static_cast<int>(std::lround(a.gate_width_ns / dt));
    for (int j = first; j < first + width; ++j) sum += signal[j % n] * dt;
    wanted.push_back(sum);
  }
  CHECK(largest_error(respond(a, {start, bin, g, 0.0}, decay), wanted) < 2e-4);
}

TEST_CASE("gates that tile the period collect the whole decay: area A tau1 + (1-A) tau2") {
  const Acquisition a{70, 0.179, 0.179, 12.53};
  std::vector<double> buffer;
  for (const double tail : {0.0, 0.2}) {
    const Decay d{0.7, 3.0, 0.3};
    const auto gates = respond(a, parametric_irf(1.5, 0.4, 2.0, tail, buffer), d);
    CHECK(std::accumulate(gates.begin(), gates.end(), 0.0) ==
          doctest::Approx(0.3 * 0.7 + 0.7 * 3.0).epsilon(1e-12));
  }
}

TEST_CASE("a response that cannot be computed is refused") {
  const Acquisition a{10, 0.5, 0.5, 5.0};
  const std::vector<double> flat(11, 1.0), nothing(5, 0.0), one(1, 1.0);
  std::vector<double> gates(10), few(9);
  Response response(a);
  CHECK_THROWS_AS(response({0.0, 0.6, flat, 0.0}, Decay::mono(1.0), gates), Error);
  CHECK_THROWS_AS(response({0.0, 0.1, nothing, 0.0}, Decay::mono(1.0), gates), Error);
  CHECK_THROWS_AS(response({0.0, 0.1, one, 0.0}, Decay::mono(1.0), gates), Error);
  CHECK_THROWS_AS(response({0.0, 0.1, flat, 0.0}, Decay::mono(1.0), few), Error);
}
