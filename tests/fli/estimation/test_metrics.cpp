#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/core/parallel.h"
#include "taugate/core/random.h"
#include "taugate/fli/estimation/metrics.h"

using namespace taugate;

namespace {

/// DTW by trying every path, from its end backwards.
double every_path(const std::vector<float>& a, const std::vector<float>& b, int i, int j) {
  const double here = std::abs(static_cast<double>(a[i]) - b[j]);
  if (i == 0 && j == 0) return here;
  double best = INFINITY;
  if (i > 0) best = std::min(best, every_path(a, b, i - 1, j));
  if (j > 0) best = std::min(best, every_path(a, b, i, j - 1));
  if (i > 0 && j > 0) best = std::min(best, every_path(a, b, i - 1, j - 1));
  return here + best;
}

std::vector<float> noise(std::size_t count, std::uint64_t stream) {
  Random random(9, stream);
  std::vector<float> values(count);
  for (float& v : values) v = static_cast<float>(random.uniform());
  return values;
}

}  // namespace

TEST_CASE("DTW is the cheapest of all paths") {
  std::vector<double> work;
  for (std::uint64_t i = 0; i < 20; ++i) {
    const auto a = noise(1 + i % 7, 2 * i), b = noise(1 + (3 * i) % 8, 2 * i + 1);
    const double wanted =
        every_path(a, b, static_cast<int>(a.size()) - 1, static_cast<int>(b.size()) - 1);
    CHECK(dtw_distance(a, b, work) == doctest::Approx(wanted).epsilon(1e-12));
  }
  // A shifted peak costs nothing to DTW.
  const std::vector<float> early{0, 1, 0, 0, 0}, late{0, 0, 0, 1, 0};
  CHECK(dtw_distance(early, late, work) == 0.0);
  CHECK_THROWS_AS(dtw_distance(early, {}, work), Error);
}

TEST_CASE("RMSE, R2 and L2 of two traces, worked by hand") {
  // Errors (1,0,0) and (0,0,-2); truths with sums of squares 2 and 8 about their means.
  const std::vector<float> truth{1, 2, 3, 0, 2, 4}, predicted{2, 2, 3, 0, 2, 2};
  MetricsSum sum(3);
  sum.add(predicted, truth);
  const Metrics m = sum.result();
  CHECK(m.traces == 2);
  CHECK(m.rmse.mean == doctest::Approx(std::sqrt(5.0 / 6.0)));
  CHECK(m.rmse.deviation == doctest::Approx(0.5 * (2.0 - 1.0) / std::sqrt(3.0)));
  CHECK(m.r2.mean == doctest::Approx(0.5));
  CHECK(m.r2.deviation == doctest::Approx(0.0));
  CHECK(m.l2.mean == doctest::Approx(1.5));
  CHECK(m.l2.deviation == doctest::Approx(0.5));
  // DTW: (2,2,3) to (1,2,3) costs 1; (0,2,2) to (0,2,4) costs 2.
  CHECK(m.dtw.mean == doctest::Approx(1.5));
  CHECK(m.dtw.deviation == doctest::Approx(0.5));
}

TEST_CASE("pooled R2 weighs a trace by its variation") {
  // Squared errors 4 and 0 beside variations of 2 and 6.
  MetricsSum sum(3);
  CHECK(std::isnan(sum.result().pooled_r2));
  sum.add(std::vector<float>{1, 2, 5, 0, 0, 3}, std::vector<float>{1, 2, 3, 0, 0, 3});
  CHECK(sum.result().pooled_r2 == doctest::Approx(0.5));
  CHECK(sum.result().r2.mean == doctest::Approx(0.0));
  MetricsSum flat(2);
  flat.add(std::vector<float>{1, 2}, std::vector<float>{1, 1});
  CHECK(std::isnan(flat.result().pooled_r2));
}

TEST_CASE("constant truths, no traces, sizes that do not fit") {
  MetricsSum sum(2);
  CHECK(std::isnan(sum.result().rmse.mean));
  CHECK(std::isnan(sum.result().r2.mean));
  sum.add(std::vector<float>{1, 1, 1, 2}, std::vector<float>{1, 1, 1, 1});
  CHECK(sum.result().r2.mean == 0.5);
  CHECK_THROWS_AS(sum.add(std::vector<float>(4), std::vector<float>(2)), Error);
  CHECK_THROWS_AS(sum.add(std::vector<float>(3), std::vector<float>(3)), Error);
  CHECK_THROWS_AS(MetricsSum(0), Error);
}

TEST_CASE("batches add up, and threads change no bit") {
  constexpr int gates = 9;
  constexpr std::size_t traces = 1001;
  const auto truth = noise(gates * traces, 100), predicted = noise(gates * traces, 101);
  const int before = thread_count();
  std::vector<Metrics> results;
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    MetricsSum whole(gates);
    whole.add(predicted, truth);
    results.push_back(whole.result());
  }
  set_thread_count(before);
  const Metrics &one = results[0], &three = results[1];
  CHECK(one.rmse.mean == three.rmse.mean);
  CHECK(one.r2.deviation == three.r2.deviation);
  CHECK(one.dtw.mean == three.dtw.mean);
  MetricsSum batches(gates);
  for (std::size_t i = 0; i < traces; i += 77) {
    const std::size_t n = std::min<std::size_t>(77, traces - i) * gates;
    batches.add(std::span(predicted).subspan(i * gates, n), std::span(truth).subspan(i * gates, n));
  }
  const Metrics cut = batches.result();
  CHECK(cut.traces == traces);
  CHECK(cut.rmse.mean == doctest::Approx(one.rmse.mean).epsilon(1e-12));
  CHECK(cut.r2.mean == doctest::Approx(one.r2.mean).epsilon(1e-12));
  CHECK(cut.l2.deviation == doctest::Approx(one.l2.deviation).epsilon(1e-9));
  CHECK(cut.dtw.deviation == doctest::Approx(one.dtw.deviation).epsilon(1e-9));
}
