// The list of estimators: each gives back the lifetime of a noise-free trace, whatever window,
// period, IRF and background; phasors lie where the theory puts them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "fli/physics/valid_gates.h"
#include "taugate/core/error.h"
#include "taugate/core/parallel.h"
#include "taugate/core/random.h"
#include "taugate/fli/estimation/estimator.h"
#include "testing.h"

using namespace taugate;
using taugate::testing::close;

namespace {

std::vector<float> trace(const Acquisition& a, const IrfCurve& irf, const Decay& decay,
                         double photons, double background) {
  const DecayParameters p = parameters_of(a, irf, decay, photons, background);
  const Unknowns two{2, true, true, false, false};
  const std::size_t T = static_cast<std::size_t>(a.gates);
  std::vector<double> mu(T), jacobian(T * static_cast<std::size_t>(two.count()));
  DecayModel(a, irf, two)(p, mu, jacobian);
  return {mu.begin(), mu.end()};
}

}  // namespace

TEST_CASE("every estimator reads noise-free mono-exponential traces") {
  std::vector<double> buffer;
  for (const Acquisition& a : {acquisition_preset("ss2-70"), Acquisition{100, 0.08, 0.08, 12.5},
                               Acquisition{60, 0.15, 0.6, 12.5}, Acquisition{60, 0.15, 0.0, 12.5}})
    for (const double tail : {0.0, 0.1}) {
      const IrfCurve irf = parametric_irf(1.6, 0.3, 0.0, tail, buffer);
      for (const EstimatorKind kind : kEstimatorKinds) {
        EstimatorOptions o;
        o.baseline_gates = 5;
        const auto estimator = make_estimator(kind, a, irf, o);
        for (const double tau : {0.3, 1.0, 2.5}) {
          CAPTURE(std::string(name_of(kind)));
          CAPTURE(tau);
          CAPTURE(a.gate_width_ns);
          const Estimate e = (*estimator)(trace(a, irf, Decay::mono(tau), 1e6, 50.0));
          CHECK(e.status == FitStatus::converged);
          // The moments' tables are interpolated: 1e-4 of a lifetime; twice that near their ends.
          CHECK(close(e.amplitude_ns, tau, 0.0, 3e-4));
          CHECK(close(e.intensity_ns, e.amplitude_ns, 0.0, 1e-3));
        }
      }
    }
}

TEST_CASE("a known shift of the IRF is taken into account by all") {
  std::vector<double> buffer, other;
  const Acquisition a = acquisition_preset("ss2-70");
  const IrfCurve irf = parametric_irf(1.6, 0.3, 0.0, 0.0, buffer);
  const auto counts =
      trace(a, parametric_irf(1.9, 0.3, 0.0, 0.0, other), Decay::mono(1.2), 1e5, 0.0);
  for (const EstimatorKind kind : kEstimatorKinds) {
    EstimatorOptions o;
    o.fit.unknowns.background = false;
    o.fit.known.shift_ns = 0.3;
    CAPTURE(std::string(name_of(kind)));
    CHECK(close((*make_estimator(kind, a, irf, o))(counts).amplitude_ns, 1.2, 0.0, 3e-4));
  }
}

TEST_CASE("moments say what they cannot read") {
  std::vector<double> buffer;
  const Acquisition a = acquisition_preset("ss2-70");
  const IrfCurve irf = parametric_irf(1.6, 0.3, 0.0, 0.0, buffer);
  std::vector<float> none(70, 0.0f), flat(70, 100.0f), short_one(69);
  for (const EstimatorKind kind : {EstimatorKind::cmm, EstimatorKind::rld, EstimatorKind::phasor}) {
    CAPTURE(std::string(name_of(kind)));
    const auto estimator = make_estimator(kind, a, irf, {});
    CHECK((*estimator)(none).status == FitStatus::no_counts);
    CHECK(std::isnan((*estimator)(none).amplitude_ns));
    CHECK((*estimator)(flat).status == FitStatus::at_limit);
    CHECK(estimator->expected().empty());
    CHECK_THROWS_AS((*estimator)(short_one), Error);
  }
  CHECK_THROWS_AS(estimator_kind("best"), UsageError);
}

TEST_CASE("phasors: the semicircle, and the chord of a mixture") {
  std::vector<double> buffer;
  const Acquisition a{250, 0.05, 0.05, 12.5};
  const IrfCurve irf = parametric_irf(1.6, 0.3, 0.0, 0.05, buffer);
  const PhasorTransform transform(a, irf, 0);
  CHECK(transform.frequency() == doctest::Approx(2 * 3.141592653589793 / 12.5));
  const double w = transform.frequency();
  const auto phasor = [&](const Decay& d) {
    const std::vector<float> counts = trace(a, irf, d, 1e6, 0.0);
    return transform(std::span<const float>(counts));
  };
  for (const double tau : {0.2, 1.0, 4.0}) {
    const Phasor p = phasor(Decay::mono(tau));
    CAPTURE(tau);
    // Gates alias the 249th and 251st harmonics: 1e-4.
    CHECK(close(p.g, 1.0 / (1.0 + w * w * tau * tau), 2e-4));
    CHECK(close(p.s, w * tau / (1.0 + w * w * tau * tau), 2e-4));
    CHECK(close(transform.phase_lifetime(p), tau, 1e-3, 1e-3));
    CHECK(close(transform.modulation_lifetime(p), tau, 2e-3, 2e-3));
  }
  const Phasor one = phasor(Decay::mono(0.5)), two = phasor(Decay::mono(3.0));
  const Phasor mix = phasor({0.5, 3.0, 0.6});
  const double light = 0.6 * 0.5 / (0.6 * 0.5 + 0.4 * 3.0);  // share of the photons
  CHECK(close(mix.g, light * one.g + (1 - light) * two.g, 1e-5));
  CHECK(close(mix.s, light * one.s + (1 - light) * two.s, 1e-5));

  // The same instrument, calibrated by a dye.
  const std::vector<float> dye = trace(a, irf, Decay::mono(4.1), 1e5, 7.0);
  const PhasorTransform by_dye(a, std::span<const float>(dye), 4.1, 20);
  EstimatorOptions o;
  o.reference = &by_dye;
  const Estimate e = (*make_estimator(EstimatorKind::phasor, a, irf, o))(
      trace(a, irf, Decay::mono(1.0), 1e5, 7.0));
  CHECK(close(e.amplitude_ns, 1.0, 0.0, 2e-3));
  CHECK_THROWS_AS(PhasorTransform(a, std::span<const float>(dye), -1.0), UsageError);
  CHECK_THROWS_AS(PhasorTransform(a, std::span<const float>(dye).first(249), 1.0), Error);
}

TEST_CASE("all traces at once: the same estimates on any number of threads") {
  std::vector<double> buffer;
  const Acquisition a = acquisition_preset("ss2-70");
  const IrfCurve irf = parametric_irf(1.6, 0.3, 0.0, 0.0, buffer);
  std::vector<float> counts;
  for (int i = 0; i < 200; ++i) {
    Random random(3, static_cast<std::uint64_t>(i));
    for (const float mu : trace(a, irf, {0.4, 1.2, 0.5}, 500.0, 1.0))
      counts.push_back(static_cast<float>(random.poisson(mu)));
  }
  EstimatorOptions o;
  o.fit.unknowns.components = 2;
  const int threads = thread_count();
  set_thread_count(1);
  const auto one = estimate_all(EstimatorKind::mle, a, irf, o, counts);
  set_thread_count(3);
  const auto three = estimate_all(EstimatorKind::mle, a, irf, o, counts);
  set_thread_count(threads);
  REQUIRE(one.size() == 200);
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(one[i].amplitude_ns == three[i].amplitude_ns);
    CHECK(one[i].tau1_ns <= one[i].tau2_ns);
  }
  CHECK_THROWS_AS(
      estimate_all(EstimatorKind::mle, a, irf, o, std::span<const float>(counts).first(71)), Error);
}

TEST_CASE("gates that a recorder never fills are told from empty ones") {
  std::vector<double> counts(1000, 5.0);
  std::fill_n(counts.begin(), 200, 0.0);
  std::fill_n(counts.rbegin(), 50, 0.0);
  counts[400] = 1e5;
  CHECK(valid_gates(counts).first == 200);
  CHECK(valid_gates(counts).end == 950);
  // What is recorded in part beside them goes, too; the same values further inside stay.
  counts[949] = 60.0;
  counts[948] = 16.0;  // 4 deviations
  counts[200] = 0.5;   // 2
  counts[940] = 20.0;
  CHECK(valid_gates(counts).first == 200);
  CHECK(valid_gates(counts).end == 948);
  counts[950] = 3.0;
  CHECK(valid_gates(counts).end == 948);
  // Two zeros beside a level of 5 may be chance; a dark time before a rise is none of its end.
  counts.assign(1000, 5.0);
  counts[0] = counts[1] = 0.0;
  CHECK(valid_gates(counts).first == 0);
  std::vector<double> decay(1000, 0.0);
  for (std::size_t k = 300; k < 1000; ++k) decay[k] = 1e4 * std::exp(-0.05 * (k - 300.0));
  decay[299] = 40.0;
  CHECK(valid_gates(decay).first == 0);
  CHECK(valid_gates(std::vector<double>(5, 0.0)).end == 5);
}
