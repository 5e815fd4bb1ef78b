// Adam beside an independent implementation in double, and the learning-rate schedules at their
// ends.

#include <limits>
#include <numbers>
#include <vector>

#include "taugate/nn/optimizer.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

constexpr std::size_t kSize = 48;  // a parameter block: a whole number of SIMD blocks

/// Algorithm 1 of the paper, line by line.
struct PlainAdam {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  std::vector<double> m = std::vector<double>(kSize), v = std::vector<double>(kSize);
  int t = 0;

  void step(std::vector<double>& theta, const std::vector<double>& g, double alpha) {
    ++t;
    for (std::size_t i = 0; i < kSize; ++i) {
      m[i] = beta1 * m[i] + (1.0 - beta1) * g[i];
      v[i] = beta2 * v[i] + (1.0 - beta2) * g[i] * g[i];
      const double m_hat = m[i] / (1.0 - std::pow(beta1, t));
      const double v_hat = v[i] / (1.0 - std::pow(beta2, t));
      theta[i] -= alpha * m_hat / (std::sqrt(v_hat) + epsilon);
    }
  }
};

double norm(const Buffer<float>& g) {
  double squares = 0.0;
  for (float x : g) squares += double{x} * x;
  return std::sqrt(squares);
}

}  // namespace

TEST_CASE("twenty steps of Adam, with and without clipping") {
  for (double clip : {0.0, 1.0}) {
    CAPTURE(clip);
    Random rng(41, 0);
    AdamOptimizer adam(kSize, {.clip_norm = clip});
    PlainAdam plain;
    Buffer<float> values(kSize), gradients(kSize);
    fill_normal(values.data(), kSize, rng);
    std::vector<double> theta(values.begin(), values.end());
    int clipped = 0;
    for (int step = 0; step < 20; ++step) {
      // Norms from 0.007 to 70: on both sides of the clip.
      fill_normal(gradients.data(), kSize, rng, std::pow(10.0, step % 5 - 3));
      const double length = norm(gradients), rate = 0.01 / (1 + step);
      const double scale = clip > 0.0 && length > clip ? clip / length : 1.0;
      clipped += scale < 1.0;
      std::vector<double> g(gradients.begin(), gradients.end());
      for (double& x : g) x *= scale;
      plain.step(theta, g, rate);
      CHECK(close(adam.step(values.data(), gradients.data(), rate), length, 0.0, 1e-12));
      for (std::size_t i = 0; i < kSize; ++i) CHECK(close(values[i], theta[i], 1e-6));
    }
    CHECK(adam.steps() == 20);
    CHECK(clipped == (clip > 0.0 ? 8 : 0));
    for (std::size_t i = 0; i < kSize; ++i) {
      CHECK(close(adam.mean()[i], plain.m[i], 1e-6 * std::sqrt(plain.v[i]), 1e-5));
      CHECK(close(adam.square()[i], plain.v[i], 0.0, 5e-5));  // 1 - beta2 in float: 3e-5
    }
  }
}

TEST_CASE("a clipped gradient keeps its direction") {
  // From zero moments the first mean is (1 - beta1) times the clipped gradient.
  Random rng(41, 1);
  Buffer<float> values(kSize), gradients(kSize);
  fill_normal(gradients.data(), kSize, rng, 100.0);
  AdamOptimizer adam(kSize, {.clip_norm = 0.25});
  const double length = adam.step(values.data(), gradients.data(), 1e-3);
  CHECK(close(length, norm(gradients), 0.0, 1e-12));
  CHECK(close(norm(adam.mean()), 0.1 * 0.25, 0.0, 1e-6));
  for (std::size_t i = 0; i < kSize; ++i)
    CHECK(close(adam.mean()[i], 0.1 * 0.25 / length * gradients[i], 0.0, 1e-5));
}

TEST_CASE("a gradient that is not finite is refused and changes nothing") {
  Random rng(41, 2);
  AdamOptimizer adam(kSize);
  Buffer<float> values(kSize), gradients(kSize);
  fill_normal(values.data(), kSize, rng);
  fill_normal(gradients.data(), kSize, rng);
  adam.step(values.data(), gradients.data(), 0.01);
  const std::vector<float> kept(values.begin(), values.end());
  const std::vector<float> mean(adam.mean().begin(), adam.mean().end());
  const std::vector<float> square(adam.square().begin(), adam.square().end());
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                    -std::numeric_limits<float>::infinity()}) {
    const float good = std::exchange(gradients[kSize - 1], bad);
    CHECK_THROWS_WITH_AS(adam.step(values.data(), gradients.data(), 0.01),
                         doctest::Contains("not finite"), Error);
    gradients[kSize - 1] = good;
  }
  CHECK(std::equal(kept.begin(), kept.end(), values.begin()));
  CHECK(std::equal(mean.begin(), mean.end(), adam.mean().begin()));
  CHECK(std::equal(square.begin(), square.end(), adam.square().begin()));
  CHECK(adam.steps() == 1);
}

TEST_CASE("schedules at their ends") {
  Schedule s{.kind = Schedule::Kind::constant, .rate = 0.01, .warm_up = 0.1, .floor = 0.02};
  for (double progress : {0.0, 0.05, 0.5, 1.0}) CHECK(s.at(progress, 3) == 0.01);

  s.kind = Schedule::Kind::cosine;
  CHECK(s.at(0.0, 0) > 0.0);  // the first step moves, if little
  CHECK(s.at(0.0, 0) < 1e-4);
  CHECK(close(s.at(0.05, 0), 0.005, 1e-15));
  CHECK(close(s.at(0.1, 0), 0.01, 1e-15));
  // A third of the way down: cos 60 degrees.
  CHECK(close(s.at(0.4, 0), 0.01 * (0.02 + 0.98 * 0.75), 1e-15));
  CHECK(close(s.at(0.55, 0), 0.01 * (0.02 + 0.98 * 0.5), 1e-15));
  CHECK(close(s.at(1.0, 0), 0.01 * 0.02, 1e-15));
  CHECK(s.at(0.5, 0) == s.at(0.5, 4));  // halvings are the plateau schedule's
  for (double p = 0.1; p < 1.0; p += 0.05) CHECK(s.at(p + 0.05, 0) < s.at(p, 0));

  s.kind = Schedule::Kind::plateau;
  CHECK(close(s.at(0.05, 0), 0.005, 1e-15));
  CHECK(s.at(0.1, 0) == 0.01);
  CHECK(s.at(1.0, 0) == 0.01);
  CHECK(s.at(1.0, 3) == 0.01 / 8);

  s.warm_up = 0.0;
  for (auto kind : {Schedule::Kind::cosine, Schedule::Kind::plateau}) {
    s.kind = kind;
    CHECK(s.at(0.0, 0) == 0.01);
  }
}

TEST_CASE("schedules have names") {
  for (auto kind : {Schedule::Kind::constant, Schedule::Kind::cosine, Schedule::Kind::plateau})
    CHECK(schedule_kind(name_of(kind)) == kind);
  CHECK_THROWS_WITH_AS(schedule_kind("linear"), doctest::Contains("'linear'"), UsageError);
}
