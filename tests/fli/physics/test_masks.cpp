#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/physics/masks.h"

using namespace taugate;

TEST_CASE("procedural masks are shapes: some foreground, a dark border, and all different") {
  const Masks masks = procedural_masks(200, 4);
  CHECK(masks.count() == 200);
  CHECK(masks.pixels_per_mask() == 784);
  std::set<std::string> different;
  for (std::size_t i = 0; i < masks.count(); ++i) {
    const auto first = masks.pixels.begin() + static_cast<std::ptrdiff_t>(i * 784);
    const auto on = std::count(first, first + 784, 255);
    CHECK(on + std::count(first, first + 784, 0) == 784);
    CHECK(on > 784 * 3 / 100);
    CHECK(on < 784 * 6 / 10);
    different.insert({first, first + 784});
  }
  CHECK(different.size() == 200);
  const Masks few = procedural_masks(3, 4);  // a prefix: mask i does not depend on their number
  CHECK(std::equal(few.pixels.begin(), few.pixels.end(), masks.pixels.begin()));
  CHECK(procedural_masks(3, 5).pixels != few.pixels);
  CHECK_THROWS_AS(procedural_masks(0, 1), UsageError);
  CHECK_THROWS_AS(procedural_masks(1, 1, 4, 28), UsageError);
}

TEST_CASE("image sets: the foreground is the simulator's, the background is zero") {
  SimulatorConfig config;
  config.acquisition = {12, 0.5, 0.5, 6.0};
  config.irf.fwhm_ns = {0.15, 0.4};
  config.channels = 3;
  config.background_counts = {5.0, 5.0};  // even so
  const Simulator simulator(config);
  Masks masks{2, 3, {0, 255, 127, 128, 0, 0, 0, 0, 0, 0, 0, 200}};
  const ImageSet set = simulate_images(simulator, masks, 3, 77);  // the third uses the first mask
  REQUIRE(set.counts.size() == 3 * 6 * 12);
  REQUIRE(set.sfd.size() == 3 * 6 * 36);
  const std::set<std::size_t> foreground{1, 3, 11, 13, 15};
  std::vector<float> counts(12), sfd(36);
  for (std::size_t i = 0; i < 18; ++i) {
    CAPTURE(i);
    const bool on = foreground.count(i) == 1;
    Sample sample{counts, sfd, {}};
    simulator.sample(77, i, sample);
    if (!on) {
      std::fill(counts.begin(), counts.end(), 0.0f);
      std::fill(sfd.begin(), sfd.end(), 0.0f);
      sample.truth = {{0.0, 0.0, 0.0}, 0.0, 0.0};
    }
    CHECK(set.foreground[i] == on);
    CHECK(std::equal(counts.begin(), counts.end(), set.counts.begin() + static_cast<long>(12 * i)));
    CHECK(std::equal(sfd.begin(), sfd.end(), set.sfd.begin() + static_cast<long>(36 * i)));
    CHECK(set.tau1[i] == static_cast<float>(sample.truth.decay.tau1_ns));
    CHECK(set.tau2[i] == static_cast<float>(sample.truth.decay.tau2_ns));
    CHECK(set.fraction[i] == static_cast<float>(sample.truth.decay.fraction));
    CHECK(set.total_counts[i] == static_cast<float>(sample.truth.total_counts));
  }
  masks.pixels.pop_back();
  CHECK_THROWS_AS(simulate_images(simulator, masks, 1, 77), Error);
  CHECK_THROWS_AS(simulate_images(simulator, Masks{}, 1, 77), Error);
  CHECK_THROWS_AS(simulate_images(simulator, procedural_masks(1, 1), 0, 77), UsageError);
}

TEST_CASE("an image set that would not fit into memory is refused before any is asked for") {
  CHECK_THROWS_AS(simulate_images(Simulator({}), procedural_masks(1, 1), 1000000, 1), UsageError);
}

TEST_CASE("pixels of an image share their lifetimes where asked to, and nothing else") {
  const Simulator simulator(simulator_preset("ss2-70"));
  const ImageSet set =
      simulate_images(simulator, procedural_masks(2, 5), 2, 9, LifetimesPer::image);
  std::vector<float> tau, counts;
  for (std::size_t i = 0; i < set.foreground.size() / 2; ++i)
    if (set.foreground[i]) {
      tau.push_back(set.tau1[i]);
      counts.push_back(set.total_counts[i]);
    }
  REQUIRE(tau.size() > 10);
  CHECK(std::all_of(tau.begin(), tau.end(), [&](float t) { return t == tau[0]; }));
  CHECK(std::none_of(counts.begin() + 1, counts.end(), [&](float c) { return c == counts[0]; }));
  CHECK(*std::max_element(set.tau1.begin() + static_cast<std::ptrdiff_t>(set.tau1.size() / 2),
                          set.tau1.end()) != tau[0]);
}
