#include <doctest/doctest.h>

#include <cmath>

#include "taugate/core/random.h"

using namespace taugate;

TEST_CASE("Philox4x32-10 gives the known answers of Random123's test file") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) ==
        std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

namespace {
/// Mean and variance of `draws` samples, and the deviations that a right sampler would show.
template <class Draw>
void check_moments(Draw draw, double mean, double variance, double fourth_central) {
  constexpr int draws = 200000;
  double sum = 0, squares = 0;
  for (int i = 0; i < draws; ++i) {
    const double x = draw() - mean;
    sum += x;
    squares += x * x;
  }
  const double mean_deviation = std::sqrt(variance / draws);
  const double variance_deviation = std::sqrt((fourth_central - variance * variance) / draws);
  CHECK(std::abs(sum / draws) < 5.0 * mean_deviation);
  CHECK(std::abs(squares / draws - variance) < 5.0 * variance_deviation + 1e-12);
}
}  // namespace

TEST_CASE("samples have the moments of their distributions") {
  Random rng(1, 2);
  check_moments([&] { return rng.uniform(); }, 0.5, 1.0 / 12, 1.0 / 80);
  check_moments([&] { return rng.normal(); }, 0.0, 1.0, 3.0);
  check_moments([&] { return rng.exponential(); }, 1.0, 1.0, 9.0);
  for (double mean : {0.01, 0.7, 3.0, 9.99, 10.01, 35.0, 1000.0, 1e6}) {
    CAPTURE(mean);
    check_moments([&] { return static_cast<double>(rng.poisson(mean)); }, mean, mean,
                  mean * (1 + 3 * mean));
  }
  struct Binomial {
    int n;
    double p;
  };
  for (const Binomial& b :
       {Binomial{4095, 1e-4}, {255, 0.02}, {255, 0.3}, {1023, 0.5}, {4095, 0.9}}) {
    const int n = b.n;
    const double p = b.p;
    CAPTURE(n);
    CAPTURE(p);
    const double v = n * p * (1 - p);
    check_moments([&] { return static_cast<double>(rng.binomial(n, p)); }, n * p, v,
                  v * (1 + 3.0 * (n - 2) * p * (1 - p)));
  }
}

TEST_CASE("a stream is a pure function of seed and stream number") {
  Random a(7, 1), b(7, 1), c(7, 2), d(8, 1);
  const auto first = a.bits();
  CHECK(first == b.bits());
  CHECK(first != c.bits());
  CHECK(first != d.bits());
}

TEST_CASE("edges: no photons, no trials, certain success") {
  Random rng(3, 4);
  CHECK(rng.poisson(0.0) == 0);
  CHECK(rng.poisson(-1.0) == 0);
  CHECK(rng.binomial(0, 0.5) == 0);
  CHECK(rng.binomial(10, 0.0) == 0);
  CHECK(rng.binomial(10, 1.0) == 10);
}
