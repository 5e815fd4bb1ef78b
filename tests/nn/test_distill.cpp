// Distillation: the loss is its formula, its gradient is the loss's, and the teacher stays as it
// is.

#include <unistd.h>

#include <cmath>

#include "allocation_trap.h"
#include "nn_testing.h"
#include "taugate/core/parallel.h"
#include "taugate/nn/distill.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

Model random_network(std::vector<int> hidden, std::uint64_t seed, int gates = 7, int outputs = 1) {
  Model model({.gates = gates, .outputs = outputs, .hidden = std::move(hidden)});
  model.initialise(seed);
  return model;
}

double mean_square(const Sequence<float>& a, const Sequence<float>& b) {
  double sum = 0.0;
  for (int t = 0; t < a.steps; ++t)
    for (int f = 0; f < a.features; ++f)
      for (int i = 0; i < a.batch; ++i) sum += std::pow(double{a.at(t, f, i)} - b.at(t, f, i), 2);
  return sum / (a.steps * a.features * a.batch);
}

struct Setup {
  Model teacher = random_network({6, 5}, 2, 7, 2), student = random_network({4}, 3, 7, 2);
  Parameters parameters = student.parameters().clone();
  DistillOptions options{.alpha = 0.3, .beta = 0.7};
  Distillation distillation{teacher, student.description(), parameters, options, 4};
  Random rng{5, 0};
  OwnedSequence<float> input{7, 1, 19, rng}, truth{7, 2, 19, rng};
  float scale = 1.0f / (7 * 2 * 19);

  float loss(Buffer<float>* gradients) {
    Arena arena;
    Buffer<float> ignored(parameters.size());
    Tape<float> tape(arena, parameters.bind((gradients ? *gradients : ignored).data()));
    const auto l = distillation.objective(student)(tape, tape.input(input.view), truth.view, scale);
    if (gradients) tape.backward(l);
    return l.value.at(0, 0, 0);
  }
};

}  // namespace

TEST_CASE("the loss of distillation is its formula") {
  Setup s;
  const auto* projection = s.parameters.find("distillation.projection");
  REQUIRE(projection != nullptr);
  CHECK(projection->at.rows == 5);
  CHECK(projection->at.cols == 4);
  Arena arena;
  Tape<float> tape(arena, s.parameters.bind()), frozen(arena, s.teacher.parameters().bind());
  const auto student = s.student.run(tape, tape.input(s.input.view));
  const auto teacher = s.teacher.run(frozen, frozen.input(s.input.view));
  const auto guess = linear(tape, student.features, tape.weight(projection->at));
  CHECK(student.features.features() == 4);
  const double expected = 0.3 * mean_square(student.output.value, teacher.output.value) +
                          0.7 * mean_square(student.output.value, s.truth.view) +
                          0.7 * mean_square(guess.value, teacher.features.value);
  CHECK(close(s.loss(nullptr), expected, 0.0, 1e-5));

  SUBCASE("and while validating that against the truth") {
    const auto l =
        s.distillation.objective(s.student)(tape, tape.input(s.input.view), s.truth.view, s.scale);
    CHECK(close(l.value.at(0, 0, 0), mean_square(student.output.value, s.truth.view), 0.0, 1e-5));
  }
}

TEST_CASE("the gradient of distillation is the loss's, and the teacher has none") {
  Setup s;
  const std::vector<float> teacher(s.teacher.parameters().data(),
                                   s.teacher.parameters().data() + s.teacher.parameters().size());
  Buffer<float> gradients(s.parameters.size());
  s.loss(&gradients);
  for (const auto& entry : s.parameters.entries())
    for (int i : {0, entry.at.rows * entry.at.cols - 1}) {
      CAPTURE(entry.name);
      float& p = s.parameters.matrix(entry.at).data[i];
      const float kept = p, step = 1e-2f;
      p = kept + step;
      const double up = s.loss(nullptr);
      p = kept - step;
      const double down = s.loss(nullptr);
      p = kept;
      // Central differences: step^2 of a third derivative near 1, and 2^-24 of the loss / step.
      CHECK(close(gradients[entry.at.offset + static_cast<std::size_t>(i)],
                  (up - down) / (2.0 * step), 2e-4));
    }
  CHECK(std::equal(teacher.begin(), teacher.end(), s.teacher.parameters().data()));
}

TEST_CASE("a student trains beside its teacher without allocating") {
  const SmoothedNoise data;
  Model teacher = random_network({8}, 1);
  TrainingOptions training;
  training.samples = 30000;
  training.validation_samples = 512;
  training.schedule.rate = 1e-2;
  Trainer(teacher.parameters(), least_squares(teacher), data, training).run();

  Model student = random_network({3}, 2);
  Parameters parameters = student.parameters().clone();
  const Distillation distillation(teacher, student.description(), parameters, {0.6, 0.5}, 3);
  const int threads = thread_count();
  set_thread_count(2);
  Trainer trainer(parameters, distillation.objective(student), data, training);
  const double before = trainer.validate();
  trainer.step();
  CHECK(allocations_of([&] { trainer.step(); }) == 0);
  trainer.run();
  set_thread_count(threads);
  CHECK(trainer.validate() < 0.5 * before);

  // What is kept is the student alone, and computes what it computed in training.
  student.parameters().take_from(parameters);
  CHECK(close(Trainer(student.parameters(), least_squares(student), data, training).validate(),
              trainer.validate(), 0.0, 1e-12));
}

TEST_CASE("a checkpoint of another distillation is refused") {
  const SmoothedNoise data;
  const Model teacher = random_network({4}, 1), student = random_network({3}, 2);
  Parameters parameters = student.parameters().clone();
  const auto path =
      std::filesystem::temp_directory_path() / concat("taugate_distil_checkpoint_", ::getpid());
  for (const double alpha : {0.6, 0.5}) {
    const Distillation distillation(teacher, student.description(), parameters, {alpha, 0.0}, 3);
    TrainingOptions training;
    training.objective = distillation.identity();
    Trainer trainer(parameters, distillation.objective(student), data, training);
    if (alpha == 0.6)
      trainer.save_checkpoint(path);
    else
      CHECK_THROWS_WITH_AS(trainer.load_checkpoint(path),
                           doctest::Contains("alpha: found 0.6, wanted 0.5"), Error);
  }
  std::filesystem::remove(path);
}

TEST_CASE("a teacher of another T or C, or weights out of range, in one line") {
  const Model teacher = random_network({4}, 1, 7, 1);
  Parameters parameters;
  for (const auto& [gates, outputs] : {std::pair{8, 1}, {7, 3}})
    CHECK_THROWS_WITH_AS(
        Distillation(teacher, seq2seq({.gates = gates, .outputs = outputs, .hidden = {2}}),
                     parameters, {}, 1),
        doctest::Contains("a teacher of T = 7 gates and C = 1 outputs, wanted the student's"),
        Error);
  const Network same = seq2seq({.gates = 7, .hidden = {2}});
  CHECK_THROWS_AS(Distillation(teacher, same, parameters, {1.1, 0.0}, 1), UsageError);
  CHECK_THROWS_AS(Distillation(teacher, same, parameters, {0.5, -1.0}, 1), UsageError);
}
