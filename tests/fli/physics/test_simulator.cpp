#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <new>
#include <numeric>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/physics/response.h"
#include "taugate/fli/physics/simulator.h"

using namespace taugate;

namespace {
thread_local long allocations = 0;
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

struct Pixel {
  std::vector<float> counts, sfd;
  Truth truth;
};

Pixel pixel(const Simulator& simulator, std::uint64_t seed, std::uint64_t index) {
  const auto gates = static_cast<std::size_t>(simulator.gates());
  Pixel p{std::vector<float>(gates), std::vector<float>(gates * simulator.channels()), {}};
  Sample sample{p.counts, p.sfd, {}};
  simulator.sample(seed, index, sample);
  p.truth = sample.truth;
  return p;
}

bool same(const Pixel& a, const Pixel& b) {
  return a.counts == b.counts && a.sfd == b.sfd && a.truth.decay == b.truth.decay &&
         a.truth.peak_counts == b.truth.peak_counts && a.truth.total_counts == b.truth.total_counts;
}

SimulatorConfig measured_config() {
  // A PicoHarp-like IRF: 4 ps bins, an asymmetric peak.
  std::vector<double> counts(6200, 2.0);
  for (int j = 0; j < 6200; ++j) {
    const double t = (j - 300) * 0.004;
    counts[j] += t < 0 ? 2e4 * std::exp(-t * t / 0.002) : 2e4 * std::exp(-t / 0.08);
  }
  SimulatorConfig config;
  config.acquisition = {128, 24.8 / 128, 24.8 / 128, 24.8};
  config.decay = {{0.2, 6.0}, {0.2, 6.0}, {0.0, 1.0}, 0.5, true};
  config.irf.measured = std::make_shared<MeasuredIrfs>(counts, 6200, 0.004);
  config.irf.delay_ns = {-0.1, 0.1};
  config.irf.tail_probability = 0.0;
  config.peak_counts = {100.0, 1e5};
  return config;
}

}  // namespace

TEST_CASE("a pixel is a pure function of seed and index") {
  for (const char* preset : {"ss2-70", "ss3-135", "iccd-176"}) {
    const Simulator simulator(simulator_preset(preset));
    const Pixel first = pixel(simulator, 1, 12);
    CHECK_FALSE(same(first, pixel(simulator, 1, 13)));
    CHECK_FALSE(same(first, pixel(simulator, 2, 12)));
    CHECK(same(first, pixel(simulator, 1, 12)));  // whatever was asked for in between
  }
}

TEST_CASE("threads, and other simulators on the same thread, change no bit") {
  const Simulator a(simulator_preset("ss2-70")), b(measured_config());
  std::vector<Pixel> alone, together(300);
  for (std::uint64_t i = 0; i < 300; ++i) alone.push_back(pixel(i % 2 ? a : b, 5, i));
  const int before = thread_count();
  set_thread_count(4);
  parallel_for(300,
               [&](std::size_t i, int) { together[299 - i] = pixel(i % 2 ? b : a, 5, 299 - i); });
  set_thread_count(before);
  for (std::size_t i = 0; i < 300; ++i) CHECK(same(alone[i], together[i]));
}

TEST_CASE("the truth is drawn from the prior, the peak counts log-uniformly") {
  const Simulator simulator(simulator_preset("ss2-70"));
  constexpr int draws = 20000;
  double tau1 = 0, tau2 = 0, fraction = 0, logs = 0;
  for (int i = 0; i < draws; ++i) {
    const Truth t = pixel(simulator, 3, static_cast<std::uint64_t>(i)).truth;
    REQUIRE(t.decay.tau1_ns >= 0.2);
    REQUIRE(t.decay.tau1_ns <= 0.8);
    REQUIRE(t.decay.tau2_ns >= 0.8);
    REQUIRE(t.decay.tau2_ns <= 1.5);
    REQUIRE(t.peak_counts >= 100.0);
    REQUIRE(t.peak_counts <= 3000.0);
    REQUIRE(t.total_counts > t.peak_counts);
    tau1 += t.decay.tau1_ns, tau2 += t.decay.tau2_ns, fraction += t.decay.fraction;
    logs += std::log(t.peak_counts);
  }
  const auto uniform_mean = [&](double sum, double low, double high) {
    CHECK(std::abs(sum / draws - 0.5 * (low + high)) <
          5.0 * (high - low) / std::sqrt(12.0 * draws));
  };
  uniform_mean(tau1, 0.2, 0.8);
  uniform_mean(tau2, 0.8, 1.5);
  uniform_mean(fraction, 0.0, 1.0);
  uniform_mean(logs, std::log(100.0), std::log(3000.0));
}

TEST_CASE("overlapping ranges: tau1 is the shorter one; mono-exponentials span both ranges") {
  DecayPrior prior{{0.2, 6.0}, {1.0, 8.0}, {0.3, 0.3}, 0.4, true};
  Random random(8, 8);
  int mono = 0;
  double logs = 0.0;
  for (int i = 0; i < 20000; ++i) {
    const Decay d = draw_decay(prior, random);
    if (d.fraction == 1.0) {
      CHECK(d.tau1_ns == d.tau2_ns);
      logs += std::log(d.tau1_ns);
      ++mono;
    } else {
      CHECK(d.fraction == 0.3);
      CHECK(d.tau1_ns < d.tau2_ns);
    }
  }
  CHECK(std::abs(mono - 8000) < 5 * std::sqrt(4800.0));
  const double low = std::log(0.2), high = std::log(8.0);
  CHECK(std::abs(logs / mono - 0.5 * (low + high)) < 5.0 * (high - low) / std::sqrt(12.0 * mono));
}

TEST_CASE(
    "averaged over its noise, a pixel is the response plus background, with the peak asked for") {
  SimulatorConfig config;
  config.acquisition = {40, 0.25, 0.25, 10.0};
  config.decay = {{0.5, 0.5}, {2.0, 2.0}, {0.4, 0.4}, 0.0, false};
  config.irf.delay_ns = {1.3, 1.3};
  config.irf.fwhm_ns = {0.3, 0.3};
  config.irf.tail_probability = 1.0;
  config.irf.tail_ns = {0.2, 0.2};
  config.peak_counts = {50.0, 50.0};
  config.background_counts = {2.0, 2.0};
  config.background_fraction = {0.1, 0.1};
  config.detector.dark_counts = 0.5;
  const Simulator simulator(config);
  std::vector<double> buffer, wanted(40);
  Response{config.acquisition}(parametric_irf(1.3, 0.3, 0.0, 0.2, buffer), {0.5, 2.0, 0.4}, wanted);
  const double scale = 50.0 / *std::max_element(wanted.begin(), wanted.end());
  constexpr int draws = 20000;
  std::vector<double> mean(40, 0.0);
  double total = 0.0;
  for (int i = 0; i < draws; ++i) {
    const Pixel p = pixel(simulator, 6, static_cast<std::uint64_t>(i));
    for (std::size_t k = 0; k < 40; ++k) mean[k] += p.counts[k] / draws;
    total = p.truth.total_counts;
  }
  double signal = 0.0;
  for (std::size_t k = 0; k < 40; ++k) {
    const double mu = scale * wanted[k] + 2.0 + 5.0 + 0.5;
    CHECK(std::abs(mean[k] - mu) < 5.0 * std::sqrt(mu / draws));
    signal += scale * wanted[k];
  }
  CHECK(total == doctest::Approx(signal));
}

TEST_CASE("a background that is a share of all counts, in some of the pixels") {
  SimulatorConfig config = simulator_preset("ss2-70");
  config.peak_counts = {3000.0, 3000.0};
  const Simulator without(config);
  config.background_share = {0.2, 0.2};
  config.background_probability = 0.25;
  const Simulator with(config);
  CHECK(to_json(simulator_config_from_json(to_json(config))) == to_json(config));
  CHECK(to_json(without.config()).find("background_share") == std::string::npos);
  int pixels = 0;
  constexpr int draws = 2000;
  for (int i = 0; i < draws; ++i) {
    const Pixel p = pixel(with, 6, static_cast<std::uint64_t>(i));
    const double all = std::accumulate(p.counts.begin(), p.counts.end(), 0.0);
    const double share = 1.0 - p.truth.total_counts / all;
    // Noise of the share: less than 1 / sqrt(all).
    const double five = 5.0 / std::sqrt(all);
    const bool background = std::abs(share - 0.2) < five;
    CHECK((background || std::abs(share) < five));
    pixels += background;
  }
  CHECK(std::abs(pixels - 0.25 * draws) < 5.0 * std::sqrt(0.25 * 0.75 * draws));
  config.background_share = {0.2, 1.0};
  CHECK_THROWS_AS(validate(config), UsageError);
}

TEST_CASE("a given decay changes the decay alone") {
  const Simulator simulator(simulator_preset("ss2-70"));
  const Pixel drawn = pixel(simulator, 9, 4);
  std::vector<float> counts(70), sfd(70), wanted(70);
  Sample sample{counts, sfd, {}};
  simulator.sample(9, 4, drawn.truth.decay, sample);
  CHECK(counts == drawn.counts);
  simulator.sample(9, 4, Decay::mono(1.0), sample);
  CHECK(sample.truth.decay == Decay::mono(1.0));
  CHECK(sample.truth.peak_counts == drawn.truth.peak_counts);
  write_sfd(Decay::mono(1.0), simulator.config().acquisition, wanted);
  CHECK(sfd == wanted);
}

TEST_CASE("no allocation after a thread's first call") {
  long before = allocations;
  const std::vector<int> trap(3);
  CHECK(allocations == before + 1);  // the trap works
  SimulatorConfig gated;
  gated.irf.gate_ns = {0.5, 3.0};
  gated.irf.fwhm_ns = {0.05, 0.5};
  gated.detector.kind = DetectorKind::gated_spad;
  for (const auto& config : {SimulatorConfig{}, gated, measured_config()}) {
    const Simulator simulator(config);
    std::vector<float> counts(static_cast<std::size_t>(simulator.gates())), sfd(counts.size());
    Sample sample{counts, sfd, {}};
    simulator.sample(1, 0, sample);
    before = allocations;
    for (std::uint64_t i = 1; i < 200; ++i) simulator.sample(1, i, sample);
    CHECK(allocations == before);
  }
}

TEST_CASE("a configuration survives JSON: the same text, the same pixels") {
  SimulatorConfig odd = simulator_preset("iccd-176");
  odd.channels = 3;
  odd.decay.log_uniform = true;
  odd.background_fraction = {0.0, 1.0 / 3.0};
  odd.detector.hot_probability = 0.5;
  for (const auto& config : {SimulatorConfig{}, odd, measured_config()}) {
    const SimulatorConfig again = simulator_config_from_json(to_json(config));
    CHECK(to_json(again) == to_json(config));
    for (std::uint64_t i = 0; i < 20; ++i)
      CHECK(same(pixel(Simulator(config), 2, i), pixel(Simulator(again), 2, i)));
  }
}

TEST_CASE("a partial configuration starts from a preset") {
  const SimulatorConfig c = simulator_config_from_json(
      R"({"preset":"iccd-176","decay":{"tau1_ns":[0.1,0.2]},"acquisition":{"gate_step_ns":0.05}})");
  CHECK(c.decay.tau1_ns == Range{0.1, 0.2});
  CHECK(c.decay.tau2_ns == Range{0.8, 1.5});
  CHECK(c.detector.kind == DetectorKind::iccd);
  CHECK(c.acquisition == Acquisition{176, 0.05, 0.05, 12.5});
  CHECK_THROWS_WITH_AS(
      simulator_config_from_json(R"({"detector":{"kind":"emccd"}})"),
      "simulator.detector.kind: found \"emccd\", wanted one of tcspc, gated_spad, iccd", Error);
  CHECK_THROWS_AS(simulator_config_from_json(R"({"detectr":{}})"), Error);
  CHECK_THROWS_AS(simulator_config_from_json(R"({"peak_counts":[1]})"), Error);
  CHECK_THROWS_AS(simulator_config_from_json(R"({"peak_counts":[5,1]})"), Error);
  CHECK_THROWS_AS(simulator_config_from_json(R"({"channels":2})"), Error);
  CHECK_THROWS_AS(simulator_config_from_json(R"({"preset":"nix"})"), Error);
  CHECK_THROWS_AS(simulator_config_from_json("[1]"), Error);
  CHECK_THROWS_AS(simulator_config_from_json(R"({"irf":{"measured":5}})"), Error);
}

TEST_CASE("memory of the wrong size is refused") {
  const Simulator simulator({});
  std::vector<float> counts(70), sfd(70), few(69);
  Sample no_sfd{counts, {}, {}}, few_counts{few, sfd, {}}, few_sfd{counts, few, {}};
  CHECK_NOTHROW(simulator.sample(1, 1, no_sfd));
  CHECK_THROWS_AS(simulator.sample(1, 1, few_counts), Error);
  CHECK_THROWS_AS(simulator.sample(1, 1, few_sfd), Error);
}

TEST_CASE("the paper's prior gives the traces that it always gave") {
  SimulatorConfig config = simulator_preset("ss2-70");
  set_prior(config, "general");
  set_prior(config, "paper");
  CHECK(to_json(config) == to_json(simulator_preset("ss2-70")));
  // Version 0.1 before there were scatter, rise and named priors: seed 3, pixel 0.
  const std::vector<float> counts = pixel(Simulator(config), 3, 0).counts;
  CHECK(std::vector<float>(counts.begin(), counts.begin() + 20) ==
        std::vector<float>{0,   0,   0,   0,   0,   11,  246, 759, 763, 501,
                           360, 245, 197, 143, 127, 108, 103, 80,  70,  50});
}

TEST_CASE("scatter follows the IRF, a rise is taken off, and the SFD shows neither") {
  // Expected gates in closed form: an exponential behind a Gaussian IRF has the integral
  // Phi(x) - exp(-t/tau + s^2/(2 tau^2)) Phi(x - s/tau), x = t/s, times tau.
  constexpr double share = 0.15, amplitude = 0.3, rise = 0.3, tau = 1.2, delay = 2.0, fwhm = 0.4;
  const double s = fwhm / std::sqrt(8.0 * std::log(2.0));
  const auto phi = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  const auto filled = [&](double t, double lifetime) {
    return lifetime * (phi(t / s) - std::exp(-t / lifetime + s * s / (2.0 * lifetime * lifetime)) *
                                        phi(t / s - s / lifetime));
  };
  SimulatorConfig config;
  config.acquisition = {100, 0.2, 0.2, 40.0};
  config.decay = {
      {tau, tau}, {tau, tau}, {1.0, 1.0}, 1.0, false, {rise, rise}, {amplitude, amplitude}};
  config.irf.delay_ns = {delay, delay};
  config.irf.fwhm_ns = {fwhm, fwhm};
  config.peak_counts = {200.0, 200.0};
  config.scatter = {share, share};
  std::vector<double> light(100), prompt(100);
  double all = 0.0, peak = 0.0;
  for (int k = 0; k < 100; ++k) {
    const double t = 0.2 * k - delay;
    light[k] = filled(t + 0.2, tau) - filled(t, tau) -
               amplitude * (filled(t + 0.2, rise) - filled(t, rise));
    prompt[k] = phi((t + 0.2) / s) - phi(t / s);
    all += light[k];
  }
  for (int k = 0; k < 100; ++k) {
    light[k] = (1.0 - share) * light[k] / all + share * prompt[k];
    peak = std::max(peak, light[k]);
  }
  const Simulator simulator(config);
  constexpr int draws = 10000;
  std::vector<double> mean(100, 0.0);
  Pixel p;
  for (int i = 0; i < draws; ++i) {
    p = pixel(simulator, 12, static_cast<std::uint64_t>(i));
    for (std::size_t k = 0; k < 100; ++k) mean[k] += p.counts[k] / draws;
  }
  for (std::size_t k = 0; k < 100; ++k) {
    CAPTURE(k);
    const double mu = 200.0 * light[k] / peak;
    CHECK(std::abs(mean[k] - mu) < 5.0 * std::sqrt(mu / draws) + 2e-3 * mu + 1e-3);
  }
  std::vector<float> wanted(100);
  write_sfd(Decay::mono(tau), config.acquisition, wanted);
  CHECK(p.sfd == wanted);
  CHECK(p.truth.decay == Decay::mono(tau));
}

TEST_CASE("a rise slower than the decay is as fast as the decay, which leaves the decay's shape") {
  SimulatorConfig config;
  config.decay = {{1.0, 1.0}, {1.0, 1.0}, {1.0, 1.0}, 1.0};
  config.irf.delay_ns = {1.5, 1.5};
  config.irf.fwhm_ns = {0.3, 0.3};
  config.peak_counts = {100.0, 100.0};
  const double plain = pixel(Simulator(config), 4, 1).truth.total_counts;
  config.decay.rise_ns = {5.0, 5.0};
  config.decay.rise_amplitude = {0.5, 0.5};
  CHECK(pixel(Simulator(config), 4, 1).truth.total_counts == doctest::Approx(plain).epsilon(1e-9));
  config.decay.rise_ns = {0.3, 0.3};  // a later peak, a larger area under it
  CHECK(pixel(Simulator(config), 4, 1).truth.total_counts > 1.05 * plain);
}

TEST_CASE("named priors change what is trained for, not the instrument") {
  SimulatorConfig config = simulator_preset("iccd-176");
  CHECK(prior_name(config) == "paper");
  set_prior(config, "general");
  CHECK(prior_name(config) == "general");
  CHECK(config.acquisition == simulator_preset("iccd-176").acquisition);
  CHECK(config.irf.fwhm_ns == simulator_preset("iccd-176").irf.fwhm_ns);
  CHECK(config.detector.kind == DetectorKind::iccd);
  CHECK(describe_prior(config).starts_with("general: lifetimes 0.2 to 1.6 ns, 85 % with one"));
  config.scatter = {0.0, 0.1};
  CHECK(prior_name(config) == "custom");
  CHECK(describe_prior(config).ends_with("; scatter to 10 %"));
  set_prior(config, "paper");
  CHECK(prior_name(config) == "paper");
  CHECK_THROWS_WITH_AS(set_prior(config, "papers"),
                       "prior: found 'papers', wanted general or paper", UsageError);
  CHECK(prior_name(simulator_config_from_json("{}")) ==
        "paper");  // as in files before there were two
  CHECK(prior_name(simulator_config_from_json(R"({"prior":"general"})")) == "general");
  CHECK_THROWS_AS(simulator_config_from_json(R"({"prior":3})"), Error);
  CHECK_THROWS_AS(simulator_config_from_json(R"({"scatter":[0,1]})"), Error);
  CHECK_THROWS_AS(simulator_config_from_json(R"({"decay":{"rise_amplitude":[0,0.3]}})"), Error);
}
