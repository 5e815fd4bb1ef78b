// The model, its derivatives, the fits and the bound against finite differences, closed formulas,
// noise-free traces, and the statistics of many noisy ones.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/core/random.h"
#include "taugate/fli/estimation/cramer_rao.h"
#include "taugate/fli/estimation/fit.h"
#include "taugate/fli/estimation/lifetime.h"
#include "taugate/fli/physics/response.h"
#include "testing.h"

using namespace taugate;
using taugate::testing::close;

namespace {

const Acquisition kSs2 = acquisition_preset("ss2-70");

struct Model {
  DecayModel model;
  std::vector<double> mu, jacobian;

  Model(const Acquisition& a, const IrfCurve& irf, const Unknowns& u)
      : model(a, irf, u),
        mu(static_cast<std::size_t>(a.gates)),
        jacobian(mu.size() * static_cast<std::size_t>(u.count())) {}
  const std::vector<double>& operator()(const DecayParameters& p) {
    model(p, mu, jacobian);
    return mu;
  }
};

std::vector<float> to_float(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("the model is the simulator's response, shifted and stretched") {
  std::vector<double> buffer, other;
  const Decay decay{0.4, 1.7, 0.6};
  for (const Acquisition& a :
       {kSs2, Acquisition{60, 0.15, 1.0, 12.5}, Acquisition{60, 0.15, 0.0, 12.5}})
    for (const double tail : {0.0, 0.2}) {
      CAPTURE(a.gate_width_ns);
      CAPTURE(tail);
      const IrfCurve irf = parametric_irf(1.2, 0.3, 0.0, tail, buffer);
      const IrfCurve moved = parametric_irf(1.2 - 0.37, 0.3 * 1.4, 0.0, tail * 1.4, other);
      std::vector<double> wanted(static_cast<std::size_t>(a.gates));
      Response{a}(moved, decay, wanted);
      Model model(a, irf, {2, true, true, true, true});
      const DecayParameters p{{0.6 * 100, 0.4 * 100}, {0.4, 1.7}, 3.0, -0.37, 1.4};
      model(p);
      for (std::size_t k = 0; k < wanted.size(); ++k)
        CHECK(close(model.mu[k], 100.0 * wanted[k] + 3.0, 1e-9, 1e-9));
    }
}

TEST_CASE("its derivatives agree with central differences") {
  std::vector<double> buffer;
  for (const Acquisition& a :
       {kSs2, Acquisition{60, 0.15, 1.0, 12.5}, Acquisition{45, 0.2, 0.0, 9.1}})
    for (const Unknowns& u :
         {Unknowns{2, true, true, true, true}, Unknowns{1, true, false, true, false},
          Unknowns{2, false, true, false, false}, Unknowns{1, true, true, false, false},
          Unknowns{1, true, false, false, true}}) {
      const IrfCurve irf = parametric_irf(0.2, 0.3, 0.5, u.components == 2 ? 0.1 : 0.0, buffer);
      Model model(a, irf, u), low(a, irf, u), high(a, irf, u);
      const DecayParameters p{{150, u.components == 2 ? 80.0 : 0.0}, {0.45, 2.1}, 3.0, 0.11, 1.2};
      model(p);
      std::vector<double> values(static_cast<std::size_t>(u.count()));
      for (std::size_t i = 0; i < values.size(); ++i) {
        gather(p, u, values);
        const double h = 1e-6 * std::max(values[i], 0.1), at = values[i];
        DecayParameters q = p;
        values[i] = at + h;
        scatter(values, u, q);
        high(q);
        values[i] = at - h;
        scatter(values, u, q);
        low(q);
        for (std::size_t k = 0; k < model.mu.size(); ++k) {
          CAPTURE(i);
          CAPTURE(k);
          // A gate of width 0 is kinked where the IRF has a sample; elsewhere h^2 and rounding / h.
          const double error = a.gate_width_ns > 0.0 ? 2e-5 : 2e-3;
          CHECK(close(model.jacobian[i * model.mu.size() + k], (high.mu[k] - low.mu[k]) / (2 * h),
                      error, 1e-6));
        }
      }
    }
}

TEST_CASE("the bound of an ideal instrument is one over the square root of the photons") {
  // A window of 25 lifetimes in 2,000 gates and hardly an IRF: F = 1 for a known background of 0.
  std::vector<double> buffer;
  const Acquisition a{2000, 0.025, 0.025, 50.0};
  const IrfCurve irf = parametric_irf(0.0125, 1e-4, 0.0, 0.0, buffer);
  const DecayParameters p = parameters_of(a, irf, Decay::mono(2.0), 1000.0);
  const LifetimeBound b = cramer_rao_bound(a, irf, p, {1, true, false, false, false});
  CHECK(b.photons == doctest::Approx(1000.0));
  CHECK(b.f_value == doctest::Approx(1.0).epsilon(1e-3));
  CHECK(b.amplitude_ns == doctest::Approx(2.0 / std::sqrt(1000.0)).epsilon(1e-3));
  CHECK(b.intensity_ns == doctest::Approx(b.amplitude_ns));
  CHECK(b.tau_ns[0] == doctest::Approx(b.amplitude_ns));
}

TEST_CASE("the bound of two gates is the formula of rapid lifetime determination") {
  // Two gates of width D and no background: tau = D / ln(n1/n2), so that error propagation, exact
  // for a just determined problem, gives var tau = tau^4 / D^2 (1/n1 + 1/n2).
  std::vector<double> buffer;
  const double width = 1.7, tau = 1.3;
  const Acquisition a{2, width, width, 500.0};
  const IrfCurve irf = parametric_irf(0.0, 1e-5, 0.0, 0.0, buffer);
  const Acquisition late{2, width, width, 500.0};
  IrfCurve early = irf;
  early.start_ns = -0.1;  // before both gates
  const DecayParameters p = parameters_of(late, early, Decay::mono(tau), 500.0);
  const double ratio = std::exp(-width / tau), n1 = 500.0 / (1 + ratio), n2 = 500.0 - n1;
  const LifetimeBound b = cramer_rao_bound(a, early, p, {1, true, false, false, false});
  CHECK(b.amplitude_ns ==
        doctest::Approx(tau * tau / width * std::sqrt(1 / n1 + 1 / n2)).epsilon(1e-6));
  // A third unknown is too many for two gates.
  CHECK(std::isinf(cramer_rao_bound(a, early, p, {1, true, true, false, false}).amplitude_ns));
}

TEST_CASE("every further unknown widens the bound") {
  std::vector<double> buffer;
  const IrfCurve irf = parametric_irf(1.5, 0.3, 0.0, 0.0, buffer);
  const DecayParameters p = parameters_of(kSs2, irf, Decay::mono(1.0), 1000.0, 1.0);
  double before = 0.0;
  for (const Unknowns& u :
       {Unknowns{1, true, false, false, false}, Unknowns{1, true, true, false, false},
        Unknowns{1, true, true, true, false}, Unknowns{1, true, true, true, true}}) {
    const double now = cramer_rao_bound(kSs2, irf, p, u).amplitude_ns;
    CHECK(now > before * 1.0001);
    before = now;
  }
}

TEST_CASE("noise-free traces give back what made them") {
  std::vector<double> buffer;
  for (const FitMethod method : {FitMethod::least_squares, FitMethod::likelihood})
    for (const GateWeights weights : {GateWeights::model, GateWeights::counts, GateWeights::equal})
      for (const double tail : {0.0, 0.15}) {
        const IrfCurve irf = parametric_irf(1.2, 0.3, 0.0, tail, buffer);
        FitOptions o;
        o.method = method;
        o.weights = weights;
        o.unknowns = {1, true, true, true, false};
        CAPTURE(static_cast<int>(weights));
        for (const double tau : {0.25, 0.9, 3.0}) {
          Model model(kSs2, irf, o.unknowns);
          const DecayParameters truth{{3e5, 0}, {tau, 1}, 20.0, 0.13, 1.0};
          Fitter fitter(kSs2, irf, o);
          const Fit fit = fitter(to_float(model(truth)));
          CHECK(fit.status == FitStatus::converged);
          // Counts are rounded to floats: 2^-25 of each.
          CHECK(close(fit.parameters.tau_ns[0], tau, 0.0, 1e-5));
          CHECK(close(fit.parameters.amplitude[0], 3e5, 0.0, 1e-5));
          CHECK(close(fit.parameters.background, 20.0, 1e-2));
          CHECK(close(fit.parameters.shift_ns, 0.13, 1e-5));
          CHECK(fit.chi2_reduced < 1e-4);
        }
        o.unknowns = {2, true, true, false, false};
        Model model(kSs2, irf, o.unknowns);
        const DecayParameters truth{{3e5, 1e5}, {0.4, 2.0}, 20.0, 0.0, 1.0};
        const Fit fit = Fitter(kSs2, irf, o)(to_float(model(truth)));
        CHECK(fit.status == FitStatus::converged);
        CHECK(close(fit.parameters.tau_ns[0], 0.4, 0.0, 1e-3));
        CHECK(close(fit.parameters.tau_ns[1], 2.0, 0.0, 1e-3));
        CHECK(close(fit.parameters.decay().fraction, 0.75, 1e-3));
      }
}

TEST_CASE("maximum likelihood reaches the bound and has no bias") {
  // 1,500 traces: the deviation is known to 1/sqrt(3000) = 1.8 %, the mean to a 39th of it.
  std::vector<double> buffer;
  const IrfCurve irf = parametric_irf(1.5, 0.3, 0.0, 0.0, buffer);
  constexpr int kTraces = 1500;
  for (const double photons : {300.0, 3000.0})
    for (const bool shift : {false, true}) {
      FitOptions o;
      o.unknowns = {1, true, true, shift, false};
      const DecayParameters truth =
          parameters_of(kSs2, irf, Decay::mono(1.0), photons, photons / 700.0);
      const LifetimeBound bound = cramer_rao_bound(kSs2, irf, truth, o.unknowns);
      Model model(kSs2, irf, o.unknowns);
      model(truth);
      Fitter fitter(kSs2, irf, o);
      double sum = 0, squares = 0;
      int failures = 0;
      std::vector<float> counts(70);
      for (int i = 0; i < kTraces; ++i) {
        Random random(7, static_cast<std::uint64_t>(i));
        for (std::size_t k = 0; k < 70; ++k)
          counts[k] = static_cast<float>(random.poisson(model.mu[k]));
        const Fit fit = fitter(counts);
        failures += fit.status != FitStatus::converged;
        sum += fit.parameters.tau_ns[0];
        squares += fit.parameters.tau_ns[0] * fit.parameters.tau_ns[0];
      }
      const double mean = sum / kTraces, deviation = std::sqrt(squares / kTraces - mean * mean);
      CAPTURE(photons);
      CAPTURE(shift);
      CHECK(failures == 0);
      CHECK(std::abs(deviation / bound.amplitude_ns - 1.0) < 0.05);
      // Of second order in 1/N, plus what 1,500 traces leave open.
      CHECK(std::abs(mean - 1.0) <
            4.0 * bound.amplitude_ns / std::sqrt(1.0 * kTraces) + 2.0 / photons);
    }
}

/// Fits of noisy traces of a decay with a share of background, `photons` counts in all.
std::vector<Fit> noisy_fits(const FitOptions& o, const Decay& decay, double photons, double share,
                            int traces) {
  std::vector<double> buffer;
  const IrfCurve irf = parametric_irf(1.5, 0.3, 0.0, 0.0, buffer);
  Model model(kSs2, irf, o.unknowns);
  model(parameters_of(kSs2, irf, decay, photons * (1.0 - share), photons * share / kSs2.gates));
  Fitter fitter(kSs2, irf, o);
  std::vector<Fit> fits;
  std::vector<float> counts(model.mu.size());
  for (int i = 0; i < traces; ++i) {
    Random random(23, static_cast<std::uint64_t>(i));
    for (std::size_t k = 0; k < counts.size(); ++k)
      counts[k] = static_cast<float>(random.poisson(model.mu[k]));
    fits.push_back(fitter(counts));
  }
  return fits;
}

TEST_CASE("a fit's standard deviation is the scatter of such fits, at the background's limit too") {
  constexpr int kTraces = 1500;
  for (const double tau : {0.3, 1.0, 2.5})
    for (const double share : {0.0, 0.05})
      for (const double photons : {300.0, 1e3, 1e4}) {
        double sum = 0.0, squares = 0.0, variance = 0.0;
        for (const Fit& fit : noisy_fits({}, Decay::mono(tau), photons, share, kTraces)) {
          sum += fit.parameters.tau_ns[0];
          squares += fit.parameters.tau_ns[0] * fit.parameters.tau_ns[0];
          variance += fit.deviation.tau_ns[0] * fit.deviation.tau_ns[0];
        }
        const double mean = sum / kTraces;
        const double ratio = std::sqrt((squares / kTraces - mean * mean) / (variance / kTraces));
        CAPTURE(tau);
        CAPTURE(share);
        CAPTURE(photons);
        CHECK(ratio > 0.95);
        CHECK(ratio < 1.1);
      }
}

TEST_CASE("two components at few counts: no flash of light takes the place of a lifetime") {
  FitOptions o;
  o.unknowns.components = 2;
  struct Most {
    double photons, of_all, of_converged;
  };
  for (const Most& most : {Most{300.0, 0.09, 0.06}, {1e3, 0.045, 0.035}, {1e4, 0.01, 0.01}}) {
    double all = 0.0, converged = 0.0;
    int count = 0;
    const std::vector<Fit> fits = noisy_fits(o, {0.4, 1.2, 0.5}, most.photons, 0.0, 500);
    for (const Fit& fit : fits) {
      const double error = mean_lifetimes(fit.parameters.decay()).amplitude_ns / 0.8 - 1.0;
      all += error;
      if (fit.status != FitStatus::converged) continue;
      converged += error;
      ++count;
    }
    CAPTURE(most.photons);
    CHECK(std::abs(all / static_cast<double>(fits.size())) < most.of_all);
    CHECK(std::abs(converged / count) < most.of_converged);
  }
}

TEST_CASE("an IRF of two bins, known from its counts: both methods are right") {
  // tau 3.7 ns in bins of 128 ps, from few photons to many; the IRF lies between two bins.
  const Acquisition a{780, 0.128, 0.128, 100.0};
  std::vector<double> buffer;
  const IrfCurve truth = parametric_irf(7.03, 0.25, 0.0, 0.0, buffer);
  std::vector<double> record(780);
  Response{a}(truth, Decay::mono(1e-4), record);  // a flash
  for (double& c : record) c = std::round(1e9 * c);
  const MeasuredIrfs measured(record, 780, 0.128);
  for (const double photons : {1e3, 1e4, 1e6})
    for (const FitMethod method : {FitMethod::least_squares, FitMethod::likelihood}) {
      CAPTURE(photons);
      FitOptions o;
      o.method = method;
      o.unknowns = {1, true, true, true, false};
      const DecayParameters p = parameters_of(a, truth, Decay::mono(3.7), photons);
      Model model(a, truth, o.unknowns);
      model(p);
      const double bound = cramer_rao_bound(a, truth, p, o.unknowns, 1).amplitude_ns;
      Fitter fitter(a, measured.curve(0), o);
      double sum = 0.0;
      constexpr int kTraces = 50;
      std::vector<float> counts(780);
      for (int i = 0; i < kTraces; ++i) {
        Random random(23, static_cast<std::uint64_t>(i));
        for (std::size_t k = 0; k < counts.size(); ++k)
          counts[k] = static_cast<float>(random.poisson(model.mu[k]));
        const Fit fit = fitter(counts);
        CHECK(fit.status == FitStatus::converged);
        sum += fit.parameters.tau_ns[0];
      }
      // Four deviations of the mean, 0.05 % that the bins leave open, 2 / N of second order.
      CHECK(std::abs(sum / kTraces / 3.7 - 1.0) <
            4.0 * bound / 3.7 / std::sqrt(1.0 * kTraces) + 5e-4 + 2.0 / photons);
    }
}

TEST_CASE("least squares with weights of the model: its equations, and no bias") {
  std::vector<double> buffer;
  const IrfCurve irf = parametric_irf(1.5, 0.3, 0.0, 0.0, buffer);
  FitOptions o;
  o.method = FitMethod::least_squares;
  Model model(kSs2, irf, o.unknowns);
  model(parameters_of(kSs2, irf, Decay::mono(1.0), 300.0, 0.5));
  const std::vector<double> truth = model.mu;
  Fitter fitter(kSs2, irf, o);
  o.weights = GateWeights::counts;
  Fitter by_counts(kSs2, irf, o);
  constexpr int kTraces = 1500;
  double sum = 0.0, sum_by_counts = 0.0;
  std::vector<float> counts(70);
  for (int i = 0; i < kTraces; ++i) {
    Random random(11, static_cast<std::uint64_t>(i));
    for (std::size_t k = 0; k < 70; ++k) counts[k] = static_cast<float>(random.poisson(truth[k]));
    const Fit fit = fitter(counts);
    sum += fit.parameters.tau_ns[0];
    sum_by_counts += by_counts(counts).parameters.tau_ns[0];
    if (!(fit.parameters.background > 0.0)) continue;  // at its bound
    // sum (n - mu) / V dmu = 0, in units of its own deviation.
    model(fit.parameters);
    for (std::size_t p = 0; p < 3; ++p) {
      double slope = 0.0, information = 0.0;
      for (std::size_t k = 0; k < 70; ++k) {
        const double by = model.jacobian[p * 70 + k], v = std::max(model.mu[k], 0.1);
        slope += (counts[k] - model.mu[k]) / v * by;
        information += by * by / v;
      }
      CHECK(std::abs(slope) < 3e-3 * std::sqrt(information));
    }
  }
  // The bound is 0.068 ns here, so a mean of 1,500 is known to 0.0018 ns.
  CHECK(std::abs(sum / kTraces - 1.0) < 0.01);
  CHECK(sum_by_counts / kTraces < 0.97);
}

TEST_CASE("one more unknown never fits worse, also where its estimate is at a bound") {
  std::vector<double> buffer;
  const IrfCurve irf = parametric_irf(1.5, 0.3, 0.0, 0.0, buffer);
  FitOptions with, without;
  without.unknowns.background = false;
  Fitter more(kSs2, irf, with), fewer(kSs2, irf, without);
  Model model(kSs2, irf, with.unknowns);
  model(parameters_of(kSs2, irf, Decay::mono(1.0), 100.0));  // the best background is often 0
  std::vector<float> counts(70);
  for (std::uint64_t i = 0; i < 400; ++i) {
    Random random(5, i);
    for (std::size_t k = 0; k < 70; ++k)
      counts[k] = static_cast<float>(random.poisson(model.mu[k]));
    const Fit a = more(counts), b = fewer(counts);
    CHECK(a.status == FitStatus::converged);
    CHECK(a.objective <= b.objective + 1e-4);
    CHECK(a.parameters.background >= 0.0);
  }
}

TEST_CASE("two lifetimes fitted by one are a poor fit, and one is not") {
  std::vector<double> buffer;
  const IrfCurve irf = parametric_irf(1.5, 0.3, 0.0, 0.0, buffer);
  Fitter fitter(kSs2, irf, {});
  Model model(kSs2, irf, {2, true, true, false, false});
  for (const bool two : {false, true})
    for (const double photons : {1e4, 1e6}) {
      model(parameters_of(kSs2, irf, two ? Decay{0.3, 2.5, 0.7} : Decay::mono(1.0), photons, 1.0));
      std::vector<float> counts(70);
      Random random(31, 1);
      for (std::size_t k = 0; k < 70; ++k)
        counts[k] = static_cast<float>(random.poisson(model.mu[k]));
      CHECK(fitter(counts).status == (two ? FitStatus::poor_fit : FitStatus::converged));
    }
}

TEST_CASE("traces without counts, with odd values, and misuse") {
  std::vector<double> buffer;
  const IrfCurve irf = parametric_irf(1.5, 0.3, 0.0, 0.0, buffer);
  Fitter fitter(kSs2, irf, {});
  std::vector<float> counts(70, 0.0f);
  Fit fit = fitter(counts);
  CHECK(fit.status == FitStatus::no_counts);
  CHECK(std::isnan(fit.parameters.tau_ns[0]));
  counts[60] = 5.0f;  // where only a background or a very long lifetime can be
  fit = fitter(counts);
  CHECK(std::isfinite(fit.parameters.tau_ns[0]));
  std::fill(counts.begin(), counts.end(), 1e9f);  // flat: all background
  fit = fitter(counts);
  CHECK(std::isfinite(fit.objective));
  counts.resize(69);
  CHECK_THROWS_AS(fitter(counts), Error);
  FitOptions o;
  o.first_gate = 68;
  CHECK_THROWS_AS(Fitter(kSs2, irf, o), UsageError);
  o.first_gate = 3;
  o.end_gate = 71;
  CHECK_THROWS_AS(Fitter(kSs2, irf, o), UsageError);
}
