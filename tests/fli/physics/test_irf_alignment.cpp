// Libraries of IRFs whose curves were shifted by known fractions of a bin.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "taugate/core/random.h"
#include "taugate/fli/physics/irf.h"
#include "taugate/fli/physics/response.h"
#include "testing.h"

using namespace taugate;
using taugate::testing::close;

namespace {

struct Camera {
  int bins;
  double bin_ns, fwhm_ns, gate_ns, tail_ns, photons, background;
};
// An intensified camera, whose IRF is a few bins wide; a gated SPAD camera with gates of 3 ns; and
// a laser pulse of little more than a bin.
constexpr Camera kIccd{176, 0.04, 0.27, 0.0, 0.05, 4e4, 25.0};
constexpr Camera kSpad{120, 0.1, 0.3, 3.0, 0.0, 1e5, 10.0};
constexpr Camera kPulse{200, 0.05, 0.09, 0.0, 0.0, 2e4, 1.0};

/// The light of an IRF centred at `centre_ns`, in bins.
std::vector<double> expected(const Camera& c, double centre_ns) {
  std::vector<double> buffer, counts(static_cast<std::size_t>(c.bins));
  const IrfCurve irf = parametric_irf(centre_ns, c.fwhm_ns, c.gate_ns, c.tail_ns, buffer);
  const Acquisition a{c.bins, c.bin_ns, c.bin_ns, 2.0 * c.bins * c.bin_ns};
  Response{a}(irf, Decay::mono(1e-5), counts);
  const double sum = std::accumulate(counts.begin(), counts.end(), 0.0);
  for (double& n : counts) n = n / sum * c.photons + c.background;
  return counts;
}

/// Pixels with shifts from a normal distribution, and these shifts less their mean.
struct Library {
  std::vector<double> counts, shifts;

  Library(const Camera& c, int pixels, double deviation_ns, bool noise) {
    Random random(11, 0);
    for (int i = 0; i < pixels; ++i) {
      shifts.push_back(deviation_ns * random.normal());
      for (double n : expected(c, 0.4 * c.bins * c.bin_ns + shifts.back()))
        counts.push_back(noise ? static_cast<double>(random.poisson(n)) : n);
    }
    const double mean = std::accumulate(shifts.begin(), shifts.end(), 0.0) / pixels;
    for (double& shift : shifts) shift -= mean;
  }
};

/// The Cramer-Rao bound of the shift of one pixel: 1 / sum (mu'^2 / mu).
double least_deviation(const Camera& c) {
  const double centre = 0.4 * c.bins * c.bin_ns, step = 0.01 * c.bin_ns;
  const auto at = expected(c, centre), later = expected(c, centre + step);
  double information = 0.0;
  for (std::size_t k = 0; k < at.size(); ++k)
    information += (later[k] - at[k]) * (later[k] - at[k]) / (step * step * at[k]);
  return 1.0 / std::sqrt(information);
}

double deviation_ns(const IrfCurve& c) {
  double sum = 0.0, first = 0.0, second = 0.0;
  for (std::size_t j = 0; j < c.density.size(); ++j) {
    const double t = static_cast<double>(j) * c.bin_ns;
    sum += c.density[j];
    first += c.density[j] * t;
    second += c.density[j] * t * t;
  }
  return std::sqrt(second / sum - first / sum * first / sum);
}

double rms(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

}  // namespace

TEST_CASE("known shifts of a library come back to fractions of a bin") {
  for (const Camera& c : {kIccd, kSpad, kPulse}) {
    CAPTURE(c.fwhm_ns);
    const double mean_stddev = 1.3 * c.bin_ns;
    const Library exact(c, 60, mean_stddev, false), noisy(c, 300, mean_stddev, true);
    MeasuredIrfs irfs(exact.counts, c.bins, c.bin_ns);
    // What is left is the interpolation between samples.
    CHECK(rms(irfs.align(), exact.shifts) < 0.005 * c.bin_ns);
    MeasuredIrfs measured(noisy.counts, c.bins, c.bin_ns);
    const auto shifts = measured.align();
    REQUIRE(shifts.size() == 300);
    const double error = rms(shifts, noisy.shifts);
    CHECK(error < 1.5 * least_deviation(c));
    CHECK(error > 0.8 * least_deviation(c));  // else the test knows the answer
  }
}

TEST_CASE("an aligned library has one time and its mean is no wider than a curve of it") {
  const double mean_stddev = 0.06;
  const Library library(kIccd, 200, mean_stddev, true);
  MeasuredIrfs irfs(library.counts, kIccd.bins, kIccd.bin_ns);
  const double blurred = deviation_ns(irfs.mean().curve(0)), before = irfs.mean().peak_ns(0);
  irfs.align();
  const MeasuredIrfs mean = irfs.mean();
  CHECK(mean.size() == 1);
  CHECK(mean.bin_ns() == irfs.bin_ns() / 2);
  // Of the true curve, without bins: the Gaussian and its tail.
  const double sigma = kIccd.fwhm_ns / std::sqrt(8.0 * std::log(2.0));
  const double truth = std::hypot(sigma, kIccd.tail_ns);
  CHECK(close(deviation_ns(mean.curve(0)), truth, 0.0, 0.02));
  CHECK(close(blurred, std::hypot(truth, mean_stddev), 0.0, 0.04));
  // The library as a whole stays where it was.
  CHECK(close(mean.peak_ns(0), before, kIccd.bin_ns));
  // What was moved is kept, bit for bit.
  const MeasuredIrfs again = MeasuredIrfs::from_json(irfs.to_json());
  for (int i = 0; i < irfs.size(); ++i) {
    CHECK(again.curve(i).start_ns == irfs.curve(i).start_ns);
    CHECK(again.peak_ns(i) == irfs.peak_ns(i));
  }
  // A second time there is nothing to move.
  for (const double shift : irfs.align()) CHECK(std::abs(shift) < 0.01 * kIccd.bin_ns);
}

TEST_CASE("a library of one has nothing to align with") {
  MeasuredIrfs one(expected(kIccd, 2.0), kIccd.bins, kIccd.bin_ns);
  const double peak = one.peak_ns(0);
  CHECK(one.align() == std::vector<double>{0.0});
  CHECK(one.peak_ns(0) == peak);
}
