// Fake quantization: its values by hand, its gradients beside finite differences of what the
// straight-through rule puts in its place.

#include "taugate/autograd/fake_quant.h"
#include "taugate/autograd/gradcheck.h"
#include "taugate/autograd/ops.h"
#include "taugate/nn/losses.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;
using D = double;

TEST_CASE("values: ties to even, saturation, a scale a feature") {
  Arena arena;
  Tape<D> tape(arena);
  const double x[] = {0.25, 0.75, -0.25, 0.76, 3.9, -9.0};  // scale 0.5: 0.5 1.5 -0.5 1.52 7.8 -18
  const double expected[] = {0.0, 1.0, 0.0, 1.0, 3.5, -4.0};
  const auto in = arena.zero_sequence<D>(3, 2, 6);
  for (int t = 0; t < 3; ++t)
    for (int f = 0; f < 2; ++f)
      for (int b = 0; b < 6; ++b) in.at(t, f, b) = x[b] * (f ? 2.0 : 1.0);
  double scales[] = {0.5, 1.0};
  const Var<D> y = fake_quant(tape, tape.input(in), Weight<D>{{scales, 2, 1}, {}}, {-8, 7});
  for (int t = 0; t < 3; ++t)
    for (int f = 0; f < 2; ++f)
      for (int b = 0; b < 6; ++b) CHECK(y.value.at(t, f, b) == expected[b] * (f ? 2.0 : 1.0));
}

namespace {

/// What the rule makes of the operation near x: x + s e with e = q - x / s frozen where the grid
/// does not saturate, and s q where it does. Composed of plain operations.
Var<D> straight_through(Tape<D>& t, Var<D> x, Var<D> scales, const Sequence<D>& at, double s,
                        IntegerRange range) {
  const auto inside = t.arena().sequence<D>(at.steps, at.features, at.batch);
  const auto constant = t.arena().sequence<D>(at.steps, at.features, at.batch);
  for (std::size_t i = 0; i < at.size(); ++i) {
    const double q = std::nearbyint(at.data[i] / s);
    inside.data[i] = q >= range.low && q <= range.high;
    constant.data[i] = inside.data[i] != 0.0 ? q - at.data[i] / s : q < 0 ? range.low : range.high;
  }
  return add(t, multiply(t, x, t.input(inside)), multiply(t, scales, t.input(constant)));
}

}  // namespace

TEST_CASE("gradients of values and of a learned scale equal the straight-through rule's") {
  Random rng(5, 1);
  constexpr int T = 4, F = 3, B = 5;
  constexpr IntegerRange range{-4, 3};
  const OwnedSequence<D> x(T, F, B, rng), weights(T, F, B, rng);
  double scale = 0.3, ds = 0.0;
  Arena arena;
  Tape<D> tape(arena);
  const Var<D> in = tape.input(x.view, true);
  tape.backward(weighted_sum(
      tape, fake_quant(tape, in, Weight<D>{{&scale, 1, 1}, {&ds, 1, 1}}, range), weights.view));

  Arena composed_arena;
  Tape<D> composed(composed_arena);
  const auto scales = composed_arena.sequence<D>(T, F, B);
  std::fill_n(scales.data, scales.size(), scale);
  const Var<D> in_composed = composed.input(x.view, true), s = composed.input(scales, true);
  composed.backward(weighted_sum(
      composed, straight_through(composed, in_composed, s, x.view, scale, range), weights.view));
  double expected = 0.0;
  int stopped = 0;
  for (int t = 0; t < T; ++t)
    for (int f = 0; f < F; ++f)
      for (int b = 0; b < B; ++b) {
        CHECK(in.grad.at(t, f, b) == in_composed.grad.at(t, f, b));
        stopped += in.grad.at(t, f, b) == 0.0;
        expected += s.grad.at(t, f, b);
      }
  CHECK(stopped > 0);
  CHECK(stopped < T * F * B / 2);
  CHECK(close(ds, expected, 1e-12, 1e-12));
}

TEST_CASE("where the grid saturates, the scale's gradient is the true derivative") {
  Random rng(5, 2);
  OwnedSequence<D> x(3, 2, 4, rng);
  for (double& v : x.memory) v = v < 0.0 ? -50.0 + v : 50.0 + v;
  const OwnedSequence<D> weights(3, 2, 4, rng);
  Buffer<D> scales(2);
  scales[0] = 0.7, scales[1] = 1.3;
  const GradientCheck check = check_gradients(
      [&](Tape<D>& t, const std::vector<Var<D>>& v) {
        return weighted_sum(t, fake_quant(t, v[0], t.weight({0, 2, 1}), {-7, 7}), weights.view);
      },
      {x.view}, {scales.data(), 2, 1});
  CHECK(check.worst <= 1e-7);
  CHECK(check.entries == 3 * 2 * 4 + 2);
}

TEST_CASE("a quantized weight row by row: straight through, and its rows' scales learn") {
  Random rng(5, 3);
  constexpr int I = 3, O = 4, T = 2, B = 3;
  const OwnedSequence<D> x(T, I, B, rng), target(T, O, B, rng);
  Buffer<D> block(O * I + O), gradients(block.size());
  fill_normal(block.data(), O * I, rng);
  for (int o = 0; o < O; ++o) block[O * I + o] = 0.1 + 0.1 * o;
  std::fill(gradients.begin(), gradients.end(), 0.0);
  Arena arena;
  Tape<D> tape(arena, {block.data(), gradients.data()});
  const Weight<D> w = tape.weight({0, O, I}), scale = tape.weight({O * I, O, 1});
  const Weight<D> q = fake_quant(tape, w, scale, {-7, 7});
  tape.backward(mean_squared_error(tape, linear(tape, tape.input(x.view), q), target.view));
  for (int o = 0; o < O; ++o) {
    double ds = 0.0;
    for (int i = 0; i < I; ++i) {
      const double s = scale.value.at(o, 0), r = std::nearbyint(w.value.at(o, i) / s);
      const bool inside = std::abs(r) <= 7.0;
      CHECK(q.value.at(o, i) == s * std::min(std::max(r, -7.0), 7.0));
      CHECK(w.grad.at(o, i) == (inside ? q.grad.at(o, i) : 0.0));
      ds += q.grad.at(o, i) * (inside ? r - w.value.at(o, i) / s : r < 0 ? -7.0 : 7.0);
    }
    CHECK(ds != 0.0);
    CHECK(close(scale.grad.at(o, 0), ds, 1e-14, 1e-12));
  }
}

TEST_CASE("one scale for all is a scale a row of equal ones: values, gradients, fixed or learned") {
  Random rng(5, 5);
  constexpr int F = 4, T = 3, B = 5;
  const OwnedSequence<D> x(T, F, B, rng), probe(T, F, B, rng), weight_probe(1, F, B, rng);
  const OwnedSequence<D> in(1, F, B, rng);
  Buffer<D> weights(F * F);
  fill_normal(weights.data(), weights.size(), rng);
  constexpr IntegerRange range{-3, 3};
  struct Outcome {
    std::vector<double> values, gradients;
    double of_scale = 0.0;
    bool operator==(const Outcome&) const = default;
  };
  const auto run = [&](int rows, bool learned) {
    std::vector<double> scales(rows, 0.4), of_scales(rows, 0.0), of_weights(F * F, 0.0);
    const Weight<D> scale{{scales.data(), rows, 1},
                          learned ? Matrix<D>{of_scales.data(), rows, 1} : Matrix<D>{}};
    Arena arena;
    Tape<D> tape(arena);
    const Var<D> v = tape.input(x.view, true), y = fake_quant(tape, v, scale, range);
    const Weight<D> w{{weights.data(), F, F}, {of_weights.data(), F, F}};
    const Weight<D> q = fake_quant(tape, w, scale, range);
    tape.backward(add(tape, weighted_sum(tape, y, probe.view),
                      weighted_sum(tape, linear(tape, tape.input(in.view), q), weight_probe.view)));
    Outcome o;
    for (int t = 0; t < T; ++t)
      for (int f = 0; f < F; ++f)
        for (int b = 0; b < B; ++b) {
          o.values.push_back(y.value.at(t, f, b));
          o.gradients.push_back(v.grad.at(t, f, b));
        }
    o.values.insert(o.values.end(), q.value.data, q.value.data + F * F);
    o.gradients.insert(o.gradients.end(), of_weights.begin(), of_weights.end());
    for (const double g : of_scales) o.of_scale += g;
    return o;
  };
  const Outcome tensor = run(1, true), rows = run(F, true), fixed = run(1, false);
  CHECK(tensor.values == rows.values);
  CHECK(tensor.gradients == rows.gradients);
  CHECK(close(tensor.of_scale, rows.of_scale, 1e-13, 1e-13));
  CHECK(tensor.of_scale != 0.0);
  CHECK(fixed == Outcome{tensor.values, tensor.gradients, 0.0});
  CHECK(run(F, false) == fixed);
}

TEST_CASE("wrong scales and ranges are refused") {
  Random rng(5, 4);
  const OwnedSequence<D> x(2, 3, 2, rng);
  double scales[] = {0.5, -1.0};
  Arena arena;
  Tape<D> tape(arena);
  const Var<D> in = tape.input(x.view);
  CHECK_THROWS_WITH_AS(fake_quant(tape, in, Weight<D>{{scales, 2, 1}, {}}, {}),
                       doctest::Contains("[2][1]"), Error);
  CHECK_THROWS_AS(fake_quant(tape, in, Weight<D>{{scales + 1, 1, 1}, {}}, {}), Error);
  CHECK_THROWS_AS(fake_quant(tape, in, Weight<D>{{scales, 1, 1}, {}}, {3, 3}), Error);
}
