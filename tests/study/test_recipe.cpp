// Trainings of every kind end in a model of that kind, and say what does not fit.

#include <cmath>
#include <filesystem>

#include "study/recipe.h"
#include "taugate/runtime/executor.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

Recipe small_recipe(int hidden = 6) {
  Recipe r;
  r.simulator = simulator_preset("ss2-70");
  r.network = {.gates = 70, .outputs = 1, .hidden = {hidden}};
  r.training.samples = 1024;
  r.training.validation_samples = 64;
  r.training.validations = 4;
  return r;
}

TrainedModel trained(const Recipe& recipe) {
  TrainingRun run(recipe);
  run.trainer().run();
  return run.master();
}

std::vector<float> weights_of(const Model& network) {
  return {network.parameters().data(), network.parameters().data() + network.parameters().size()};
}

}  // namespace

TEST_CASE("a training with integers ends in the integers that it trained") {
  Recipe recipe = small_recipe();
  recipe.integers = QatOptions{};
  TrainingRun run(recipe);
  run.trainer().run();
  const auto model = run.result();
  const auto* integers = dynamic_cast<const QuantizedModel*>(model.get());
  REQUIRE(integers != nullptr);

  // The trainer's own validation, and the engine on the same traces, differ by the order of a sum.
  const SimulatedTraces data(recipe.simulator, recipe.normalisation, recipe.seed ^ 0x7261696eu);
  const int traces = 64, T = 70;
  std::vector<float> input(traces * T), truth(traces * T), output(traces * T);
  Arena arena;
  const auto x = arena.zero_sequence<float>(T, 1, traces);
  const auto y = arena.zero_sequence<float>(T, 1, traces);
  data.fill(Trainer::kValidationStart, x, y);
  for (int i = 0; i < traces; ++i)
    for (int t = 0; t < T; ++t) {
      input[static_cast<std::size_t>(i * T + t)] = x.at(t, 0, i);
      truth[static_cast<std::size_t>(i * T + t)] = y.at(t, 0, i);
    }
  predict(integers->network, input, output);
  double loss = 0.0;
  for (std::size_t i = 0; i < output.size(); ++i)
    loss += std::pow(double{output[i]} - truth[i], 2) / static_cast<double>(output.size());
  double best = 1e9;
  for (const auto& point : run.trainer().history()) best = std::min(best, point.validation_loss);
  CHECK(close(loss, best, 0.0, 1e-5));
  CHECK(model->training.find("\"weight_bits\":8") != std::string::npos);
  CHECK(model->training.find("\"after_training\":false") != std::string::npos);
}

TEST_CASE("a training goes on from the weights that it is given") {
  const TrainedModel first = trained(small_recipe());
  Recipe recipe = small_recipe();
  recipe.seed = 9;
  CHECK(weights_of(TrainingRun(recipe, nullptr, &first).network()) == weights_of(first.network));
  CHECK(weights_of(TrainingRun(recipe).network()) != weights_of(first.network));
  recipe.network.hidden = {5};
  CHECK_THROWS_WITH_AS(TrainingRun(recipe, nullptr, &first), doctest::Contains("of other layers"),
                       Error);
}

TEST_CASE("a distilled student has its own parameters and nothing else") {
  const TrainedModel teacher = trained(small_recipe(10));
  for (const bool integers : {false, true}) {
    Recipe recipe = small_recipe();
    recipe.distill = DistillOptions{.alpha = 0.6, .beta = 0.1};
    if (integers) recipe.integers = QatOptions{};
    TrainingRun run(recipe, &teacher);
    run.trainer().run();
    const TrainedModel student = run.master();
    CHECK(student.network.parameters().size() == Model(recipe.network).parameters().size());
    CHECK(run.note().find("\"beta\":0.1") != std::string::npos);

    recipe.distill->beta = 0.0;  // another loss: another student
    TrainingRun other(recipe, &teacher);
    other.trainer().run();
    CHECK(weights_of(other.master().network) != weights_of(student.network));
    recipe.distill.reset();
    TrainingRun alone(recipe);
    alone.trainer().run();
    CHECK(weights_of(alone.master().network) != weights_of(other.master().network));
  }
}

TEST_CASE("an interrupted training with integers and a teacher ends with the same bits") {
  const TrainedModel teacher = trained(small_recipe(10));
  Recipe recipe = small_recipe();
  recipe.distill = DistillOptions{.alpha = 0.5, .beta = 0.2};
  recipe.integers = QatOptions{.quantize = {}, .learned_scales = true};
  TrainingRun whole(recipe, &teacher);
  whole.trainer().run();

  const auto file = std::filesystem::temp_directory_path() / "taugate_recipe.checkpoint";
  TrainingRun begun(recipe, &teacher);
  begun.trainer().checkpoint = file;
  CHECK(begun.trainer().run([](const Trainer& t) { return t.samples_done() < 500; }) ==
        TrainingEnd::interrupted);
  TrainingRun resumed(recipe, &teacher);
  resumed.trainer().load_checkpoint(file);
  resumed.trainer().run();
  CHECK(weights_of(resumed.master().network) == weights_of(whole.master().network));

  Recipe other = recipe;
  other.integers->quantize.widths.weight_bits = 6;
  CHECK_THROWS_AS(TrainingRun(other, &teacher).trainer().load_checkpoint(file), Error);
  std::filesystem::remove(file);
}

TEST_CASE("what does not fit together is refused") {
  Recipe recipe = small_recipe();
  recipe.network.gates = 69;
  CHECK_THROWS_WITH_AS(TrainingRun{recipe}, doctest::Contains("T = 69"), Error);

  recipe = small_recipe();
  recipe.distill = DistillOptions{};
  CHECK_THROWS_WITH_AS(TrainingRun{recipe}, doctest::Contains("no teacher"), Error);
  Recipe longer = small_recipe();
  longer.simulator = simulator_preset("ss3-135");
  longer.network.gates = 135;
  longer.training.samples = 64;
  const TrainedModel teacher = trained(longer);
  CHECK_THROWS_WITH_AS(TrainingRun(recipe, &teacher), doctest::Contains("T = 135"), Error);
}
