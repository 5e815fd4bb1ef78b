// Networks that answer with lifetimes and their deviations: targets, training, files, what infer makes of them, and how
// true the deviations are.

#include <filesystem>
#include <numeric>

#include "study/calibration.h"
#include "study/comparison.h"
#include "study/evaluation.h"
#include "study/recipe.h"
#include "taugate/fli/estimation/lifetime.h"
#include "taugate/fli/inference/lifetime_head.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

Recipe lifetime_recipe(std::uint64_t samples = 1024) {
  Recipe r;
  r.simulator = simulator_preset("ss2-70");
  r.simulator.decay = {.tau1_ns = {0.3, 1.5}, .tau2_ns = {0.3, 1.5}, .mono_probability = 1.0};
  r.normalisation.counts_first = true;
  r.network = {.gates = 71, .outputs = LifetimeHead::kOutputs, .hidden = {8}};
  r.training.samples = samples;
  r.training.validation_samples = 256;
  r.training.validations = 4;
  r.lifetime_beta = 0.5;
  return r;
}

std::unique_ptr<TraceModel> trained(const Recipe& recipe) {
  TrainingRun run(recipe);
  run.trainer().run();
  return run.result();
}

}  // namespace

TEST_CASE("traces of lifetimes: the simulator's counts, and the truth behind them") {
  Recipe r = lifetime_recipe();
  r.simulator.decay = DecayPrior{.mono_probability = 0.5};
  const LifetimeTraces traces(r.simulator, r.normalisation, 3);
  REQUIRE(traces.steps() == 71);
  REQUIRE(traces.target_steps() == 1);
  constexpr int B = 40, kFirst = 7;
  Random rng(1, 1);
  const OwnedSequence<float> input(71, 1, B, rng), target(1, traces.outputs(), B, rng);
  traces.fill(kFirst, input.view, target.view);
  const Simulator simulator(r.simulator);
  int mono = 0;
  for (int b = 0; b < B; ++b) {
    std::vector<float> counts(70);
    Sample pixel{counts, {}, {}};
    simulator.sample(3, static_cast<std::uint64_t>(kFirst + b), pixel);
    const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
    CHECK(close(input.view.at(0, 0, b), std::log10(all) / 7.0, 0.0, 1e-6));
    const float peak = *std::max_element(counts.begin(), counts.end());
    for (int t = 0; t < 70; ++t)
      CHECK(close(input.view.at(t + 1, 0, b), counts[static_cast<std::size_t>(t)] / peak, 1e-7));
    const Decay& d = pixel.truth.decay;
    const double area = d.fraction * d.tau1_ns + (1.0 - d.fraction) * d.tau2_ns,
                 moment =
                     d.fraction * d.tau1_ns * d.tau1_ns + (1 - d.fraction) * d.tau2_ns * d.tau2_ns;
    CHECK(close(target.view.at(0, 0, b), std::log(area), 1e-6));
    CHECK(close(target.view.at(0, 1, b), std::log(moment / area), 1e-6));
    if (d == Decay::mono(d.tau1_ns)) {
      ++mono;
      CHECK(std::isnan(target.view.at(0, 2, b)));
    } else {
      CHECK(target.view.at(0, 2, b) == static_cast<float>(d.fraction));
    }
  }
  CHECK((mono > 5 && mono < B - 5));
  CHECK(traces.identity() != LifetimeTraces(r.simulator, r.normalisation, 4).identity());
}

TEST_CASE("what the head's outputs mean") {
  const std::vector<float> output{0.5f * std::log(2.0f), 0.0f, 0.7f, 0.5f, 1.5f, 0.0f};
  const LifetimeAnswer a = lifetime_answer(output);
  CHECK(close(a.amplitude_ns.value, 2.0, 0.0, 1e-6));
  CHECK(close(a.amplitude_ns.deviation, 2.0 * std::exp(-2.0), 0.0, 1e-6));
  CHECK(close(a.intensity_ns.value, 1.0, 0.0, 1e-6));
  CHECK(close(a.intensity_ns.deviation, 1.0, 0.0, 1e-6));
  CHECK(a.fraction.value == 1.0f);  // 1.4
  CHECK(close(a.fraction.deviation, std::exp(-3.0), 0.0, 1e-6));
  CHECK_THROWS_AS(lifetime_answer(std::vector<float>(5)), Error);
}

TEST_CASE("a training ends in such a network, of floats or integers, that a file keeps") {
  const auto file = std::filesystem::temp_directory_path() / "taugate_lifetime.safetensors";
  Recipe recipe = lifetime_recipe();
  for (const bool integers : {false, true}) {
    CAPTURE(integers);
    if (integers) recipe.integers = QatOptions{};
    const auto model = trained(recipe);
    CHECK(model->gives_lifetimes());
    CHECK(model->gates() == 70);
    CHECK(model->input_size() == 71);
    save(file, *model);
    const auto again = load_trace_model(file);
    const std::vector<float> counts(140, 30.0f);
    CHECK(infer_counts(*again, counts).amplitude_ns == infer_counts(*model, counts).amplitude_ns);
    CHECK(again->normalisation.counts_first);
  }
  recipe.network.gates = 70;
  CHECK_THROWS_WITH_AS(TrainingRun{recipe}, doctest::Contains("found a network of T = 70"), Error);
  recipe = lifetime_recipe();
  recipe.fixed = FixedSet{.traces = 128};
  CHECK_THROWS_WITH_AS(TrainingRun{recipe},
                       doctest::Contains("found a lifetime head and a fixed set"), Error);
  std::filesystem::remove(file);
}

TEST_CASE("a short training: validation in relative errors, deviations that tell them") {
  Recipe recipe = lifetime_recipe(80'000);
  recipe.simulator.peak_counts = {10.0, 3000.0};
  recipe.simulator.acquisition = {
      .gates = 20, .gate_step_ns = 0.6, .gate_width_ns = 0.6, .period_ns = 12.5};
  recipe.network.gates = 21;  // few, so that a short training does
  recipe.network.hidden = {12};
  TrainingRun run(recipe);
  run.trainer().run();
  const auto model = run.result();
  const Evaluation e = evaluate(*model, 8000, 5);
  CHECK(e.channels.empty());
  CHECK_FALSE(e.fraction.has_value());  // one component
  REQUIRE(e.amplitude.certainty.has_value());
  CHECK(e.amplitude.traces == 8000);
  // 10 to 3,000 counts at the peak: some 6 % are possible.
  CHECK(e.amplitude.mean_relative < 0.2);
  CHECK(std::abs(e.amplitude.certainty->within_one - 0.683) < 0.15);
  CHECK(std::abs(e.amplitude.certainty->within_two - 0.954) < 0.06);
  double squares = 0.0;
  for (std::size_t i = 0; i < e.true_ns.size(); ++i)
    squares += std::pow(std::log(e.predicted_ns[i] / e.true_ns[i]), 2.0);
  double best = 1.0;
  for (const TrainingPoint& p : run.trainer().history()) best = std::min(best, p.validation_loss);
  CHECK(close(std::sqrt(best), std::sqrt(squares / 8000.0), 0.0, 0.15));  // of 256 other traces

  // What is less precise than wanted stays blank.
  std::vector<float> counts;
  for (const double peak : {10.0, 3000.0}) {
    SimulatorConfig config = recipe.simulator;
    config.peak_counts = {peak, peak};
    std::vector<float> trace(20);
    Sample pixel{trace, {}, {}};
    Simulator(config).sample(9, 2, Decay::mono(0.8), pixel);
    counts.insert(counts.end(), trace.begin(), trace.end());
  }
  counts.resize(3 * 20);  // a pixel without counts
  const Inference r = infer_counts(*model, counts);
  CHECK(r.sfd.empty());
  CHECK(r.fraction.empty());
  CHECK(std::isnan(r.amplitude_sd_ns[2]));
  const std::vector<float> precision = r.relative_precision();
  REQUIRE(precision[0] != precision[1]);
  const std::size_t better = precision[0] < precision[1] ? 0 : 1;
  CHECK(precision[1] == r.amplitude_sd_ns[1] / r.amplitude_ns[1]);
  Measurement m;
  m.bins = 20;
  m.width = 3;
  m.height = 1;
  m.counts = counts;
  m.bin_ns = model->acquisition().gate_step_ns;
  m.period_ns = model->acquisition().period_ns;
  InferenceOptions options;
  options.least_precision = 0.5 * (precision[0] + precision[1]);
  const Inference strict = infer(*model, m, options);
  CHECK(strict.blank == 2);
  CHECK(strict.imprecise == 1);
  CHECK(std::isnan(strict.amplitude_ns[1 - better]));
  CHECK(strict.amplitude_ns[better] == r.amplitude_ns[better]);
  CHECK_THROWS_WITH_AS(require_sfd(*model, "this"),
                       "this: found a network that gives lifetimes and no decay, wanted a Seq2Seq",
                       Error);

  // Calibration: rows in order, levels of the same answers.
  const std::vector<Decay> decays{Decay::mono(0.5), Decay::mono(1.0)};
  const std::vector<double> photons{300, 3000};
  const auto rows = calibration(*model, model->simulator, decays, photons, 640, 2);
  REQUIRE(rows.size() == 6);  // two at the prior, too
  CHECK(rows[2].truth_ns == 1.0);
  CHECK(rows[3].photons == 3000);
  CHECK(close(rows[5].truth_ns, 0.9, 0.15));  // the mean of 0.3..1.5, of 80 decays
  CHECK_FALSE(rows[5].decay.has_value());
  for (const CalibrationRow& row : rows) {
    CAPTURE(row.truth_ns);
    CAPTURE(row.photons);
    CHECK(row.traces == 640);
    CHECK(row.bound * std::sqrt(row.photons) > 1.0);  // F of an ideal instrument
    CHECK(row.deviation > 0.85 * row.bound);
    CHECK(row.coverage(0.0) == 0.0);
    CHECK(row.coverage(1.1) == 1.0);
    CHECK(row.within(1.0) < row.within(2.0));
  }
  CHECK(rows[1].bound < 0.5 * rows[0].bound);
  // Log-uniform between 0.3 and 1.5 it would be ln(5) / sqrt(12) = 0.465; uniform it is a little less.
  CHECK(close(rows[0].prior_spread, 0.42, 0.03));
  const std::string csv = to_csv(rows);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 7);
}

TEST_CASE("a Seq2Seq teaches the lifetimes of its decays, on the gates alone") {
  const Recipe recipe = lifetime_recipe();
  const LifetimeTraces traces(recipe.simulator, recipe.normalisation, 3);
  constexpr int T = 70, B = 9;
  constexpr float kScale = 0.1f;
  Random rng(2, 1);
  const OwnedSequence<float> input(T + 1, 1, B, rng), target(1, LifetimeHead::kAnswers, B, rng),
      output(1, LifetimeHead::kOutputs, B, rng);
  traces.fill(0, input.view, target.view);
  Recipe decays = lifetime_recipe(8192);
  decays.lifetime_beta.reset();
  decays.normalisation.counts_first = false;
  decays.network = {.gates = T, .outputs = 1, .hidden = {8}};
  TrainingRun first(decays);
  first.trainer().run();
  const TrainedModel model = first.master();
  const Model& network = model.network;
  const LifetimeTeacher teacher{network, 0.179, 0.3};
  std::vector<float> gates(B * T), sfd(B * T);
  for (int b = 0; b < B; ++b)
    for (int t = 0; t < T; ++t)
      gates[static_cast<std::size_t>(b * T + t)] = input.view.at(t + 1, 0, b);
  predict(network, gates, sfd);
  double squares = 0.0;
  int taught = 0;
  for (int b = 0; b < B; ++b) {
    const Lifetimes tau = sfd_lifetimes(
        std::span<const float>(sfd).subspan(static_cast<std::size_t>(b * T), T), 0.179);
    for (const auto& [answer, ns] : {std::pair{0, tau.amplitude_ns}, {1, tau.intensity_ns}}) {
      const bool has_one = ns > 0.0 && std::isfinite(ns);
      taught += has_one;
      const double wanted = has_one ? std::log(ns) : target.view.at(0, answer, b);
      squares += std::pow(2.0 * output.view.at(0, answer, b) - wanted, 2.0);
    }
  }
  CHECK(taught > B);
  Arena arena;
  Tape<float> tape(arena);
  const Var<float> y = tape.input(output.view, true);
  const auto value = [](const Var<float>& loss) { return double{loss.value.at(0, 0, 0)}; };
  const double by_truth = value(lifetime_loss(tape, y, target.view, 0.5, kScale));
  const Var<float> loss = teacher.loss(tape, y, input.view, target.view, 0.5, kScale);
  CHECK(close(value(loss), 0.7 * by_truth + 0.3 * kScale * squares, 1e-5, 1e-4));
  tape.backward(loss);
  CHECK(y.grad.at(0, 0, 0) != 0.0f);

  Recipe distilled = recipe;
  distilled.distill = DistillOptions{};
  TrainingRun run(distilled, &model);
  run.trainer().run();
  CHECK(run.result()->gives_lifetimes());
  distilled.distill->beta = 0.1;
  CHECK_THROWS_WITH_AS(TrainingRun(distilled, &model),
                       doctest::Contains("wanted 0 for a network with lifetimes"), UsageError);
  const auto same_kind = run.master();
  distilled.distill->beta = 0.0;
  CHECK_THROWS_WITH_AS(TrainingRun(distilled, &same_kind),
                       doctest::Contains("found a teacher that gives no decay"), Error);
}

TEST_CASE("decays of a calibration") {
  const auto mono =
      calibration_decays({.tau1_ns = {0.3, 0.8}, .tau2_ns = {0.8, 4.8}, .mono_probability = 1.0});
  REQUIRE(mono.size() == 5);
  for (int k = 0; k < 5; ++k)
    CHECK(close(mono[static_cast<std::size_t>(k)].tau1_ns, 0.3 * std::pow(2.0, k), 1e-12));
  const auto two = calibration_decays({.tau1_ns = {0.2, 0.4}, .tau2_ns = {1.0, 2.0}});
  REQUIRE(two.size() == 5);
  CHECK(close(two[2].tau1_ns, 0.3, 1e-12));
  CHECK(two[2].tau2_ns == 1.5);
  CHECK(close(two[2].fraction, 0.5, 1e-12));
  CHECK(close(two[4].fraction, 0.9, 1e-12));
  CHECK(calibration_decays({.mono_probability = 0.5}).size() == 10);
}

TEST_CASE("a network of decays tells no precision") {
  Recipe recipe = lifetime_recipe();
  recipe.lifetime_beta.reset();
  recipe.normalisation.counts_first = false;
  recipe.network = {.gates = 70, .outputs = 1, .hidden = {4}};
  const auto model = trained(recipe);
  CHECK_THROWS_WITH_AS(calibration(*model, model->simulator, {}, {}, 16, 1),
                       doctest::Contains("found a network that gives decays"), Error);
  Measurement m;
  InferenceOptions options;
  options.least_precision = 0.1;
  CHECK_THROWS_WITH_AS(infer(*model, m, options), doctest::Contains("least precision"), Error);
  const Inference r = infer_counts(*model, std::vector<float>(70, 3.0f));
  CHECK(r.sfd.size() == 70);
  CHECK(r.amplitude_sd_ns.empty());
  CHECK(r.relative_precision().empty());
}
