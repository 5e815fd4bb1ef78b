// A Seq2Seq with a lifetime head on its encoder: targets, loss, training, and what infer makes of both answers.

#include <filesystem>

#include "study/comparison.h"
#include "study/evaluation.h"
#include "study/recipe.h"
#include "taugate/fli/estimation/lifetime.h"
#include "taugate/fli/inference/joint_loss.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

Recipe joint_recipe(std::uint64_t samples, int channels = 1) {
  Recipe r;
  r.simulator = simulator_preset("ss2-70");
  r.simulator.channels = channels;
  r.simulator.acquisition = {
      .gates = 20, .gate_step_ns = 0.6, .gate_width_ns = 0.6, .period_ns = 12.5};
  r.normalisation.counts_first = true;
  r.network = {
      .gates = 21, .outputs = channels, .hidden = {8}, .encoder_outputs = LifetimeHead::kOutputs};
  r.training.samples = samples;
  r.training.validation_samples = 256;
  r.training.validations = 2;
  r.lifetime_beta = 0.5;
  return r;
}

}  // namespace

TEST_CASE("the loss of both answers, and what a teacher adds") {
  constexpr int T = 20, C = 3, B = 18, kAnswers = LifetimeHead::kAnswers;
  constexpr float kScale = 0.01f;
  const Recipe recipe = joint_recipe(256, C);
  const LifetimeTraces both(recipe.simulator, recipe.normalisation, 3, true),
      alone(recipe.simulator, recipe.normalisation, 3);
  REQUIRE(both.target_steps() == kAnswers + T * C);
  REQUIRE(both.outputs() == 1);
  Random rng(2, 1);
  const OwnedSequence<float> input(T + 1, 1, B, rng), target(kAnswers + T * C, 1, B, rng),
      answers(1, kAnswers, B, rng), y(T + 1, C, B, rng), second(1, LifetimeHead::kOutputs, B, rng);
  alone.fill(5, input.view, answers.view);
  both.fill(5, input.view, target.view);

  Model teacher(seq2seq({.gates = T, .outputs = C, .hidden = {4}}));
  teacher.initialise(1);
  std::vector<float> gates, sfds(B * T * C);
  for (int b = 0; b < B; ++b)
    for (int t = 0; t < T; ++t) gates.push_back(input.view.at(t + 1, 0, b));
  predict(teacher, gates, sfds);
  const Simulator simulator(recipe.simulator);
  double squares = 0.0, of_teacher = 0.0;
  for (int b = 0; b < B; ++b) {
    std::vector<float> counts(T), sfd(T * C);
    Sample pixel{counts, sfd, {}};
    simulator.sample(3, static_cast<std::uint64_t>(5 + b), pixel);
    for (int a = 0; a < kAnswers; ++a) {
      const float wanted = answers.view.at(0, a, b), found = target.view.at(a, 0, b);
      CHECK((found == wanted || (std::isnan(found) && std::isnan(wanted))));
    }
    for (int t = 0; t < T; ++t)
      for (int c = 0; c < C; ++c) {
        const auto at = static_cast<std::size_t>(t * C + c);
        CHECK(target.view.at(kAnswers + t * C + c, 0, b) == sfd[at]);
        const double found = y.view.at(t + 1, c, b);  // the first step does not count
        squares += std::pow(found - sfd[at], 2.0);
        of_teacher += std::pow(found - sfds[static_cast<std::size_t>(b * T * C) + at], 2.0);
      }
  }

  Arena arena;
  Tape<float> tape(arena);
  const NetworkOutput<float> output{tape.input(y.view, true), {}, tape.input(second.view, true)};
  const auto value = [](const Var<float>& loss) { return double{loss.value.at(0, 0, 0)}; };
  const float of_answers = kScale * (kAnswers + T * C) / kAnswers;
  const double of_sfd = kScale * double{kAnswers + T * C} / (T * C);
  const Var<float> loss = joint_loss(tape, output, input.view, target.view, 0.5, kScale);
  const double lifetimes =
      value(lifetime_loss(tape, output.encoder_output, answers.view, 0.5, of_answers));
  CHECK(close(value(loss), lifetimes + kDecayWeight * of_sfd * squares, 1e-5, 1e-4));
  const LifetimeTeacher teaching{teacher, 0.6, 0.3};
  const double taught =
      value(joint_loss(tape, output, input.view, target.view, 0.5, kScale, &teaching));
  const double lifetimes_taught =
      value(teaching.loss(tape, output.encoder_output, input.view, answers.view, 0.5, of_answers));
  CHECK(close(taught, lifetimes_taught + kDecayWeight * of_sfd * (0.7 * squares + 0.3 * of_teacher),
              1e-5, 1e-4));
  tape.backward(loss);
  CHECK(output.output.grad.at(1, 0, 0) != 0.0f);
  CHECK(output.output.grad.at(0, 0, 0) == 0.0f);
  CHECK(output.encoder_output.grad.at(0, 0, 0) != 0.0f);

  const NetworkOutput<float> validating{tape.input(y.view), {}, tape.input(second.view)};
  const double log_squares =
      value(lifetime_loss(tape, validating.encoder_output, answers.view, 0.5, of_answers));
  CHECK(close(value(joint_loss(tape, validating, input.view, target.view, 0.5, kScale)),
              log_squares + of_sfd * squares, 1e-5, 1e-4));
}

TEST_CASE("a short training, of floats and integers: both answers, that a file keeps") {
  const auto file = std::filesystem::temp_directory_path() / "taugate_joint.safetensors";
  for (const bool integers : {false, true}) {
    CAPTURE(integers);
    Recipe recipe = joint_recipe(60'000);
    if (integers) recipe.integers = QatOptions{};
    TrainingRun run(recipe);
    run.trainer().run();
    const auto model = run.result();
    CHECK(model->gives_lifetimes());
    CHECK(model->gives_decays());
    const Evaluation e = evaluate(*model, 2000, 5);
    REQUIRE(e.channels.size() == 1);
    CHECK(e.channels[0].rmse.mean < 0.04);  // of a decay from 1 to 0
    REQUIRE(e.amplitude.certainty.has_value());
    CHECK(e.amplitude.mean_relative < 0.25);
    CHECK(std::abs(e.amplitude.certainty->within_one - 0.683) < 0.2);

    save(file, *model);
    const auto again = load_trace_model(file);
    CHECK(again->description() == model->description());
    std::vector<float> counts(20);
    Sample pixel{counts, {}, {}};
    Simulator(recipe.simulator).sample(9, 2, Decay::mono(0.8), pixel);
    counts.resize(2 * 20);  // and a pixel without counts
    const Inference r = infer_counts(*model, counts), same = infer_counts(*again, counts);
    CHECK(r.sfd == same.sfd);
    CHECK(r.amplitude_ns[0] == same.amplitude_ns[0]);
    REQUIRE(r.outputs == 1);
    REQUIRE(r.sfd.size() == 40);
    CHECK(r.amplitude_sd_ns[0] > 0.0f);
    CHECK(std::isnan(r.amplitude_sd_ns[1]));
    CHECK(
        close(sfd_lifetimes(std::span(r.sfd).first(20), 0.6).amplitude_ns, r.amplitude_ns[0], 0.2));
    CHECK_NOTHROW(require_sfd(*model, "this"));

    Measurement m;
    m.bins = 20;
    m.width = 2;
    m.height = 1;
    m.counts = counts;
    m.bin_ns = 0.6;
    m.period_ns = 12.5;
    InferenceOptions options;
    options.least_precision = 1e-4;
    const Inference strict = infer(*model, m, options);
    CHECK(strict.imprecise == 1);
    CHECK(strict.sfd == std::vector<float>(40));
  }
  std::filesystem::remove(file);
}

TEST_CASE("a recipe of both heads that does not fit is refused") {
  Recipe recipe = joint_recipe(256);
  recipe.network.encoder_outputs = 5;
  CHECK_THROWS_WITH_AS(TrainingRun{recipe}, doctest::Contains("found 5 outputs"), Error);
  recipe = joint_recipe(256);
  recipe.lifetime_beta.reset();
  CHECK_THROWS_WITH_AS(TrainingRun{recipe}, doctest::Contains("wanted the 6 of a lifetime head"),
                       Error);
}
