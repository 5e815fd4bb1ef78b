// Recordings with IRFs, places and mixtures of their own and common lifetimes: against the truth
// that made them, and against the joint objective around the answer, which other code computes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "taugate/core/error.h"
#include "taugate/core/random.h"
#include "taugate/fli/estimation/shared_recordings.h"
#include "testing.h"

using namespace taugate;

namespace {

const Acquisition kSs2 = acquisition_preset("ss2-70");
constexpr double kTau1 = 0.5, kTau2 = 2.0;
constexpr double kShift[] = {-0.05, 0.08, 0.02, -0.01};
constexpr double kFraction[] = {0.2, 0.8, 0.5, 0.65};
constexpr double kWidth[] = {0.25, 0.35, 0.3, 0.4};

std::vector<SharedRecording> recordings(double photons, std::uint64_t seed) {
  std::vector<SharedRecording> all;
  std::vector<double> mu(70), jacobian(140);
  for (std::size_t i = 0; i < 4; ++i) {
    std::vector<double> buffer;
    const IrfCurve irf = parametric_irf(1.5, kWidth[i], 0.0, 0.0, buffer);
    IrfCurve moved = irf;
    moved.start_ns += kShift[i];
    DecayModel model(kSs2, moved, {2, false, false, false, false});
    SharedRecording r{{}, {irf.density.begin(), irf.density.end()}, irf, 0.0};
    for (int trace = 0; trace < (i == 2 ? 2 : 1); ++trace) {
      Random random(seed, 10 * i + static_cast<std::size_t>(trace));
      model(parameters_of(kSs2, moved, {kTau1, kTau2, kFraction[i]}, photons, 3.0), mu, jacobian);
      for (const double m : mu) r.counts.push_back(static_cast<float>(random.poisson(m)));
    }
    all.push_back(std::move(r));
  }
  return all;
}

FitOptions options_with(bool shift) {
  FitOptions o;
  o.unknowns = {2, true, true, shift, false};
  o.known.tau_ns = {0.8, 1.5};
  return o;
}

/// Every trace's best amplitudes at given lifetimes and its recording's shift.
double joint_objective(const std::vector<SharedRecording>& all, double tau1, double tau2,
                       double shift0 = 0.0) {
  FitOptions o = options_with(false);
  o.unknowns.lifetimes = false;
  o.known.tau_ns = {tau1, tau2};
  double sum = 0.0;
  for (const SharedRecording& r : all) {
    IrfCurve irf = r.irf;
    irf.density = r.density;
    irf.start_ns += r.shift_ns + (&r == &all[0] ? shift0 : 0.0);
    Fitter fitter(kSs2, irf, o);
    for (std::size_t at = 0; at < r.counts.size(); at += 70)
      sum += fitter(std::span(r.counts).subspan(at, 70)).objective;
  }
  return sum;
}

}  // namespace

TEST_CASE("shared recordings: lifetimes and each recording's place are found") {
  auto all = recordings(1e6, 5);
  const SharedFit fit = fit_shared_recordings(kSs2, all, options_with(true));
  CHECK(fit.status == FitStatus::converged);
  CHECK(fit.traces == 5);
  // A few standard deviations of the shared fit, which are those for known shifts.
  CHECK(std::abs(fit.tau_ns[0] - kTau1) < 6.0 * fit.deviation_ns[0]);
  CHECK(std::abs(fit.tau_ns[1] - kTau2) < 6.0 * fit.deviation_ns[1]);
  CHECK(fit.deviation_ns[1] < 0.01);
  for (std::size_t i = 0; i < 4; ++i) CHECK(std::abs(all[i].shift_ns - kShift[i]) < 0.002);
  // No lifetime and no shift near by is better.
  const double best = joint_objective(all, fit.tau_ns[0], fit.tau_ns[1]);
  for (const double step : {-0.002, 0.002}) {
    CHECK(joint_objective(all, fit.tau_ns[0] * (1.0 + step), fit.tau_ns[1]) > best);
    CHECK(joint_objective(all, fit.tau_ns[0], fit.tau_ns[1] * (1.0 + step)) > best);
    CHECK(joint_objective(all, fit.tau_ns[0], fit.tau_ns[1], 0.2 * step) > best);
  }
}

TEST_CASE("shared recordings: known places stay, nothing to fit is refused") {
  auto all = recordings(1e5, 8);
  for (std::size_t i = 0; i < 4; ++i) all[i].shift_ns = kShift[i];
  const SharedFit fit = fit_shared_recordings(kSs2, all, options_with(false));
  for (std::size_t i = 0; i < 4; ++i) CHECK(all[i].shift_ns == kShift[i]);
  CHECK(std::abs(fit.tau_ns[0] - kTau1) < 4.0 * fit.deviation_ns[0]);
  CHECK(std::abs(fit.tau_ns[1] - kTau2) < 4.0 * fit.deviation_ns[1]);
  CHECK_THROWS_AS(fit_shared_recordings(kSs2, {}, options_with(false)), UsageError);
}
