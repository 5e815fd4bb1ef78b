// Traces unlike a network's training are flagged, those like it in 1 %, and damaged statistics are
// refused.

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "fli/inference/calibration_traces.h"
#include "fli/inference/column_loops.h"
#include "fli/inference/novelty_cases.h"
#include "simd/float/kernels.h"
#include "study/recipe.h"
#include "taugate/core/parallel.h"
#include "taugate/core/safetensors.h"
#include "taugate/fli/inference/novelty_estimate.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

TrainedModel train_small() {
  Recipe r;
  r.simulator = simulator_preset("ss2-70");
  set_prior(r.simulator, "general");
  r.network = {.gates = 70, .outputs = 1, .hidden = {8}};
  r.training.samples = 30'000;
  r.training.validations = 1;
  TrainingRun run(r);
  run.trainer().run();
  return run.master();
}

/// Eight units, trained for a second or two, with its statistics.
const TrainedModel& small_model() {
  static const TrainedModel model = [] {
    TrainedModel m = train_small();
    m.novelty = estimate_novelty(m, {.traces = 60'000});
    return m;
  }();
  return model;
}

/// Two units, two components of three gates, one Gaussian each: small enough to judge by hand.
Novelty by_hand() {
  Novelty n;
  n.log_photons = {2.0, 4.0};
  n.transform = {1, 0, 0, 1};
  n.mean = {0, 0, 2, 0};       // m moves from (0, 0) at 100 photons to (2, 0) at 10,000
  n.precision = {1, 4, 1, 4};  // 1 / v
  n.gates = 3;
  n.input_mean = {0, 0, 0};
  n.components = {1, 0, 0, 1, 0, 0};  // the first two gates
  n.training = {{0.6f, 0.6f}, {1, 0, 0, 1}, {0.01f, 0.02f}, {0}};
  n.beyond = {{0.2f, 0.9f}, {1, 0, 0, 1}, {0.01f, 0.02f}, {0}};
  const float never = 1e30f;
  n.limits = {{{never, never}, {never, never}, {never, never}}};
  return n;
}

}  // namespace

TEST_CASE("a mixture's cost is -2 ln of the density of its nearest Gaussian") {
  // Five numbers, two Gaussians of three axes each, which are columns of rotations.
  const Eigen::Index P = 5, Q = 3;
  Random rng(3, 0);
  ShapeMixture m;
  std::vector<Eigen::MatrixXd> axes;
  for (int g = 0; g < 2; ++g) {
    Eigen::MatrixXd any(P, P);
    for (double& v : any.reshaped()) v = rng.normal();
    axes.push_back(Eigen::HouseholderQR<Eigen::MatrixXd>(any).householderQ());
  }
  for (Eigen::Index k = 0; k < P; ++k) {
    for (int g = 0; g < 2; ++g) m.centre.push_back(static_cast<float>(0.3 * rng.normal()));
    for (Eigen::Index q = 0; q < Q; ++q)
      for (const auto& U : axes) m.axes.push_back(static_cast<float>(U(k, q)));
  }
  for (Eigen::Index q = 0; q < Q; ++q)
    for (int g = 0; g < 2; ++g) m.variance.push_back(static_cast<float>(0.01 * (q + 1)));
  const double share[] = {0.3, 0.7};
  const float noise = 0.004f;
  for (const double w : share) m.rarity.push_back(static_cast<float>(-2.0 * std::log(w)));
  REQUIRE(m.fits(5));
  CHECK_FALSE(m.fits(4));

  std::vector<float> scratch(m.scratch_size());
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<float> a(5);
    for (float& v : a) v = static_cast<float>(0.3 * rng.normal());
    double best = 1e300, chi2 = 0.0;
    for (std::size_t g = 0; g < 2; ++g) {
      Eigen::MatrixXd covariance = noise * Eigen::MatrixXd::Identity(P, P);
      for (Eigen::Index q = 0; q < Q; ++q)
        covariance += 0.01 * (q + 1) * axes[g].col(q) * axes[g].col(q).transpose();
      Eigen::VectorXd e(P);
      for (std::size_t k = 0; k < 5; ++k)
        e[static_cast<Eigen::Index>(k)] = a[k] - m.centre[2 * k + g];
      const double square = e.dot(covariance.inverse() * e);
      const double cost = square + std::log(covariance.determinant()) -
                          P * std::log(double{noise}) - 2.0 * std::log(share[g]);
      if (cost < best) best = cost, chi2 = square;
    }
    const auto found = m.nearest(a, noise, scratch);
    CHECK(close(found.cost, best, 1e-3, 1e-4));
    CHECK(close(found.chi2, chi2, 1e-3, 1e-4));
  }
}

TEST_CASE("a mixture finds groups that lie apart") {
  std::vector<float> points;
  Random rng(5, 0);
  for (int i = 0; i < 900; ++i)
    for (const double at : {i % 3 == 0 ? 2.0 : -1.0, 0.5})
      points.push_back(static_cast<float>(at + 0.01 * rng.normal()));
  const ShapeMixture m = ShapeMixture::fit(points, 2, 2);
  REQUIRE(m.rarity.size() == 2);
  const std::size_t far = m.centre[0] > m.centre[1] ? 0 : 1, near = 1 - far;
  CHECK(close(m.centre[far], 2.0, 0.003));
  CHECK(close(m.centre[near], -1.0, 0.003));
  CHECK(close(m.rarity[far], 2.0 * std::log(3.0), 1e-4));
  CHECK(close(m.rarity[near], 2.0 * std::log(1.5), 1e-4));
  for (const float l : m.variance) CHECK(close(l, 1e-4, 3e-5));
}

TEST_CASE("the loops of a flag give one result on every instruction set") {
  const std::string before = simd::active_arch();
  const std::size_t P = 7, Q = 3;
  const float noise = 0.02f;
  for (const std::size_t M : {2, 16, 37}) {  // fewer than a register holds, some, and a rest
    Random rng(5, M);
    const auto random = [&](std::size_t n, double low, double high) {
      std::vector<float> v(n);
      for (float& x : v) x = static_cast<float>(rng.uniform(low, high));
      return v;
    };
    const auto a = random(P, -1, 1), centre = random(P * M, -1, 1), axes = random(P * Q * M, -1, 1),
               variance = random(Q * M, 0.01, 0.1);
    std::vector<float> first_chi2, first_product;
    for (const std::string& arch : simd::available_archs()) {
      CAPTURE(arch);
      simd::use_arch(arch);
      std::vector<float> chi2(M), product(M);
      column_loops().squares({centre.data(), axes.data(), variance.data(), M, P, Q}, a.data(),
                             noise, chi2.data());
      column_loops().product(a.data(), P, centre.data(), M, product.data());
      for (std::size_t m = 0; m < M; ++m) {
        double e2 = 0.0, sum = 0.0, taken = 0.0, size = 0.0;
        for (std::size_t k = 0; k < P; ++k) {
          e2 += std::pow(double{a[k]} - centre[k * M + m], 2);
          sum += double{a[k]} * centre[k * M + m];
        }
        for (std::size_t q = 0; q < Q; ++q) {
          double b = 0.0;
          for (std::size_t k = 0; k < P; ++k)
            b += (double{a[k]} - centre[k * M + m]) * axes[(k * Q + q) * M + m];
          const double l = variance[q * M + m];
          taken += b * b * l / (l + noise) / noise;
          size += b * b / noise;
        }
        CHECK(close(chi2[m], e2 / noise - taken, 1e-5 * (e2 / noise + size)));
        CHECK(close(product[m], sum, 1e-5));
      }
      if (first_chi2.empty()) first_chi2 = chi2, first_product = product;
      CHECK(chi2 == first_chi2);
      CHECK(product == first_product);
    }
  }
  simd::use_arch(before);
}

TEST_CASE("a trace is judged at its own number of photons") {
  Novelty n = by_hand();
  std::vector<float> scratch;
  const std::vector<float> input{0.5f, 1.0f, 0.5f}, state{2.0f, 1.0f};
  // At 1,000 photons m = (1, 0): d^2 = 1 + 4.
  CHECK(close(n.assess(1000.0, input, state, scratch).state_distance, std::sqrt(5.0), 1e-6));
  CHECK(close(n.assess(1e4, input, state, scratch).state_distance, 2.0, 1e-6));
  CHECK(close(n.assess(1e9, input, state, scratch).state_distance, 2.0, 1e-6));  // as at the end
  CHECK(close(n.assess(1.0, input, state, scratch).state_distance, std::sqrt(8.0), 1e-6));

  // u = (0.5, sqrt 0.5, 0.5), of which the third gate is no component.
  const double s = 0.25 / 1000.0, b0 = 0.1, b1 = std::sqrt(0.5) - 0.6;
  const double chi2 = b0 * b0 / (0.01 + s) + b1 * b1 / (0.02 + s) + 0.25 / s;
  CHECK(close(n.assess(1000.0, input, state, scratch).input_chi2r, chi2 / 3.0, 0.0, 1e-5));

  // Any of the three tests flags, and none without reason.
  CHECK_FALSE(n.assess(1000.0, input, state, scratch).unlike);
  n.limits[0] = {std::log(4.9f), std::log(4.9f)};
  CHECK(n.assess(1000.0, input, state, scratch).unlike);
  n.limits[0] = {std::log(5.1f), std::log(5.1f)};
  CHECK_FALSE(n.assess(1000.0, input, state, scratch).unlike);
  const double volume = std::log1p(0.01 / s) + std::log1p(0.02 / s);
  for (const double by : {-0.001, 0.001}) {
    const auto limit = static_cast<float>(std::log(chi2 + volume) + by);
    n.limits[1] = {limit, limit};
    CHECK(n.assess(1000.0, input, state, scratch).unlike == (by < 0.0));
  }
  const double c0 = 0.3, c1 = std::sqrt(0.5) - 0.9;
  const double ratio = 0.5 * ((b0 * b0 - c0 * c0) / (0.01 + s) + (b1 * b1 - c1 * c1) / (0.02 + s));
  for (const double by : {-0.01, 0.01}) {
    const auto limit = static_cast<float>(ratio + by);
    n.limits[2] = {limit, limit};
    CHECK(n.assess(1000.0, input, state, scratch).unlike == (by < 0.0));
  }

  CHECK_THROWS_WITH_AS(n.assess(1000.0, state, state, scratch),
                       "[novelty] found 2 gates and 2 units, wanted 3 and 2", Error);
}

TEST_CASE("traces as in training are flagged in 1 %, others nearly always") {
  const NoveltyTable table = novelty_table(small_model(), {100, 1000, 10'000}, 3000, 77);
  std::map<std::string, NoveltyCase> cases;
  for (const NoveltyCase& c : table.cases) cases[c.name] = c;
  // 1 % of 3,000 is 30 +- 5.5; the limits come from some 90 traces beyond them: +- 11 %.
  for (const double rate : table.cases[0].flagged) {
    CHECK(rate > 0.003);
    CHECK(rate < 0.02);
  }
  for (const char* name :
       {"background only", "time reversed", "gates shuffled", "background of 20 %",
        "one lifetime of 3.2 ns", "one lifetime of 5.33 ns", "one lifetime of 0.1 ns", "a hot gate",
        "the gate at the peak is dead", "IRF 0.25 ns later than any in training",
        "IRF 0.5 ns later than any in training", "IRF 0.5 ns earlier than any in training",
        "IRF of FWHM 1 ns"}) {
    CAPTURE(name);
    REQUIRE(cases.contains(name));
    CHECK(cases[name].flagged[1] > 0.95);
  }
  // Pile-up makes decays that training has, too: nothing can tell.
  CHECK(cases["pile-up of 0.2 photons a pulse"].flagged[1] < 0.05);
  // Biases are those of lifetimes, where there are any.
  CHECK(std::isnan(cases["background only"].bias[1]));
  CHECK(cases["one lifetime of 3.2 ns"].bias[1] < -0.2);
}

TEST_CASE("priors beyond are priors, and lie beyond") {
  for (const char* preset : {"ss2-70", "iccd-176"})
    for (const char* name : {"general", "paper"}) {
      SimulatorConfig prior = simulator_preset(preset);
      set_prior(prior, name);
      const auto beyond = beyond_prior(prior);
      CHECK(beyond.size() == 8);
      for (const SimulatorConfig& c : beyond) CHECK(to_json(c) != to_json(prior));
    }
  // An IRF that fills the period cannot be wider.
  SimulatorConfig wide = simulator_preset("ss2-70");
  wide.irf.fwhm_ns = {1.0, 2.5};
  CHECK(possible(wide));
  CHECK(beyond_prior(wide).size() == 7);
}

TEST_CASE("statistics do not depend on the threads, and stop when asked") {
  const TrainedModel& model = small_model();
  const int threads = thread_count();
  std::vector<std::string> texts;
  for (const int n : {1, 3}) {
    set_thread_count(n);
    texts.push_back(estimate_novelty(model, {.traces = 20'000})->to_bytes());
  }
  set_thread_count(threads);
  CHECK(texts[0] == texts[1]);
  CHECK_FALSE(estimate_novelty(model, {.traces = 20'000, .keep_going = [] { return false; }}));
}

TEST_CASE("a model file keeps the statistics, of integers too") {
  const TrainedModel& model = small_model();
  const Novelty &first = *model.novelty, again = Novelty::from_bytes(first.to_bytes());
  // Nothing is rounded that was judged: the limits hold for what is read.
  CHECK(again.counts_per_photon == first.counts_per_photon);
  CHECK(again.log_photons == first.log_photons);
  CHECK(again.transform == first.transform);
  CHECK(again.mean == first.mean);
  CHECK(again.precision == first.precision);
  CHECK(again.group == first.group);
  CHECK(again.gates == first.gates);
  CHECK(again.input_mean == first.input_mean);
  CHECK(again.components == first.components);
  for (const auto part : {&Novelty::training, &Novelty::beyond}) {
    CHECK((again.*part).centre == (first.*part).centre);
    CHECK((again.*part).axes == (first.*part).axes);
    CHECK((again.*part).variance == (first.*part).variance);
    CHECK((again.*part).rarity == (first.*part).rarity);
  }
  CHECK(again.limits == first.limits);
  CHECK(first.to_bytes().size() < 30'000);

  const auto path = std::filesystem::temp_directory_path() / "taugate_test_novelty.safetensors";
  save(path, model);
  CHECK(load_trained_model(path).novelty->to_bytes() == model.novelty->to_bytes());

  QuantizedModel integers =
      quantize_trained(model, {}, simulated_inputs(model, 64, kCalibrationSeed), {});
  CHECK_FALSE(integers.novelty);  // its states are others
  integers.novelty = estimate_novelty(integers, {.traces = 20'000});
  save(path, integers);
  CHECK(load_quantized_model(path).novelty->to_bytes() == integers.novelty->to_bytes());
  CHECK(integers.novelty->to_bytes() != model.novelty->to_bytes());
  std::filesystem::remove(path);
}

TEST_CASE("damaged statistics are refused") {
  const char* no_fit = "its statistics of training's traces do not fit each other";
  const std::string whole = by_hand().to_bytes();
  CHECK_NOTHROW(Novelty::from_bytes(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_THROWS_WITH_AS(Novelty::from_bytes(whole.substr(0, size)), no_fit, Error);
  CHECK_THROWS_WITH_AS(Novelty::from_bytes(whole + '\0'), no_fit, Error);
  CHECK_THROWS_WITH_AS(Novelty::from_bytes(std::string("\0\7", 2) + whole.substr(2)), no_fit,
                       Error);
  const auto refused = [&](auto&& damage) {
    Novelty n = by_hand();
    damage(n);
    CHECK_THROWS_WITH_AS(Novelty::from_bytes(n.to_bytes()), no_fit, Error);
  };
  refused([](Novelty& n) { n.log_photons = {2.0}; });
  refused([](Novelty& n) { n.log_photons = {2.0, 2.0}; });
  refused([](Novelty& n) { n.transform = {1, 0, 0}; });
  refused([](Novelty& n) { n.mean = {0, 0, 2}; });
  refused([](Novelty& n) { n.precision = {1, 4, 1}; });
  refused([](Novelty& n) { n.gates = 4; });
  refused([](Novelty& n) { n.group = 0; });
  refused([](Novelty& n) { n.input_mean.clear(); });
  refused([](Novelty& n) { n.components = {1, 0, 0, 1, 0}; });
  refused([](Novelty& n) { n.counts_per_photon = 0.0; });
  refused([](Novelty& n) { n.training.centre = {1, 2, 3}; });
  refused([](Novelty& n) { n.training.rarity.clear(); });
  refused([](Novelty& n) { n.beyond.axes = {1, 0, 0}; });
  refused([](Novelty& n) { n.beyond.variance.clear(); });
  refused([](Novelty& n) { n.limits[2] = {1.0f}; });
}

TEST_CASE("statistics that an earlier version wrote as JSON are read, and refused where damaged") {
  const std::string text = read_safetensors(std::filesystem::path(TAUGATE_SOURCE_DIR) /
                                            "tests/data/models/one-layer-int8.safetensors")
                               .metadata.at("taugate.novelty");
  const nlohmann::json whole = nlohmann::json::parse(text);
  const Novelty n = Novelty::from_bytes(text);
  CHECK(n.transform == whole.at("transform").get<std::vector<float>>());
  CHECK(n.beyond.axes == whole.at("beyond").at("axes").get<std::vector<float>>());
  for (const auto& item : whole.items()) {
    CAPTURE(item.key());
    nlohmann::json damaged = whole;
    damaged.erase(item.key());
    CHECK_THROWS_AS(Novelty::from_bytes(damaged.dump()), nlohmann::json::exception);
    damaged = whole;
    damaged[item.key()] = "?";
    CHECK_THROWS_AS(Novelty::from_bytes(damaged.dump()), nlohmann::json::exception);
  }
}
