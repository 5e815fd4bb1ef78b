// Pile-up: photons drawn pulse by pulse, and recorded by a recorder that is blind after each.

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "../io_testing.h"
#include "taugate/core/random.h"
#include "taugate/fli/estimation/fit.h"
#include "taugate/fli/io/pile_up.h"
#include "testing.h"

using namespace taugate;

namespace {

constexpr int kBins = 125;
constexpr double kBin = 0.1, kPeriod = 12.5, kTau = 2.5, kStart = 1.0;
constexpr int kPulses = 400000;

/// Photons a pulse in each bin: a decay from kStart on, folded at the period, and a little background.
std::vector<double> rates(double photons_a_pulse) {
  std::vector<double> rate(kBins);
  for (int k = 0; k < kBins; ++k) {
    const double since = std::fmod(k * kBin - kStart + kPeriod, kPeriod);
    rate[static_cast<std::size_t>(k)] = std::exp(-since / kTau) + 0.002;
  }
  const double sum = std::accumulate(rate.begin(), rate.end(), 0.0);
  for (double& r : rate) r *= photons_a_pulse / sum;
  return rate;
}

/// Every photon of every pulse in the order of time; the recorder is blind for `dead_ns` after one
/// that it records, or, without it, to the end of its cycle of so many laser periods.
Measurement record(const std::vector<double>& rate, std::optional<double> dead_ns,
                   int periods = 1) {
  Measurement m;
  m.path = "trace.npy";
  m.width = m.height = 1;
  m.bins = kBins * periods;
  m.counts.assign(static_cast<std::size_t>(m.bins), 0.0f);
  m.bin_ns = kBin;
  m.period_ns = kPeriod;
  Random random(7, 1);
  double live_from = 0.0;
  for (int pulse = 0; pulse < kPulses; ++pulse)
    for (std::size_t k = 0; k < kBins; ++k)
      for (int photon = static_cast<int>(random.poisson(rate[k])); photon > 0; --photon) {
        // (Photons of one bin and pulse in any order: there is hardly ever a second one.)
        const double at = pulse * kPeriod + (static_cast<double>(k) + random.uniform()) * kBin;
        if (at < live_from) continue;
        m.counts[static_cast<std::size_t>(pulse % periods * kBins) + k] += 1.0f;
        live_from = dead_ns ? at + *dead_ns : (pulse / periods + 1) * periods * kPeriod;
      }
  return m;
}

double sum_of(const Measurement& m) {
  return std::accumulate(m.counts.begin(), m.counts.end(), 0.0);
}

/// The lifetime of the bare tail, of all periods folded.
double lifetime_of(const Measurement& m) {
  std::vector<float> folded(kBins);
  for (std::size_t i = 0; i < m.counts.size(); ++i) folded[i % kBins] += m.counts[i];
  const Acquisition a{kBins, kBin, kBin, kPeriod};
  const std::vector<double> pulse{0.0, 1.0, 0.0};
  FitOptions o;
  o.unknowns = {1, true, true, false, false};
  o.first_gate = 11;
  return Fitter(a, {kStart, 1e-5, pulse, 0.0}, o)(folded).parameters.tau_ns[0];
}

}  // namespace

TEST_CASE("pile-up: one photon a period or cycle at most, and dead times of any length") {
  constexpr double photons = 0.3;  // a pulse
  const std::vector<double> rate = rates(photons);
  struct Case {
    std::optional<double> dead_ns;
    double least_bias;  // of the lifetime, uncorrected: relative
    int periods = 1;    // of the recorder's cycle
  };
  for (const Case& c : {Case{std::nullopt, 0.05},
                        {5.0, 0.02},
                        {12.5, 0.0},
                        {31.0, 0.01},
                        {80.0, 0.0},
                        {std::nullopt, 0.01, 4},
                        {5.0, 0.02, 2},
                        {31.0, 0.01, 4},
                        {80.0, 0.0, 3}}) {
    Measurement m = record(rate, c.dead_ns, c.periods);
    CAPTURE(c.dead_ns.value_or(0.0));
    CAPTURE(c.periods);
    const double lost = 1.0 - sum_of(m) / (photons * kPulses), before = lifetime_of(m);
    CHECK(lost > 0.1);
    CHECK(std::abs(before / kTau - 1.0) >= c.least_bias);
    correct_pile_up(m, {double{kPulses}, c.dead_ns});
    MESSAGE(c.periods, " period(s), dead time ", c.dead_ns.value_or(0.0), " ns: ", 100.0 * lost,
            " % lost; lifetime ", before, " ns, corrected ", lifetime_of(m), " ns of ", kTau);
    // 120,000 photons less those that were lost: at 80 ns, 40,000 are left.
    CHECK(sum_of(m) == doctest::Approx(photons * kPulses).epsilon(0.015));
    CHECK(lifetime_of(m) == doctest::Approx(kTau).epsilon(0.02));
    double chi2 = 0.0;
    for (std::size_t k = 0; k < m.counts.size(); ++k) {
      const double expected = rate[k % kBins] * kPulses / c.periods;
      // A corrected count is at least as noisy as the counts that it is made of.
      chi2 += (m.counts[k] - expected) * (m.counts[k] - expected) / (expected / (1.0 - lost));
    }
    CHECK(chi2 / static_cast<double>(m.counts.size()) < 1.5);
  }
}

TEST_CASE("pile-up: what cannot be corrected is refused") {
  Measurement m = record(rates(0.01), {});
  const Measurement whole = m;
  CHECK(contains(error_of([&] { correct_pile_up(m, {}); }),
                 "does not tell of how many laser pulses"));
  CHECK(contains(error_of([&] { correct_pile_up(m, {100.0, {}}); }), "wanted fewer than the "));
  m = whole;
  m.period_ns = 8.0;
  CHECK(contains(error_of([&] {
                   correct_pile_up(m, {1e6, {}});
                 }),
                 "counts beyond its first laser period"));
  m.period_ns = 4.4;  // 2.8 periods: what hides photons of the next cycle is not all there
  CHECK(contains(error_of([&] {
                   correct_pile_up(m, {1e6, {}});
                 }),
                 "wanted a record of one or of a whole number of periods"));
  m.period_ns.reset();
  CHECK(contains(error_of([&] {
                   correct_pile_up(m, {1e6, {}});
                 }),
                 "does not tell the laser period"));
  m = whole;
  m.pulses = kPulses;
  correct_pile_up(m, {});
  CHECK(sum_of(m) > sum_of(whole));
}
