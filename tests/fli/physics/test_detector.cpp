#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/fli/physics/detector.h"

using namespace taugate;

namespace {

struct Moments {
  double mean = 0.0, variance = 0.0, fourth = 0.0;  // the last two about the mean
};

/// Mean and variance of many readings lie within five of their own standard errors of `wanted`.
void check_readings(const Detector& detector, double mu, const Moments& wanted) {
  constexpr std::size_t gates = 1000, rounds = 200;
  const std::vector<double> mean(gates, mu);
  std::vector<float> counts(gates);
  Random random(11, 12);
  double sum = 0.0, squares = 0.0;
  for (std::size_t i = 0; i < rounds; ++i) {
    detect(detector, mean, random, counts);
    for (const float c : counts) {
      sum += c - wanted.mean;
      squares += (c - wanted.mean) * (c - wanted.mean);
    }
  }
  constexpr double n = gates * rounds;
  CHECK(std::abs(sum / n) < 5.0 * std::sqrt(wanted.variance / n) + 1e-9);
  CHECK(std::abs(squares / n - wanted.variance) <
        5.0 * std::sqrt((wanted.fourth - wanted.variance * wanted.variance) / n) + 1e-9);
}

/// Moments of reading(k) where k has the given log-probability.
Moments exact(int largest, const std::function<double(int)>& log_probability,
              const std::function<double(int)>& reading) {
  Moments m;
  for (int k = 0; k <= largest; ++k) m.mean += std::exp(log_probability(k)) * reading(k);
  for (int k = 0; k <= largest; ++k) {
    const double d = reading(k) - m.mean, p = std::exp(log_probability(k));
    m.variance += p * d * d;
    m.fourth += p * d * d * d * d;
  }
  return m;
}

Moments poisson(double mu, double factor) {
  return exact(
      2000, [&](int k) { return k * std::log(mu) - mu - std::lgamma(k + 1.0); },
      [&](int k) { return factor * k; });
}

}  // namespace

TEST_CASE("TCSPC counts are Poisson") {
  for (const double mu : {0.02, 3.0, 40.0, 700.0}) {
    CAPTURE(mu);
    check_readings({}, mu, poisson(mu, 1.0));
  }
}

TEST_CASE("a gated SPAD counts frames that fire and undoes their pile-up") {
  for (const int bits : {1, 4, 8}) {
    const int frames = (1 << bits) - 1;
    for (const double lambda : {0.01, 0.4, 1.5, 4.0}) {  // photons per frame
      CAPTURE(bits);
      CAPTURE(lambda);
      const double p = 1.0 - std::exp(-lambda);
      const Moments wanted = exact(
          frames,
          [&](int k) {
            return std::lgamma(frames + 1.0) - std::lgamma(k + 1.0) -
                   std::lgamma(frames - k + 1.0) + k * std::log(p) +
                   (frames - k) * std::log(1.0 - p);
          },
          [&](int k) {
            return -frames * std::log(1.0 - (k < frames ? k : frames - 0.5) / frames);
          });
      Detector detector;
      detector.kind = DetectorKind::gated_spad;
      detector.frame_bits = bits;
      check_readings(detector, lambda * frames, wanted);
    }
  }
  // With many frames the estimate is unbiased at any pile-up that leaves frames empty.
  Detector detector;
  detector.kind = DetectorKind::gated_spad;
  detector.frame_bits = 16;
  const std::vector<double> mean(4000, 65535 * 1.2);
  std::vector<float> counts(4000);
  Random random(1, 2);
  detect(detector, mean, random, counts);
  double sum = 0.0;
  for (const float c : counts) sum += c;
  CHECK(std::abs(sum / 4000 / (65535 * 1.2) - 1.0) < 5e-4);
}

TEST_CASE("an ICCD multiplies: gain in the mean, gain and excess noise in the variance") {
  Detector detector;
  detector.kind = DetectorKind::iccd;
  detector.gain = 3.0;
  detector.excess_noise = 1.7;
  for (const double mu : {0.5, 30.0, 500.0}) {
    CAPTURE(mu);
    const Moments wanted = poisson(mu / 1.7, 3.0 * 1.7);
    CHECK(wanted.mean == doctest::Approx(3.0 * mu));
    CHECK(wanted.variance == doctest::Approx(9.0 * 1.7 * mu));
    check_readings(detector, mu, wanted);
  }
}

TEST_CASE("dark counts are in every pixel, hot pixels are as frequent as asked for") {
  Detector detector;
  detector.dark_counts = 0.25;
  detector.hot_probability = 0.1;
  detector.hot_counts = {10.0, 1000.0};
  Random random(3, 4);
  int hot = 0;
  double logs = 0.0;
  constexpr int pixels = 20000;
  for (int i = 0; i < pixels; ++i) {
    const double dark = draw_dark_counts(detector, random);
    if (dark == 0.25) continue;
    ++hot;
    CHECK(dark >= 10.25);
    CHECK(dark <= 1000.25);
    logs += std::log10(dark - 0.25);
  }
  CHECK(std::abs(hot - 2000) < 5 * std::sqrt(1800.0));
  CHECK(std::abs(logs / hot - 2.0) < 5 * std::sqrt(1.0 / 3.0 / hot));
}

TEST_CASE("no light, no counts; senseless detectors are refused") {
  const std::vector<double> dark(5, 0.0);
  std::vector<float> counts(5, 9.0f), few(4);
  Random random(1, 1);
  for (const auto kind : {DetectorKind::tcspc, DetectorKind::gated_spad, DetectorKind::iccd}) {
    Detector detector;
    detector.kind = kind;
    detect(detector, dark, random, counts);
    for (const float c : counts) CHECK(c == 0.0f);
    CHECK_THROWS_AS(detect(detector, dark, random, few), Error);
  }
  const auto broken = [](auto change) {
    Detector detector;
    change(detector);
    CHECK_THROWS_AS(validate(detector), UsageError);
  };
  CHECK_NOTHROW(validate(Detector{}));
  broken([](Detector& d) { d.frame_bits = 0; });
  broken([](Detector& d) { d.excess_noise = 0.5; });
  broken([](Detector& d) { d.gain = 0.0; });
  broken([](Detector& d) { d.dark_counts = -1.0; });
  broken([](Detector& d) { d.hot_probability = std::nan(""); });
  broken([](Detector& d) { d.hot_probability = 0.1, d.hot_counts = {0.0, 1.0}; });
}
