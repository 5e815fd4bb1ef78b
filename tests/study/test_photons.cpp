// Networks of single photons: the simulator's photons, what a step reads, training, files, streams, and how near the
// answers are to what the photons allow.

#include <numeric>

#include "study/photon_evaluation.h"
#include "study/recipe.h"
#include "taugate/fli/inference/photon_stream.h"
#include "temporary_folder.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

SimulatorConfig prior() {
  SimulatorConfig c;
  c.acquisition = {128, 25.0 / 128, 25.0 / 128, 25.0};
  c.decay = {
      .tau1_ns = {0.4, 5.0}, .tau2_ns = {0.4, 5.0}, .mono_probability = 1.0, .log_uniform = true};
  c.irf.delay_ns = {1.5, 1.5};
  c.irf.fwhm_ns = {0.3, 0.3};
  return c;
}

Recipe recipe(std::uint64_t lists = 512, int photons = 40) {
  Recipe r;
  r.simulator = prior();
  r.photons = photons;
  r.network = {.gates = photons, .outputs = PhotonNetwork::kOutputs, .hidden = {8}};
  r.lifetime_beta = 0.0;
  r.training.samples = lists;
  r.training.batch = 32;
  r.training.validation_samples = 64;
  r.training.validations = 2;
  r.training.schedule.rate = 1e-2;
  return r;
}

}  // namespace

TEST_CASE(
    "simulated photons arrive as the expectation says, and a list begins as a longer one does") {
  SimulatorConfig c = prior();
  c.background_share = {0.2, 0.2};
  c.background_probability = 1.0;
  const Simulator simulator(c);
  constexpr std::size_t N = 200'000;
  std::vector<std::uint16_t> gates(N), few(50);
  const Truth truth = simulator.photons(3, 5, Decay::mono(2.0), gates);
  CHECK(truth.decay == Decay::mono(2.0));
  simulator.photons(3, 5, Decay::mono(2.0), few);
  CHECK(std::equal(few.begin(), few.end(), gates.begin()));
  // Beside counts of the same light: many, so that their noise does not matter.
  c.peak_counts = {1e9, 1e9};
  std::vector<float> counts(128);
  Sample sample{counts, {}, {}};
  Simulator(c).sample(3, 5, Decay::mono(2.0), sample);
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  std::vector<double> found(128);
  for (const std::uint16_t gate : gates) ++found.at(gate);
  double chi2 = 0.0;
  for (std::size_t k = 0; k < 128; ++k) {
    const double mu = counts[k] / total * N;
    chi2 += (found[k] - mu) * (found[k] - mu) / mu;
  }
  CHECK(chi2 > 127 - 5 * std::sqrt(2.0 * 127));
  CHECK(chi2 < 127 + 5 * std::sqrt(2.0 * 127));
}

TEST_CASE("lists of photons: their inputs, and which lengths count") {
  const PhotonLists lists(prior(), 40, 7);
  constexpr int B = 3;
  Random rng(1, 1);
  const OwnedSequence<float> input(40, 2, B, rng), target(40, 1, B, rng);
  lists.fill(11, input.view, target.view);
  const Simulator simulator(prior());
  for (int b = 0; b < B; ++b) {
    std::vector<std::uint16_t> gates(40);
    const Truth truth = simulator.photons(7, 11 + static_cast<std::uint64_t>(b), gates);
    int counted = 0;
    for (int t = 0; t < 40; ++t) {
      CHECK(close(input.view.at(t, 0, b),
                  2.0 * (gates[static_cast<std::size_t>(t)] + 0.5) / 128 - 1.0, 1e-6));
      CHECK(close(input.view.at(t, 1, b), std::log(t + 1.0) / 12.0, 1e-6));
      if (std::isnan(target.view.at(t, 0, b))) continue;
      ++counted;
      CHECK(close(target.view.at(t, 0, b), std::log(truth.decay.tau1_ns), 1e-6));
    }
    CHECK(counted >= 2);
    CHECK(counted <= PhotonLists::kLengths);
    CHECK(!std::isnan(target.view.at(39, 0, b)));
  }
  SimulatorConfig half = prior();
  half.acquisition.gates = 64;
  CHECK_THROWS_AS(PhotonLists(half, 40, 7), Error);
}

TEST_CASE("a new network's states are means of what photons put to them") {
  Model model(photon_network({.gates = 30, .outputs = 2, .hidden = {5}}));
  initialise_photon_network(model, prior(), 3);
  float* w = model.parameters().data();
  const GruParameters& at = model.layers()[0].parameters();
  const auto clear = [&](const ParameterRef& ref, int first, int rows) {
    std::fill_n(w + ref.offset + static_cast<std::size_t>(first) * ref.cols,
                static_cast<std::size_t>(rows) * ref.cols, 0.0f);
  };
  clear(at.recurrent, 0, 15);  // what is left of the past is the update gate's doing
  for (int row = 5; row < 10; ++row) w[at.input.offset + 2 * static_cast<std::size_t>(row)] = 0.0f;
  Arena arena;
  Tape<float> tape(arena, model.parameters().bind());
  const auto x = arena.zero_sequence<float>(30, 2, 1);
  Random rng(2, 2);
  for (int t = 0; t < 30; ++t) {
    const auto in =
        photon_input(static_cast<float>(rng.uniform()), static_cast<std::uint64_t>(t) + 1);
    x.at(t, 0, 0) = in[0];
    x.at(t, 1, 0) = in[1];
  }
  const auto run = model.run(tape, tape.input(x));
  for (int unit = 0; unit < 5; ++unit) {
    const std::size_t row = 10 + static_cast<std::size_t>(unit);
    double mean = 0.0;  // with z = n / (n + 1), the start at 0 counts as one photon
    for (int t = 0; t < 30; ++t)
      mean += std::tanh(w[at.input.offset + 2 * row] * x.at(t, 0, 0) +
                        w[at.input.offset + 2 * row + 1] * x.at(t, 1, 0) +
                        w[at.input_bias.offset + row]) /
              31.0;
    CHECK(close(run.features.value.at(29, unit, 0), mean, 1e-4));
  }
}

TEST_CASE("a network of photons trains, floats and integers, is kept in a file, and streams") {
  TemporaryFolder folder;
  const Recipe r = recipe();
  TrainingRun run(r);
  run.trainer().run();
  const auto& history = run.trainer().history();
  CHECK(history.back().validation_loss < history.front().validation_loss);
  const std::unique_ptr<TraceModel> model = run.result();
  const auto file = folder.path / "m.safetensors";
  save(file, *model);
  CHECK_THROWS_AS(load_trace_model(file), Error);
  const auto again = load_trace_model(file, ModelReads::photons);
  CHECK(again->reads_photons());
  CHECK(!again->gives_lifetimes());

  Recipe with_integers = recipe(64);
  with_integers.integers.emplace();
  const TrainedModel start = load_trained_model(file, ModelReads::either);
  TrainingRun integers(with_integers, nullptr, &start);
  integers.trainer().run();
  save(folder.path / "i.safetensors", *integers.result());
  const auto quantized = load_trace_model(folder.path / "i.safetensors", ModelReads::photons);

  for (const TraceModel* m : {again.get(), quantized.get()}) {
    // Photon by photon beside all at once, on a clock that begins elsewhere.
    PhotonStream one(*m, 3), all(*m, 3, 2.0);
    std::vector<PixelPhoton> photons, later;
    Random rng(8, 8);
    for (int i = 0; i < 90; ++i) {
      const auto pixel = static_cast<std::uint32_t>(rng.below(2));
      const auto t = static_cast<float>(static_cast<double>(rng.below(100)) * 0.25);
      photons.push_back({pixel, t});
      later.push_back({pixel, t + 2.0f});
    }
    for (const PixelPhoton& p : photons) one.push({&p, 1});
    all.push(later);
    const auto answers = all.answers();
    for (std::size_t pixel = 0; pixel < 2; ++pixel) {
      CHECK(one.answer(pixel).value == answers[pixel].value);
      CHECK(one.answer(pixel).deviation == answers[pixel].deviation);
      CHECK(answers[pixel].value > 0.0f);
    }
    CHECK(std::isnan(answers[2].value));
    CHECK_THROWS_AS(all.push(std::vector<PixelPhoton>{{3, 1.0f}}), Error);
    all.reset();
    CHECK(all.photons(0) == 0);
  }
}

TEST_CASE("a short training brings the answers near the bound, and their deviations true") {
  Recipe r = recipe(12'000, 200);
  r.network.hidden = {12};
  TrainingRun run(r);
  run.trainer().run();
  const std::vector<double> taus{0.7, 2.0};
  const std::vector<int> photons{30, 200};
  const auto rows = evaluate_photons(*run.result(), r.simulator, taus, photons, 400, 5);
  REQUIRE(rows.size() == 4);
  for (const PhotonRow& row : rows) {
    CAPTURE(row.tau_ns);
    CAPTURE(row.photons);
    const PhotonScore &network = row.scores[0], &mle = row.scores[1];
    CHECK(row.f_value(row.bound) > 1.0);
    CHECK(mle.rmse() < 1.2 * row.bound);
    CHECK(network.rmse() < 1.35 * row.bound);
    CHECK(network.within_one > 0.5);
    CHECK(network.within_two > 0.85);
  }
  CHECK_THROWS_AS(evaluate_photons(*run.result(), simulator_preset("ss2-70"), taus, photons, 4, 5),
                  Error);
}
