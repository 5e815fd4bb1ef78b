// One clock: times to fit, and the gates that come back, are those of the recorder, whether its
// record is longer than the laser period or shorter.

#include "taugate/fli/inference/image_fit.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "taugate/core/random.h"
#include "taugate/fli/inference/recorded_irf.h"
#include "taugate/fli/physics/response.h"
#include "testing.h"

using namespace taugate;
using taugate::testing::close;

namespace {

constexpr double kBin = 0.02, kPeriod = 25.0, kPulse = 13.0, kFwhm = 0.15;
constexpr int kBinsAPeriod = 1250;

/// `bins` of a recorder that counts from 0 on, over as many laser pulses as come by.
Measurement record(int bins, double tau_ns, double photons_a_period, double background,
                   std::uint64_t seed, double pulse_ns = kPulse) {
  std::vector<double> buffer, mu(kBinsAPeriod);
  Response{{kBinsAPeriod, kBin, kBin, kPeriod}}(parametric_irf(pulse_ns, kFwhm, 0.0, 0.0, buffer),
                                                Decay::mono(tau_ns), mu);
  const double sum = std::accumulate(mu.begin(), mu.end(), 0.0);
  Measurement m;
  m.width = m.height = 1;
  m.bins = bins;
  m.bin_ns = kBin;
  m.period_ns = kPeriod;
  Random random(seed, 0);
  for (int j = 0; j < bins; ++j) {
    const double light = mu[static_cast<std::size_t>(j % kBinsAPeriod)] / sum * photons_a_period;
    m.counts.push_back(static_cast<float>(random.poisson(light + background)));
  }
  return m;
}

struct Found {
  RecordedGates gates;
  Estimate estimate;
  bool contradicted;
};
Found fit(const Measurement& m, const Measurement& irf, double from, double to) {
  ImageFitOptions options;
  options.from_ns = from;
  options.to_ns = to;
  Acquisition a = gates_of(m, m.bins * kBin > kPeriod ? kBinsAPeriod : 0);
  RecordedGates gates = recorded_gates(m, a, options);
  const MeasuredIrfs irfs = irfs_on_gates(irf, gates.acquisition, gates.first_gate_ns);
  const IrfCurve curve = irfs.curve(0);
  const ImageFit result = fit_image(gates, {&curve, 1}, options);
  return {gates, result.pixels[0], result.contradicted_outside()};
}

/// Counts of the record's first two periods at those times, whichever period they lie in.
double counts_at(const Measurement& m, double from, double to) {
  double sum = 0.0;
  for (int j = 0; j < 2 * kBinsAPeriod; ++j) {
    const double time = (j + 0.5) * kBin,
                 later = time - from - kPeriod * std::floor((time - from) / kPeriod);
    if (later < to - from) sum += m.counts[static_cast<std::size_t>(j)];
  }
  return sum;
}

}  // namespace

TEST_CASE("times to fit are the recorder's, of a record that is folded at the period") {
  constexpr double kTau = 0.6, kBackground = 4.0;
  // 2.3 periods: the last part of one would count twice in some gates and is left out.
  const Measurement decay = record(2875, kTau, 2e5, kBackground, 1);
  const Measurement irf = record(2875, 1e-4, 2e5, 0.5, 2);
  struct Case {
    double from, to;          // 0: not given
    double first, shown_end;  // the gates that come back
    bool rise;                // whether the shift can be known
  };
  for (const Case& c :
       {Case{0, 0, 0, 25, true}, Case{5, 0, 0, 25, true}, Case{12, 17, 0, 25, true},
        Case{14, 0, 0, 25, false}, Case{30, 0, 25, 50, true}, Case{30, 49, 25, 50, true},
        Case{20, 44, 20, 45, true}, Case{39, 0, 25, 50, false}, Case{14, 36, 14, 39, false}}) {
    CAPTURE(c.from);
    CAPTURE(c.to);
    const Found found = fit(decay, irf, c.from, c.to);
    CHECK(close(found.gates.first_gate_ns, c.first, 1e-9));
    CHECK(
        close(found.gates.first_gate_ns + found.gates.acquisition.window_ns(), c.shown_end, 1e-9));
    CHECK(found.estimate.status == FitStatus::converged);
    // 400,000 photons; 70,000 from 14 ns on.
    CHECK(close(found.estimate.amplitude_ns, kTau, 0.0, c.rise ? 0.005 : 0.02));
    CHECK((found.estimate.shift_ns != 0.0) == c.rise);
    // Photons are those of the times that were fitted, and no others.
    const double from = std::max(c.from, c.first), to = c.to > 0.0 ? c.to : c.shown_end;
    const double expected = counts_at(decay, from, to) - 2.0 * kBackground * (to - from) / kBin;
    CHECK(close(found.estimate.photons, expected,
                4.0 * std::sqrt(2.0 * kBackground * (to - from) / kBin), 0.001));
  }
  // Times before the pulse, after the decay, in no record, of more than a period.
  CHECK_THROWS_WITH_AS(fit(decay, irf, 0, 12), doctest::Contains("do not tell a lifetime"), Error);
  CHECK_THROWS_WITH_AS(fit(decay, irf, 22, 0), doctest::Contains("do not tell a lifetime"), Error);
  CHECK_THROWS_WITH_AS(fit(decay, irf, 60, 0), doctest::Contains("the record of 57.5 ns"),
                       UsageError);
  CHECK_THROWS_WITH_AS(fit(decay, irf, 10, 36), doctest::Contains("no more than the laser period"),
                       UsageError);
}

TEST_CASE(
    "a fit of the tail is contradicted by what was recorded before it, if that is not its own") {
  const Measurement irf = record(kBinsAPeriod, 1e-3, 1e6, 0.0, 2);
  Measurement m = record(kBinsAPeriod, 0.6, 1e6, 1.0, 1);
  const Measurement impurity = record(kBinsAPeriod, 3.0, 1e5, 0.0, 3);
  for (const auto& [from, to] : {std::pair{13.5, 0.0}, {5.0, 20.0}, {13.5, 18.0}}) {
    const Found found = fit(m, irf, from, to);
    CHECK(close(found.estimate.amplitude_ns, 0.6, 0.0, 0.03));
    CHECK(!found.contradicted);
  }
  for (std::size_t j = 0; j < m.counts.size(); ++j) m.counts[j] += impurity.counts[j];
  const Found tail = fit(m, irf, 18.0, 0.0);
  CHECK(close(tail.estimate.amplitude_ns, 3.0, 0.0, 0.1));
  CHECK(tail.contradicted);
}

TEST_CASE("a record shorter than the laser period has gates where it has data") {
  constexpr double kTau =
      6.0;  // a seventh of the light comes after the record's end, or wraps round
  const Measurement decay = record(700, kTau, 3e5, 1.0, 3, 3.0);
  const Measurement irf = record(700, 1e-4, 1e5, 0.2, 4, 3.0);
  for (const double from : {0.0, 1.0, 5.0}) {
    CAPTURE(from);
    const Found found = fit(decay, irf, from, 0.0);
    CHECK(found.gates.acquisition.gates == 700);
    CHECK(found.gates.acquisition.period_ns == kPeriod);
    CHECK(found.estimate.status == FitStatus::converged);
    // A background of 1 is unknown, too: where the rise is left out it costs most of the certainty.
    CHECK(close(found.estimate.amplitude_ns, kTau, 0.0, from > 3.0 ? 0.1 : 0.03));
  }
  CHECK_THROWS_WITH_AS(fit(decay, irf, 15, 0), doctest::Contains("0 to 14 ns"), UsageError);
  // Gate 0 later than the record's begin: the gates end where it does.
  const RecordedGates later = recorded_gates(decay, gates_of(decay), {}, 2.0);
  CHECK(later.acquisition.gates == 600);
  CHECK(later.counts.front() == decay.counts[100]);
  CHECK(later.counts.back() == decay.counts.back());
  CHECK_THROWS_AS(recorded_gates(decay, gates_of(decay), {}, 14.0), UsageError);
  CHECK_THROWS_AS(recorded_gates(decay, gates_of(decay), {}, -1.0), UsageError);
}

TEST_CASE("a network's gates lie in what a short record holds") {
  Measurement decay = record(700, 3.0, 1e6, 5.0, 5, 3.0);
  const Measurement irf = record(700, 1e-4, 1e5, 0.2, 6, 3.0);
  // A converter leaves the ends of its range empty.
  std::fill_n(decay.counts.begin(), 30, 0.0f);
  std::fill_n(decay.counts.end() - 50, 50, 0.0f);
  const auto times = recorded_times(decay, kPeriod);
  REQUIRE(times.has_value());
  CHECK(close(times->low, 30 * kBin, 4.01 * kBin));  // up to four gates at such an end go with it
  CHECK(close(times->high, 650 * kBin, 4.01 * kBin));
  CHECK_FALSE(recorded_times(record(1250, 3.0, 1e4, 1.0, 7), kPeriod).has_value());
  const auto first = [&](double window) {
    return first_gate_before_rise(irf, {100, window / 100, window / 100, kPeriod}, times);
  };
  // 6 % of the window before the rise, but in the record, and so far back that all gates are.
  CHECK(close(first(6.0), 3.0 - 0.36, 0.5 * kFwhm + kBin));
  CHECK(close(first(11.0), times->high - 11.0, kBin));
  CHECK(close(first(times->high - times->low), times->low, 1e-9));
  // The IRF stays where it is on the recorder's clock.
  const MeasuredIrfs curves = irfs_on_gates(irf, {100, 0.06, 0.06, kPeriod}, 2.5);
  CHECK(close(curves.peak_ns(0), 0.5, 2.0 * kBin));
}

TEST_CASE("pixels with IRFs of their own share a shift that is not the first pixel's") {
  // The array's clock: each pixel's pulse comes later than its neighbour's, and its IRF says so.
  constexpr int kPixels = 21;
  constexpr double kTau = 1.0, kSkew = 0.02, kCommon = 0.05;
  const Acquisition a = acquisition_preset("ss2-70");
  const auto T = static_cast<std::size_t>(a.gates);
  RecordedGates recorded;
  recorded.acquisition = a;
  std::vector<std::vector<double>> samples(kPixels);
  std::vector<IrfCurve> irfs;
  std::vector<double> mu(T);
  Random random(4, 4);
  for (int i = 0; i < kPixels; ++i) {
    std::vector<double> buffer;
    Response{a}(parametric_irf(1.3 + kSkew * i + kCommon, 0.3, 0.0, 0.0, buffer), Decay::mono(kTau),
                mu);
    const double sum = std::accumulate(mu.begin(), mu.end(), 0.0);
    for (const double m : mu)
      recorded.counts.push_back(static_cast<float>(random.poisson(m / sum * 2e4)));
    irfs.push_back(
        parametric_irf(1.3 + kSkew * i, 0.3, 0.0, 0.0, samples[static_cast<std::size_t>(i)]));
  }
  const ImageFit result = fit_image(recorded, irfs, {});
  double mean = 0.0;
  for (const Estimate& e : result.pixels) {
    CHECK(e.status == FitStatus::converged);
    CHECK(close(e.shift_ns, kCommon, 0.003));
    mean += e.tau1_ns / kPixels;
  }
  // 2e4 photons: about 1 % a pixel.
  CHECK(close(mean, kTau, 0.01));
}
