#include "taugate/core/random.h"

#include <cmath>
#include <numbers>

namespace taugate {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t m0 = 0xD2511F53u, m1 = 0xCD9E8D57u;
  constexpr std::uint32_t w0 = 0x9E3779B9u, w1 = 0xBB67AE85u;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = m0 * counter[0], p1 = m1 * counter[2];
    counter = {
        static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(p1),
        static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += w0;
    key[1] += w1;
  }
  return counter;
}

Random::Random(std::uint64_t seed, std::uint64_t stream)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
      counter_{0, 0, static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)} {
}

std::uint32_t Random::bits() {
  if (next_ == 4) {
    block_ = philox4x32(counter_, key_);
    if (++counter_[0] == 0) ++counter_[1];
    next_ = 0;
  }
  return block_[static_cast<std::size_t>(next_++)];
}

double Random::uniform() { return (bits() + 0.5) * 0x1p-32; }

double Random::uniform(double low, double high) { return low + (high - low) * uniform(); }

double Random::log_uniform(double low, double high) {
  return low * std::pow(high / low, uniform());
}

double Random::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_normal_;
  }
  const double radius = std::sqrt(-2.0 * std::log(uniform()));
  const double angle = 2.0 * std::numbers::pi * uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

namespace {

/// 1/k. A Poisson count of mean 10 exceeds the last k with a probability of 1e-50.
constexpr auto reciprocals = [] {
  std::array<double, 80> table{};
  for (std::size_t k = 1; k < table.size(); ++k) table[k] = 1.0 / static_cast<double>(k);
  return table;
}();

/// ln k! for whole k >= 0: a table, then Stirling's series (error below 1e-12 from 16 on).
double log_factorial(double k) {
  static const auto table = [] {
    std::array<double, 16> logs{};
    for (std::size_t i = 2; i < logs.size(); ++i)
      logs[i] = logs[i - 1] + std::log(static_cast<double>(i));
    return logs;
  }();
  if (k < 16.0) return table[static_cast<std::size_t>(k)];
  const double r = 1.0 / k, r2 = r * r;
  constexpr double half_log_two_pi = 0.91893853320467274178;
  return (k + 0.5) * std::log(k) - k + half_log_two_pi +
         r * (1.0 / 12 - r2 * (1.0 / 360 - r2 * (1.0 / 1260 - r2 / 1680)));
}

}  // namespace

double Random::exponential() { return -std::log(uniform()); }

std::int64_t Random::poisson(double mean) {
  if (!(mean > 0.0)) return 0;
  if (mean < 10.0) {
    // Inversion: walk up the distribution until its cumulative passes u.
    double u = uniform();
    if (u <= 1.0 - mean) return 0;  // 1 - mean <= exp(-mean), which is then not needed
    double p = std::exp(-mean);
    std::size_t k = 0;
    while (u > p && k + 1 < reciprocals.size()) {
      u -= p;
      ++k;
      p *= mean * reciprocals[k];
    }
    return static_cast<std::int64_t>(k);
  }
  // W. Hörmann, "The transformed rejection method for generating Poisson random variables", 1993
  // (PTRS).
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double v_r = 0.9277 - 3.6224 / (b - 2.0);
  for (;;) {
    const double u = uniform() - 0.5;
    const double v = uniform();
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2.0 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= v_r) return static_cast<std::int64_t>(k);
    if (k < 0.0 || (us < 0.013 && v > us)) continue;
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    if (std::log(v * inverse_alpha / (a / (us * us) + b)) <=
        -mean + k * std::log(mean) - log_factorial(k))
      return static_cast<std::int64_t>(k);
  }
}

std::int64_t Random::binomial(std::int64_t trials, double p) {
  if (trials <= 0 || !(p > 0.0)) return 0;
  if (p >= 1.0) return trials;
  if (p > 0.5) return trials - binomial(trials, 1.0 - p);
  const double n = static_cast<double>(trials);
  const double odds = p / (1.0 - p);
  if (n * p < 10.0) {
    double probability = std::exp(n * std::log1p(-p));
    double u = uniform();
    std::int64_t k = 0;
    while (u > probability && k < trials) {
      u -= probability;
      ++k;
      probability *= odds * (n - static_cast<double>(k) + 1.0) / static_cast<double>(k);
    }
    return k;
  }
  // W. Hörmann, "The generation of binomial random variates", 1993 (BTRS).
  const double stddev = std::sqrt(n * p * (1.0 - p));
  const double b = 1.15 + 2.53 * stddev;
  const double a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double c = n * p + 0.5;
  const double v_r = 0.92 - 4.2 / b;
  const double alpha = (2.83 + 5.1 / b) * stddev;
  const double mode = std::floor((n + 1.0) * p);
  for (;;) {
    const double u = uniform() - 0.5;
    double v = uniform();
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2.0 * a / us + b) * u + c);
    if (us >= 0.07 && v <= v_r) return static_cast<std::int64_t>(k);
    if (k < 0.0 || k > n) continue;
    v = std::log(v * alpha / (a / (us * us) + b));
    const double bound = log_factorial(mode) + log_factorial(n - mode) - log_factorial(k) -
                         log_factorial(n - k) + (k - mode) * std::log(odds);
    if (v <= bound) return static_cast<std::int64_t>(k);
  }
}

std::uint64_t Random::below(std::uint64_t bound) {
  return (static_cast<std::uint64_t>(bits()) * bound) >> 32;
}

}  // namespace taugate
