#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/fli/physics/irf.h"

using namespace taugate;

namespace {

constexpr double kFwhmPerSigma = 2.3548200450309493;

struct Moments {
  double mean, deviation;
};

/// Exact moments of a curve that is linear between its samples.
Moments moments(const IrfCurve& c) {
  const double d = c.bin_ns;
  double area = 0.0, first = 0.0, second = 0.0;
  for (std::size_t j = 0; j < c.density.size(); ++j) {
    const double t = c.start_ns + static_cast<double>(j) * d;
    area += c.density[j];
    first += c.density[j] * t;
    second += c.density[j] * (t * t + d * d / 6.0);  // a triangle round every sample
  }
  const double mean = first / area;
  return {mean, std::sqrt(second / area - mean * mean)};
}

/// Counts of a Gaussian in each bin, exactly, on a background.
std::vector<double> gaussian_counts(int bins, double bin, double mean, double sigma, double total,
                                    double background) {
  std::vector<double> counts;
  const auto below = [&](double t) {
    return 0.5 * std::erfc((mean - t) / (sigma * std::sqrt(2.0)));
  };
  for (int j = 0; j < bins; ++j)
    counts.push_back(background + total * (below((j + 1) * bin) - below(j * bin)));
  return counts;
}

}  // namespace

TEST_CASE("a parametric IRF has the centre and the width that were asked for") {
  std::vector<double> buffer;
  for (const double fwhm : {0.05, 0.3}) {
    const Moments gaussian = moments(parametric_irf(1.3, fwhm, 0.0, 0.0, buffer));
    CHECK(std::abs(gaussian.mean - 1.3) < 1e-12);
    CHECK(std::abs(gaussian.deviation * kFwhmPerSigma / fwhm - 1.0) < 2e-5);
    for (const double gate : {0.02, 1.0, 5.0}) {
      const Moments gated = moments(parametric_irf(-0.4, fwhm, gate, 0.0, buffer));
      const double sigma = fwhm / kFwhmPerSigma;
      CHECK(std::abs(gated.mean + 0.4) < 1e-12);
      CHECK(std::abs(gated.deviation / std::sqrt(sigma * sigma + gate * gate / 12.0) - 1.0) < 2e-5);
    }
  }
}

TEST_CASE("the rise time of an IRF is that of its edge") {
  std::vector<double> buffer;
  // exp(-t^2 / 2 sigma^2) at 0.1 and 0.9; samples are linear between thirds of sigma.
  const double sigma = 0.3 / 2.3548, gaussian = sigma * (2.1460 - 0.4590);
  CHECK(rise_time_ns(parametric_irf(1.5, 0.3, 0.0, 0.0, buffer)) ==
        doctest::Approx(gaussian).epsilon(0.03));
  // A gate's edge is a normal distribution function, from -1.2816 to 1.2816 sigma.
  CHECK(rise_time_ns(parametric_irf(1.5, 0.3, 4.0, 0.0, buffer)) ==
        doctest::Approx(sigma * 2.0 * 1.2816).epsilon(0.03));
  const std::vector<double> triangle{0.0, 1.0, 0.0};
  CHECK(rise_time_ns({0.0, 0.5, triangle, 0.0}) == doctest::Approx(0.8 * 0.5));
  const std::vector<double> steep{1.0, 0.5};
  CHECK(rise_time_ns({0.0, 0.5, steep, 0.0}) == 0.0);
}

TEST_CASE("a measured IRF: background subtracted, cut to the signal, moments kept") {
  const double bin = 0.02, mean = 2.345, background = 40.0;
  for (const double sigma : {0.03, 0.12}) {  // 1.5 and 6 bins
    CAPTURE(sigma);
    const auto counts = gaussian_counts(600, bin, mean, sigma, 1e6, background);
    for (const int background_bins : {0, 50}) {
      const MeasuredIrfs irfs(counts, 600, bin, background_bins);
      CHECK(irfs.size() == 1);
      const Moments found = moments(irfs.curve(0));
      CHECK(std::abs(found.mean - mean) < 1e-4);
      CHECK(std::abs(found.deviation / sigma - 1.0) < 0.01);  // its far wings are cut
      CHECK(irfs.longest_ns() < 12.0 * sigma + 4.0 * bin);
      CHECK(irfs.longest_ns() > 5.0 * sigma);
      CHECK(std::abs(irfs.peak_ns(0) - mean) <= bin);
    }
  }
}

TEST_CASE("a narrow measured IRF keeps the counts of its bins and is nowhere negative") {
  const double bin = 0.128;
  for (const double sigma : {0.5, 0.8, 3.0}) {  // bins
    CAPTURE(sigma);
    const auto counts = gaussian_counts(120, bin, 7.31, sigma * bin, 1e6, 0.0);
    const MeasuredIrfs irfs(counts, 120, bin);
    const IrfCurve c = irfs.curve(0);
    CHECK(std::all_of(c.density.begin(), c.density.end(), [](double d) { return d >= 0.0; }));
    CHECK(std::abs(moments(c).mean - 7.31) < 2e-3 * bin);
    // The samples lie on the edges of the bins and evenly between them.
    const auto pieces = static_cast<std::size_t>(std::lround(bin / c.bin_ns));
    const auto first = static_cast<std::size_t>(std::lround(c.start_ns / bin));
    CHECK(std::abs(c.start_ns - static_cast<double>(first) * bin) < 1e-9);
    const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
    const double area = std::accumulate(c.density.begin(), c.density.end(), 0.0);
    for (std::size_t j = 0; (j + 1) * pieces < c.density.size(); ++j) {
      double sum = 0.0;  // trapezoidal
      for (std::size_t i = 0; i <= pieces; ++i)
        sum += (i == 0 || i == pieces ? 0.5 : 1.0) * c.density[j * pieces + i];
      // Samples are whole millionths, and a thousandth of the light may lie beyond the cut.
      CHECK(std::abs(sum / area - counts[first + j] / total) < 1e-3);
    }
  }
}

TEST_CASE("curves of a library keep their own place, and JSON keeps them bit for bit") {
  std::vector<double> counts = gaussian_counts(200, 0.04, 1.0, 0.1, 5e4, 125.0);
  const auto later = gaussian_counts(200, 0.04, 3.0, 0.2, 5e4, 125.0);
  counts.insert(counts.end(), later.begin(), later.end());
  const MeasuredIrfs irfs(counts, 200, 0.04);
  REQUIRE(irfs.size() == 2);
  CHECK(std::abs(moments(irfs.curve(0)).mean - 1.0) < 1e-3);
  CHECK(std::abs(moments(irfs.curve(1)).mean - 3.0) < 1e-3);
  const MeasuredIrfs again = MeasuredIrfs::from_json(irfs.to_json());
  REQUIRE(again.size() == 2);
  for (int i = 0; i < 2; ++i) {
    const IrfCurve a = irfs.curve(i), b = again.curve(i);
    CHECK(a.start_ns == b.start_ns);
    CHECK(a.bin_ns == b.bin_ns);
    CHECK(std::equal(a.density.begin(), a.density.end(), b.density.begin(), b.density.end()));
    CHECK(irfs.peak_ns(i) == again.peak_ns(i));
  }
}

TEST_CASE("drawn IRFs: delay shifts, stretch widens, both curves of a library turn up") {
  std::vector<double> counts = gaussian_counts(500, 0.01, 2.0, 0.05, 1e6, 0.0);
  const auto wide = gaussian_counts(500, 0.01, 2.0, 0.10, 1e6, 0.0);
  counts.insert(counts.end(), wide.begin(), wide.end());
  IrfPrior prior;
  prior.measured = std::make_shared<MeasuredIrfs>(counts, 500, 0.01);
  prior.delay_ns = {-0.3, 0.3};
  prior.stretch = {2.0, 2.0};
  prior.tail_probability = 0.25;
  std::vector<double> buffer;
  Random random(5, 6);
  int narrow = 0, tails = 0;
  double lowest = 9.0, highest = 0.0;
  constexpr int draws = 2000;
  for (int i = 0; i < draws; ++i) {
    const IrfCurve curve = draw_irf(prior, random, buffer);
    const Moments found = moments(curve);
    lowest = std::min(lowest, found.mean);
    highest = std::max(highest, found.mean);
    const bool is_narrow = found.deviation < 0.15;
    narrow += is_narrow;
    tails += curve.tail_ns > 0.0;
    CHECK(std::abs(found.deviation - (is_narrow ? 0.10 : 0.20)) < 0.003);
  }
  CHECK(std::abs(narrow - draws / 2) < 5 * std::sqrt(draws / 4));
  CHECK(std::abs(tails - draws / 4) < 5 * std::sqrt(draws * 3 / 16));
  CHECK(lowest > 1.69);
  CHECK(lowest < 1.72);
  CHECK(highest < 2.31);
  CHECK(highest > 2.28);
}

TEST_CASE("the largest IRF of a prior is no smaller than any drawn one") {
  IrfPrior prior;
  prior.gate_ns = {0.0, 2.0};
  std::vector<double> buffer;
  Random random(1, 1);
  std::size_t largest = 0;
  for (int i = 0; i < 1000; ++i)
    largest = std::max(largest, draw_irf(prior, random, buffer).density.size());
  CHECK(largest <= largest_irf(prior));
}

TEST_CASE("senseless IRFs are refused") {
  const std::vector<double> flat(100, 5.0), odd(101, 1.0), nan(100, std::nan(""));
  CHECK_THROWS_AS(MeasuredIrfs(flat, 100, 0.1), Error);
  CHECK_THROWS_AS(MeasuredIrfs(odd, 100, 0.1), Error);
  CHECK_THROWS_AS(MeasuredIrfs(nan, 100, 0.1), Error);
  const auto counts = gaussian_counts(100, 0.1, 5.0, 0.3, 1e5, 1.0);
  CHECK_THROWS_AS(MeasuredIrfs(counts, 100, 0.0), Error);
  CHECK_THROWS_AS(MeasuredIrfs(counts, 100, 0.1, 100), Error);
  CHECK_THROWS_AS(MeasuredIrfs::from_json("{}"), Error);
  CHECK_THROWS_AS(MeasuredIrfs::from_json(R"({"bin_ns":1,"curves":[]})"), Error);
  CHECK_THROWS_AS(
      MeasuredIrfs::from_json(R"({"bin_ns":1,"curves":[{"first_bin":0,"samples":[]}]})"), Error);
  const auto broken = [](auto change) {
    IrfPrior prior;
    change(prior);
    CHECK_THROWS_AS(validate(prior, 12.5), UsageError);
  };
  CHECK_NOTHROW(validate(IrfPrior{}, 12.5));
  broken([](IrfPrior& p) { p.fwhm_ns = {0.0, 0.5}; });
  broken([](IrfPrior& p) { p.fwhm_ns = {0.5, 0.4}; });
  broken([](IrfPrior& p) { p.fwhm_ns = {0.5, 4.0}; });  // ten deviations exceed the period
  broken([](IrfPrior& p) { p.tail_probability = 1.5; });
  broken([](IrfPrior& p) {
    p.tail_probability = 0.5;
    p.tail_ns = {0.0, 0.1};
  });
  broken([](IrfPrior& p) { p.delay_ns = {0.0, std::nan("")}; });
  broken([&](IrfPrior& p) {
    p.measured = std::make_shared<MeasuredIrfs>(counts, 100, 0.1);
    p.stretch = {1.0, 9.0};
  });
}
