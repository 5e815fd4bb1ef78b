// Measured IRFs on the clock of the gates: a library as one IRF.

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "taugate/core/random.h"
#include "taugate/fli/inference/recorded_irf.h"
#include "taugate/fli/io/rebin.h"
#include "taugate/fli/physics/response.h"
#include "testing.h"

using namespace taugate;
using taugate::testing::close;

namespace {

constexpr int kBins = 176, kPixels = 400;
constexpr double kBin = 0.04, kFwhm = 0.27, kTail = 0.3, kSpread = 0.06, kPhotons = 2e4;

/// Pixels whose gates open `shifts` later, with a tail that one pixel's noise hides.
Measurement library(std::vector<double>& shifts) {
  Measurement m;
  m.width = kPixels;
  m.height = 1;
  m.bins = kBins;
  m.bin_ns = kBin;
  Random random(5, 0);
  std::vector<double> buffer, light(kBins), tail(kBins);
  Response response{Acquisition{kBins, kBin, kBin, 2.0 * kBins * kBin}};
  for (int i = 0; i < kPixels; ++i) {
    shifts.push_back(kSpread * random.normal());
    response(parametric_irf(2.5 + shifts.back(), kFwhm, 0.0, 0.0, buffer), Decay::mono(1e-5),
             light);
    response(parametric_irf(2.5 + shifts.back(), kFwhm, 0.0, kTail, buffer), Decay::mono(1e-5),
             tail);
    const double a = std::accumulate(light.begin(), light.end(), 0.0),
                 b = std::accumulate(tail.begin(), tail.end(), 0.0);
    for (std::size_t k = 0; k < light.size(); ++k)
      m.counts.push_back(static_cast<float>(
          random.poisson(kPhotons * (0.97 * light[k] / a + 0.03 * tail[k] / b) + 5.0)));
  }
  return m;
}

struct Moments {
  double mean = 0.0, deviation = 0.0;
};
Moments moments(const IrfCurve& c) {
  double sum = 0.0, first = 0.0, second = 0.0;
  for (std::size_t j = 0; j < c.density.size(); ++j) {
    const double t = c.start_ns + static_cast<double>(j) * c.bin_ns;
    sum += c.density[j];
    first += c.density[j] * t;
    second += c.density[j] * t * t;
  }
  return {first / sum, std::sqrt(second / sum - first / sum * first / sum)};
}

}  // namespace

TEST_CASE("a library as one IRF is as wide as one of its records, its faint tail included") {
  std::vector<double> shifts;
  const Measurement irf = library(shifts);
  const Acquisition acquisition{kBins, kBin, kBin, 12.5};
  const AlignedIrf aligned = aligned_irf_on_gates(irf, acquisition, 0.0);
  REQUIRE(aligned.shift_ns.size() == kPixels);
  const double centre = std::accumulate(shifts.begin(), shifts.end(), 0.0) / kPixels;
  double squares = 0.0;
  for (std::size_t i = 0; i < shifts.size(); ++i)
    squares += std::pow(aligned.shift_ns[i] - (shifts[i] - centre), 2);
  CHECK(std::sqrt(squares / kPixels) < 0.05 * kBin);
  // The exact moments: a Gaussian, of which 3 % have an exponential tail.
  const double sigma = kFwhm / std::sqrt(8.0 * std::log(2.0));
  const double mean = 0.03 * kTail;
  const double variance = sigma * sigma + 0.03 * 2.0 * kTail * kTail - mean * mean;
  REQUIRE(aligned.sum.size() == 1);
  const Moments found = moments(aligned.sum.curve(0));
  CHECK(close(found.mean, 2.5 + centre + mean, 0.05 * kBin));
  CHECK(close(found.deviation, std::sqrt(variance), 0.0, 0.02));
  // The plain sum is blurred by the spread.
  Measurement sum = irf;
  const auto total = summed_trace(irf);
  sum.counts.assign(total.begin(), total.end());
  sum.width = 1;
  const Moments plain = moments(irfs_on_gates(sum, acquisition, 0.0).curve(0));
  CHECK(close(plain.deviation, std::sqrt(variance + kSpread * kSpread), 0.0, 0.02));
}

TEST_CASE("an IRF whose tail is cut by the end of its record is refused, a whole one is not") {
  constexpr int bins = 400;
  Measurement m;
  m.width = m.height = 1;
  m.bin_ns = kBin;
  std::vector<double> buffer, light(bins);
  Response{Acquisition{bins, kBin, kBin, 2.0 * bins * kBin}}(
      parametric_irf(2.5, kFwhm, 0.0, kTail, buffer), Decay::mono(1e-5), light);
  const double sum = std::accumulate(light.begin(), light.end(), 0.0);
  Random random(6, 0);
  for (const double value : light)
    m.counts.push_back(static_cast<float>(random.poisson(1e5 * value / sum + 5.0)));
  const Acquisition gates{256, kBin, kBin, 25.0};
  // Tails of 0.3 ns: at 5 ns it is at e^-8 of what it was.
  const auto cut_at = [&m](double end) {
    m.bins = static_cast<int>(end / kBin);
    m.counts.resize(static_cast<std::size_t>(m.bins));
  };
  for (const double end : {10.0, 5.0}) {
    cut_at(end);
    CHECK(irfs_on_gates(m, gates, 0.0).size() == 1);
  }
  cut_at(3.1);
  CHECK_THROWS_WITH_AS(irfs_on_gates(m, gates, 0.0), doctest::Contains("where the record ends"),
                       Error);
}
