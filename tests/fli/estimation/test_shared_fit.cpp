// Fits of many traces with common lifetimes, against the truth that made them, against fits of
// every trace alone, and against the joint objective around the answer, which other code computes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/core/parallel.h"
#include "taugate/core/random.h"
#include "taugate/fli/estimation/shared_fit.h"
#include "testing.h"

using namespace taugate;
using taugate::testing::close;

namespace {

const Acquisition kSs2 = acquisition_preset("ss2-70");
constexpr double kTau1 = 0.4, kTau2 = 1.6;
constexpr std::size_t kTraces = 70;  // more than a chunk

/// Traces of two lifetimes whose amplitudes differ, 600 photons each.
std::vector<float> image(const IrfCurve& irf, std::uint64_t seed) {
  std::vector<float> counts;
  DecayModel model(kSs2, irf, {2, false, false, false, false});
  std::vector<double> mu(70), jacobian(140);
  for (std::size_t i = 0; i < kTraces; ++i) {
    Random random(seed, i);
    const double fraction = 0.1 + 0.8 * static_cast<double>(i) / (kTraces - 1);
    model(parameters_of(kSs2, irf, {kTau1, kTau2, fraction}, 600.0, 0.8), mu, jacobian);
    for (const double m : mu) counts.push_back(static_cast<float>(random.poisson(m)));
  }
  return counts;
}

FitOptions options_for(FitMethod method, GateWeights weights) {
  FitOptions o;
  o.method = method;
  o.weights = weights;
  o.unknowns = {2, true, true, false, false};
  o.known.tau_ns = {0.6, 2.0};  // where it starts
  return o;
}

/// The joint objective at given lifetimes and place: every trace's own best amplitudes, by Fitter.
double joint_objective(const IrfCurve& irf, FitOptions o, const std::vector<float>& counts,
                       double tau1, double tau2, double shift = 0.0) {
  o.unknowns.lifetimes = o.unknowns.shift = false;
  o.known.tau_ns = {tau1, tau2};
  o.known.shift_ns = shift;
  Fitter fitter(kSs2, irf, o);
  double sum = 0.0;
  for (std::size_t i = 0; i < counts.size() / 70; ++i)
    sum += fitter(std::span(counts).subspan(70 * i, 70)).objective;
  return sum;
}

}  // namespace

TEST_CASE("shared lifetimes are at the minimum of the joint objective") {
  std::vector<double> buffer;
  const IrfCurve irf = parametric_irf(1.5, 0.3, 0.0, 0.0, buffer);
  const std::vector<float> counts = image(irf, 3);
  for (const auto& kind : {std::pair{FitMethod::likelihood, GateWeights::model},
                           std::pair{FitMethod::least_squares, GateWeights::model},
                           std::pair{FitMethod::least_squares, GateWeights::counts},
                           std::pair{FitMethod::least_squares, GateWeights::equal}})
    for (const bool shift : {false, true}) {
      const GateWeights weights = kind.second;
      CAPTURE(static_cast<int>(weights));
      CAPTURE(shift);
      FitOptions o = options_for(kind.first, weights);
      o.unknowns.shift = shift;
      const SharedFit fit = fit_shared_lifetimes(kSs2, {&irf, 1}, o, counts);
      REQUIRE(fit.status == FitStatus::converged);
      CHECK(fit.traces == kTraces);
      const auto at = [&](double s1, double s2, double moved) {
        return joint_objective(irf, o, counts, fit.tau_ns[0] * s1, fit.tau_ns[1] * s2,
                               fit.shift_ns + moved);
      };
      const double least = at(1.0, 1.0, 0.0);
      // Both ways add up the same minima, each within 1e-6 of a fit of one trace.
      const double unit = weights == GateWeights::equal ? least / (kTraces * 67.0) : 1.0;
      CHECK(close(fit.objective, least, 1e-3 * unit, 1e-6));
      // Whatever is moved by a hundredth makes it worse, by the same on both sides: no slope is
      // left. The third order leaves a few percent of the second.
      const auto check_minimum = [&](double up, double down) {
        CHECK(up > least);
        CHECK(down > least);
        CHECK(std::abs(up - down) < 0.25 * (up + down - 2.0 * least));
      };
      check_minimum(at(1.02, 1.0, 0.0), at(1 / 1.02, 1.0, 0.0));
      check_minimum(at(1.0, 1.02, 0.0), at(1.0, 1 / 1.02, 0.0));
      if (shift) check_minimum(at(1.0, 1.0, 0.003), at(1.0, 1.0, -0.003));
    }
}

TEST_CASE("shared lifetimes scatter as their curvature says, far less than those of one trace") {
  std::vector<double> buffer;
  const IrfCurve irf = parametric_irf(1.5, 0.3, 0.0, 0.0, buffer);
  const FitOptions o = options_for(FitMethod::likelihood, GateWeights::model);
  constexpr int kImages = 24;
  double sum[2]{}, squares[2]{}, promised[2]{}, alone[2]{}, alone_squares[2]{};
  int fits = 0;
  Fitter fitter(kSs2, irf, o);
  for (int i = 0; i < kImages; ++i) {
    const std::vector<float> counts = image(irf, 100 + static_cast<std::uint64_t>(i));
    const SharedFit fit = fit_shared_lifetimes(kSs2, {&irf, 1}, o, counts);
    REQUIRE(fit.status == FitStatus::converged);
    for (std::size_t c = 0; c < 2; ++c) {
      sum[c] += fit.tau_ns[c];
      squares[c] += fit.tau_ns[c] * fit.tau_ns[c];
      promised[c] += fit.deviation_ns[c] / kImages;
    }
    if (i % 8 != 0) continue;
    for (std::size_t t = 0; t < kTraces; ++t) {
      const Fit single = fitter(std::span(counts).subspan(70 * t, 70));
      if (single.status != FitStatus::converged) continue;
      ++fits;
      for (std::size_t c = 0; c < 2; ++c) {
        alone[c] += single.parameters.tau_ns[c];
        alone_squares[c] += single.parameters.tau_ns[c] * single.parameters.tau_ns[c];
      }
    }
  }
  const double truth[2] = {kTau1, kTau2};
  for (std::size_t c = 0; c < 2; ++c) {
    CAPTURE(c);
    const double mean = sum[c] / kImages, deviation = std::sqrt(squares[c] / kImages - mean * mean),
                 single = std::sqrt(alone_squares[c] / fits - std::pow(alone[c] / fits, 2.0));
    CHECK(deviation < single / 5.0);
    // 24 images know a deviation to 15 %, and their mean to a fifth of it.
    CHECK(std::abs(deviation / promised[c] - 1.0) < 0.45);
    CHECK(std::abs(mean - truth[c]) <
          3.0 * promised[c] / std::sqrt(1.0 * kImages) + 0.01 * truth[c]);
  }
}

TEST_CASE("shared lifetimes: threads, an IRF a trace, empty traces, an end, and misuse") {
  std::vector<double> buffer;
  const IrfCurve irf = parametric_irf(1.5, 0.3, 0.0, 0.0, buffer);
  std::vector<float> counts = image(irf, 5);
  FitOptions o = options_for(FitMethod::likelihood, GateWeights::model);
  const int threads = thread_count();
  set_thread_count(1);
  const SharedFit one = fit_shared_lifetimes(kSs2, {&irf, 1}, o, counts);
  set_thread_count(3);
  const SharedFit three = fit_shared_lifetimes(kSs2, {&irf, 1}, o, counts);
  const SharedFit each = fit_shared_lifetimes(kSs2, std::vector<IrfCurve>(kTraces, irf), o, counts);
  set_thread_count(threads);
  CHECK(one.tau_ns == three.tau_ns);
  CHECK(one.objective == three.objective);
  CHECK(close(each.tau_ns[0], one.tau_ns[0], 0.0, 1e-9));
  CHECK(one.tau_ns[0] < one.tau_ns[1]);

  // Traces without counts add nothing, and dim ones are left out on request.
  std::vector<float> more = counts;
  more.insert(more.end(), 70, 0.0f);
  more.insert(more.end(), 70, 1.0f);
  CHECK(fit_shared_lifetimes(kSs2, {&irf, 1}, o, more, 100.0).tau_ns == one.tau_ns);
  const std::vector<float> dark(140, 0.0f);
  CHECK(fit_shared_lifetimes(kSs2, {&irf, 1}, o, dark).status == FitStatus::no_counts);
  int calls = 0;
  const auto stop = [&calls] { return ++calls < 3; };
  CHECK(fit_shared_lifetimes(kSs2, {&irf, 1}, o, counts, 1.0, stop).status ==
        FitStatus::not_converged);

  // One component, started where two would be.
  o.unknowns.components = 1;
  const SharedFit mono = fit_shared_lifetimes(kSs2, {&irf, 1}, o, counts);
  CHECK(mono.status == FitStatus::converged);
  CHECK(mono.tau_ns[0] == mono.tau_ns[1]);
  CHECK(mono.tau_ns[0] > kTau1);
  CHECK(mono.tau_ns[0] < kTau2);

  o.unknowns.stretch = true;
  CHECK_THROWS_AS(fit_shared_lifetimes(kSs2, {&irf, 1}, o, counts), UsageError);
  o.unknowns.stretch = false;
  counts.pop_back();
  CHECK_THROWS_AS(fit_shared_lifetimes(kSs2, {&irf, 1}, o, counts), Error);
}
