// Losses beside their formulas, their gradients beside finite differences in double.

#include "nn_testing.h"
#include "taugate/autograd/gradcheck.h"
#include "taugate/nn/losses.h"
#include "taugate/nn/model.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;
using D = double;
using Vars = std::vector<Var<D>>;

namespace {

constexpr int kT = 4, kC = 2, kB = 5, kStudent = 3, kTeacher = 6;

/// Mean of |a - b|^power.
double mean_of(const Sequence<D>& a, const Sequence<D>& b, double power) {
  double sum = 0.0;
  for (int t = 0; t < a.steps; ++t)
    for (int f = 0; f < a.features; ++f)
      for (int i = 0; i < a.batch; ++i)
        sum += std::pow(std::abs(a.at(t, f, i) - b.at(t, f, i)), power);
  return sum / (a.steps * a.features * a.batch);
}

/// Values that lie well apart, so that no finite difference steps over |.|'s corner.
OwnedSequence<D> apart_from(const OwnedSequence<D>& other, Random& rng) {
  OwnedSequence<D> s(other.view.steps, other.view.features, other.view.batch, rng);
  for (std::size_t i = 0; i < s.memory.size(); ++i)
    s.memory[i] = other.memory[i] + std::copysign(0.1 + std::abs(s.memory[i]), s.memory[i]);
  return s;
}

template <class Build>
double value_of(Build build, const Sequence<D>& y) {
  Arena arena;
  Tape<D> tape(arena);
  return build(tape, Vars{tape.input(y)}).value.at(0, 0, 0);
}

}  // namespace

TEST_CASE("mean squared and mixed error: the value and the gradient") {
  Random rng(7, 1);
  const OwnedSequence<D> y(kT, kC, kB, rng), t = apart_from(y, rng);
  const auto loss_of = [&](Loss loss) {
    return [&t, loss](Tape<D>& tape, const Vars& v) {
      return error_of(tape, loss, v[0], t.view, mean_scale(t.view));
    };
  };
  const double mse = mean_of(y.view, t.view, 2.0), mae = mean_of(y.view, t.view, 1.0);
  CHECK(close(value_of(loss_of(Loss::mse), y.view), mse, 0.0, 1e-14));
  CHECK(close(value_of(loss_of(Loss::mixed), y.view), mse + mae, 0.0, 1e-14));
  Arena arena;
  Tape<D> tape(arena);
  CHECK(mean_squared_error(tape, tape.input(y.view), t.view).value.at(0, 0, 0) ==
        value_of(loss_of(Loss::mse), y.view));
  for (const Loss loss : {Loss::mse, Loss::mixed}) {
    CAPTURE(name_of(loss));
    CHECK(loss_named(name_of(loss)) == loss);
    const GradientCheck check = check_gradients(loss_of(loss), {y.view});
    CHECK(check.worst <= 1e-9);
    CHECK(check.entries == kT * kC * kB);
  }
  CHECK_THROWS_WITH_AS(loss_named("mae"), "loss: found 'mae', wanted mse or mixed", UsageError);
}

TEST_CASE("the absolute error has no gradient where there is no error, and refuses other shapes") {
  Random rng(7, 2);
  OwnedSequence<D> y(kT, kC, kB, rng);
  const OwnedSequence<D> t = apart_from(y, rng), longer(kT + 1, kC, kB, rng);
  y.view.at(1, 1, 3) = t.view.at(1, 1, 3);
  Arena arena;
  Tape<D> tape(arena);
  const Var<D> in = tape.input(y.view, true);
  CHECK_THROWS_WITH_AS(absolute_error(tape, in, longer.view, 1.0),
                       doctest::Contains("[absolute_error]"), Error);
  tape.backward(absolute_error(tape, in, t.view, 0.5));
  for (int s = 0; s < kT; ++s)
    for (int f = 0; f < kC; ++f)
      for (int b = 0; b < kB; ++b) {
        const double difference = y.view.at(s, f, b) - t.view.at(s, f, b);
        CHECK(in.grad.at(s, f, b) == (difference == 0.0 ? 0.0 : std::copysign(0.5, difference)));
      }
}

TEST_CASE("distillation: the value is the formula's, gradients reach outputs, states and P") {
  Random rng(7, 3);
  const OwnedSequence<D> y(kT, kC, kB, rng), h(kT, kStudent, kB, rng);
  const OwnedSequence<D> truth(kT, kC, kB, rng), teacher(kT, kC, kB, rng),
      features(kT, kTeacher, kB, rng);
  Buffer<D> projection(kTeacher * kStudent);
  fill_normal(projection.data(), projection.size(), rng);
  for (const double beta : {0.0, 0.4}) {
    CAPTURE(beta);
    const DistillOptions options{.alpha = 0.3, .beta = beta};
    const auto loss = [&](Tape<D>& tape, const Vars& v) {
      const Var<D> projected = linear(tape, v[1], tape.weight({0, kTeacher, kStudent}));
      return distillation_error(tape, options, v[0], projected,
                                {truth.view, teacher.view, features.view}, mean_scale(truth.view));
    };
    const GradientCheck check =
        check_gradients(loss, {y.view, h.view}, {projection.data(), kTeacher, kStudent});
    CHECK(check.worst <= 1e-9);
    CHECK(check.entries == kT * kB * (kC + kStudent) + kTeacher * kStudent);

    Arena arena;
    Tape<D> tape(arena, {projection.data(), nullptr});
    const Vars inputs{tape.input(y.view), tape.input(h.view)};
    OwnedSequence<D> guess(kT, kTeacher, kB, rng);
    for (int t = 0; t < kT; ++t)
      for (int u = 0; u < kTeacher; ++u)
        for (int b = 0; b < kB; ++b) {
          guess.view.at(t, u, b) = 0.0;
          for (int k = 0; k < kStudent; ++k)
            guess.view.at(t, u, b) += projection[u * kStudent + k] * h.view.at(t, k, b);
        }
    const double expected = 0.3 * mean_of(y.view, teacher.view, 2.0) +
                            0.7 * mean_of(y.view, truth.view, 2.0) +
                            beta * mean_of(guess.view, features.view, 2.0);
    CHECK(close(loss(tape, inputs).value.at(0, 0, 0), expected, 0.0, 1e-13));
  }
}

TEST_CASE("the mixed loss trains, is the loss of a step, and validates as a squared error") {
  const SmoothedNoise data;
  TrainingOptions options;
  options.samples = 12000;
  options.batch = 24;
  options.validation_samples = 256;
  options.schedule.rate = 1e-2;
  SmallNetwork mixed, squared;
  Trainer trainer(mixed.parameters, against_truth(mixed, Loss::mixed), data, options);
  Trainer other(squared.parameters, least_squares(squared), data, options);
  const double before = trainer.validate();
  CHECK(before == other.validate());
  CHECK(trainer.step() > 1.5 * other.step());  // of the same weights and traces
  trainer.run();
  CHECK(trainer.validate() < 0.2 * before);
}
