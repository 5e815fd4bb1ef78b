// The emulated well plate beside what docs/plate.md says of it.

#include "study/plate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "allocation_trap.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/estimation/fit.h"
#include "taugate/fli/physics/response.h"
#include "testing.h"

using namespace taugate;
using taugate::testing::allocations_of;
using taugate::testing::close;

namespace {

constexpr int kSide = 192;

struct Pixel {
  std::vector<float> counts, sfd;
  Truth truth;
};
Pixel sampled(const Plate& plate, std::size_t place) {
  const auto T = static_cast<std::size_t>(plate.gates());
  Pixel p{std::vector<float>(T), std::vector<float>(T), {}};
  Sample out{p.counts, p.sfd, {}};
  plate.sample(place, out);
  p.truth = out.truth;
  return p;
}

/// mu [T] of a pixel, on a grid of time: no code of the plate's.
std::vector<double> expected(const Plate& plate, const PlatePixel& pixel) {
  constexpr int fine = 50;  // points of the grid in a gate
  const Acquisition& a = plate.config().acquisition;
  const double step = a.gate_step_ns / fine, sigma = pixel.fwhm_ns / std::sqrt(8.0 * std::log(2.0));
  const int points = a.gates * fine;
  std::vector<double> irf(points), light(points);
  double blurred = 0.0, before = 0.0;
  for (int j = 0; j < points; ++j) {
    const double x = ((j + 0.5) * step - pixel.delay_ns) / sigma;
    const double kept = std::exp(-step / pixel.tail_ns);
    const double now = std::exp(-0.5 * x * x);
    blurred = kept * blurred + (1.0 - kept) * 0.5 * (before + now);
    before = now;
    irf[j] = blurred;
  }
  double signal = 0.0;
  for (int round = 0; round < 3; ++round)  // of the laser, until nothing new comes of it
    for (int j = 0; j < points; ++j) {
      signal = std::exp(-step / Plate::kLifetimeNs) * signal + irf[j];
      light[j] = signal - 0.5 * irf[j];  // by the trapezoidal rule
    }
  std::vector<double> mu(static_cast<std::size_t>(a.gates));
  for (int j = 0; j < points; ++j) mu[static_cast<std::size_t>(j / fine)] += light[j];
  const double scale = pixel.peak_counts / *std::max_element(mu.begin(), mu.end());
  for (double& m : mu) m = m * scale + Plate::kBackgroundCounts + pixel.dark_counts;
  return mu;
}

double centre_of(const std::vector<float>& counts) {
  double sum = 0.0, first = 0.0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    sum += counts[k];
    first += counts[k] * (static_cast<double>(k) + 0.5);
  }
  return first / sum;
}

}  // namespace

TEST_CASE("a pixel of the plate is the same in any order, on any thread, with any stride") {
  const Plate plate({.side = kSide}), coarse({.side = kSide, .stride = 4}),
      other({.side = kSide, .seed = 2});
  REQUIRE(coarse.foreground().size() > 500);
  std::vector<Pixel> threads(coarse.foreground().size());
  parallel_for(threads.size(),
               [&](std::size_t i, int) { threads[i] = sampled(plate, coarse.foreground()[i]); });
  std::size_t differ = 0;
  for (std::size_t i = threads.size(); i-- > 0;) {
    const Pixel again = sampled(coarse, coarse.foreground()[i]);
    CHECK(again.counts == threads[i].counts);
    CHECK(again.sfd == threads[i].sfd);
    differ += sampled(other, coarse.foreground()[i]).counts != again.counts;
  }
  CHECK(differ == threads.size());
  CHECK(plate.identity() != coarse.identity());
  CHECK(plate.identity() == Plate({.side = kSide}).identity());
  std::vector<float> counts(70), sfd(70);
  Sample out{counts, sfd, {}};
  CHECK(allocations_of([&] { plate.sample(coarse.foreground()[7], out); }) == 0);
  CHECK(allocations_of([&] { plate.record_irf(coarse.foreground()[7], counts); }) == 0);
}

TEST_CASE("the plate's foreground is what is bright and not hot, in 24 wells") {
  const Plate plate({.side = kSide});
  std::size_t at = 0, bright = 0, hot = 0;
  std::vector<int> wells(24);
  for (std::size_t place = 0; place < std::size_t{kSide} * kSide; ++place) {
    const PlatePixel pixel = plate.pixel(place);
    const bool foreground = pixel.peak_counts >= 100.0 && pixel.dark_counts <= 2.0;
    REQUIRE(plate.is_foreground(pixel) == foreground);
    bright += pixel.peak_counts >= 100.0;
    hot += pixel.peak_counts >= 100.0 && pixel.dark_counts > 2.0;
    if (!foreground) continue;
    REQUIRE(at < plate.foreground().size());
    REQUIRE(plate.foreground()[at++] == place);
    ++wells[place / kSide / (kSide / 4) * 6 + place % kSide / (kSide / 6)];
  }
  CHECK(at == plate.foreground().size());
  for (const int pixels : wells) CHECK(pixels > 300);
  // 2 % of the pixels, log-uniform from 0.1 to 500 counts, of which above 1.95: 65 %.
  const double share = 0.02 * std::log(500.0 / 1.95) / std::log(5000.0);
  CHECK(close(static_cast<double>(hot), share * bright, 5.0 * std::sqrt(share * bright)));
  // In the gaps between wells nothing is left of the dye.
  CHECK(plate.pixel(0).peak_counts < 1.0);
  CHECK_THROWS_AS(Plate({.side = 8}), UsageError);
  CHECK_THROWS_AS(Plate({.channels = 2}), UsageError);
  CHECK_THROWS_AS(Plate({.stride = 0}), UsageError);
}

TEST_CASE("counts of the plate have the mean of the model, gate by gate") {
  const Plate plate({.side = kSide, .stride = 3});
  const double N = 1023.0;
  std::vector<double> found(70), wanted(70), variance(70);
  for (const std::size_t place : plate.foreground()) {
    const Pixel p = sampled(plate, place);
    const std::vector<double> mu = expected(plate, plate.pixel(place));
    CHECK(close(p.truth.peak_counts, plate.pixel(place).peak_counts, 0.0));
    for (std::size_t k = 0; k < mu.size(); ++k) {
      found[k] += p.counts[k];
      // -N ln(1 - k/N) of binomial k, to second order; its variance N p / (1 - p) to the first.
      const double odds = std::expm1(mu[k] / N);
      wanted[k] += mu[k] + 0.5 * odds;
      variance[k] += N * odds;
    }
    for (std::size_t k = 0; k < 70; ++k)
      CHECK(close(p.sfd[k], std::exp(-0.179 * static_cast<double>(k)), 1e-5, 1e-5));
  }
  for (std::size_t k = 0; k < 70; ++k) {
    CAPTURE(k);
    // Five deviations, and what the grid of time is worth.
    CHECK(close(found[k], wanted[k], 5.0 * std::sqrt(variance[k]), 1e-3));
  }
}

TEST_CASE("IRFs of the plate come later along rows and columns, and jitter") {
  const Plate plate({.side = kSide});
  // Least squares of the records' centres by column and row, all over the image.
  double n = 0.0, centre = 0.0, by_column = 0.0, by_row = 0.0, squares = 0.0, place2 = 0.0;
  std::vector<float> record(70);
  std::vector<std::array<double, 3>> points;  // places, each adding up to 0, and centres
  for (std::size_t row = 0; row < kSide; row += 4)
    for (std::size_t column = 0; column < kSide; column += 4) {
      plate.record_irf(row * kSide + column, record);
      const double total = std::accumulate(record.begin(), record.end(), 0.0);
      CHECK(total > 0.65 * 5e4);
      CHECK(total < 1.05 * 5e4);
      points.push_back(
          {(column + 2.0) / kSide - 0.5, (row + 2.0) / kSide - 0.5, 0.179 * centre_of(record)});
    }
  for (const auto& [x, y, t] : points) {
    n += 1.0;
    centre += t;
    by_column += x * t;
    by_row += y * t;
    place2 += x * x;
  }
  centre /= n;
  const double per_column = by_column / place2, per_row = by_row / place2;
  for (const auto& [x, y, t] : points)
    squares += std::pow(t - centre - per_column * x - per_row * y, 2);
  CHECK(close(centre, 1.4 + 0.06, 0.002));  // the Gaussian's, and the tail's mean
  CHECK(close(per_column, 0.2, 0.006));
  CHECK(close(per_row, 0.05, 0.006));
  CHECK(close(std::sqrt(squares / n), 0.02, 0.002));
}

TEST_CASE("fits of bright pixels of the plate with their recorded IRF find 1.0 ns") {
  const Plate plate({.side = kSide, .stride = 2});
  const Acquisition& a = plate.config().acquisition;
  double sum = 0.0, squares = 0.0, least = 0.0;
  int n = 0;
  std::vector<float> record(70);
  for (const std::size_t place : plate.foreground()) {
    const Pixel p = sampled(plate, place);
    if (p.truth.peak_counts < 700.0) continue;
    plate.record_irf(place, record);
    const std::vector<double> irf(record.begin(), record.end());
    const MeasuredIrfs measured(irf, a.gates, a.gate_step_ns);
    Fitter fitter(a, measured.curve(0), {});
    const Fit fit = fitter(p.counts);
    REQUIRE(fit.status != FitStatus::no_counts);
    sum += fit.parameters.tau_ns[0];
    squares += std::pow(fit.parameters.tau_ns[0], 2);
    least += fit.deviation.tau_ns[0];
    ++n;
  }
  REQUIRE(n > 150);
  const double mean = sum / n, deviation = std::sqrt(squares / n - mean * mean);
  MESSAGE("lifetime ", mean, " +- ", deviation, " ns of ", n, " pixels; Cramer-Rao ", least / n);
  CHECK(close(mean, Plate::kLifetimeNs, 0.02));
  CHECK(deviation < 0.03);
}

TEST_CASE("a model is evaluated on the plate as on simulated traces") {
  const Plate plate({.side = 96, .stride = 4});
  SimulatorConfig config = simulator_preset("ss2-70");
  const TrainedModel model(Model({.gates = 70, .outputs = 1, .hidden = {5}}), config);
  const Evaluation e = evaluate(model, plate.traces());
  REQUIRE(e.channels.size() == 1);
  CHECK(e.channels[0].traces == plate.foreground().size());
  for (const float t : e.true_ns) CHECK(close(t, 1.0, 1e-6));
  // Of a source that gives the simulator's traces, the figures are those of the simulator.
  const Simulator simulator(config);
  const TraceSource source{config.acquisition, 1, 300,
                           [&](std::size_t i, Sample& out) { simulator.sample(9, i, out); }};
  CHECK(to_json(evaluate(model, source)) == to_json(evaluate(model, 300, 9)));
  // The mean of the pixels' own RMSE, beside the pooled one.
  const Metrics& m = e.channels[0];
  CHECK(close(rmse_of_traces(m.rmse).mean, m.l2.mean / std::sqrt(70.0), 1e-9, 1e-6));
  const Plate other({.acquisition = acquisition_preset("ss3-135"), .side = 96});
  CHECK_THROWS_AS(evaluate(model, other.traces()), Error);
}
