// Every operation's backward pass beside finite differences in double, to 1e-7.

#include "taugate/autograd/gradcheck.h"
#include "taugate/autograd/gru.h"
#include "taugate/autograd/ops.h"
#include "taugate/nn/losses.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;
using D = double;

namespace {

constexpr double kTolerance = 1e-7;

void check(const GradientCheck& result, std::size_t entries) {
  INFO("worst at ", result.where, ": analytic ", result.analytic, ", numeric ", result.numeric);
  CHECK(result.worst <= kTolerance);
  CHECK(result.entries == entries);
}

/// A probe with a different weight for every output, so that no gradient can hide in a sum.
struct Probe {
  OwnedSequence<D> weights;
  Probe(int steps, int features, int batch, Random& rng) : weights(steps, features, batch, rng) {}
  Var<D> operator()(Tape<D>& tape, Var<D> y) const { return weighted_sum(tape, y, weights.view); }
};

constexpr int T = 5, B = 3;

}  // namespace

TEST_CASE("element-wise operations") {
  Random rng(2, 1);
  const OwnedSequence<D> a(T, 4, B, rng), b(T, 4, B, rng);
  const Probe probe(T, 4, B, rng);
  const std::size_t both = 2 * T * 4 * B, one = T * 4 * B;
  using Vars = std::vector<Var<D>>;
  check(check_gradients([&](Tape<D>& t, const Vars& v) { return probe(t, add(t, v[0], v[1])); },
                        {a.view, b.view}),
        both);
  check(
      check_gradients([&](Tape<D>& t, const Vars& v) { return probe(t, subtract(t, v[0], v[1])); },
                      {a.view, b.view}),
      both);
  check(
      check_gradients([&](Tape<D>& t, const Vars& v) { return probe(t, multiply(t, v[0], v[1])); },
                      {a.view, b.view}),
      both);
  check(check_gradients(
            [&](Tape<D>& t, const Vars& v) { return probe(t, multiply(t, v[0], v[0])); }, {a.view}),
        one);
  check(check_gradients(
            [&](Tape<D>& t, const Vars& v) { return probe(t, affine(t, v[0], 1.7, -0.3)); },
            {a.view}),
        one);
  for (auto kind : {Activation::smooth, Activation::hard}) {
    check(
        check_gradients([&](Tape<D>& t, const Vars& v) { return probe(t, sigmoid(t, v[0], kind)); },
                        {a.view}),
        one);
    check(check_gradients([&](Tape<D>& t, const Vars& v) { return probe(t, tanh(t, v[0], kind)); },
                          {a.view}),
          one);
  }
}

TEST_CASE(
    "features put together and taken apart: an LSTM step that makes its gates in one product") {
  Random rng(2, 7);
  constexpr int I = 2, H = 3;
  const OwnedSequence<D> x(1, I, B, rng), h(1, H, B, rng), c(1, H, B, rng);
  const Probe probe(1, H, B, rng);
  Buffer<D> block(4 * H * (I + H + 1));
  fill_normal(block.data(), block.size(), rng, 0.6);
  const auto next = [](Tape<D>& t, const std::vector<Var<D>>& v) {
    const Var<D> gates = linear(t, concat(t, v[0], v[1]), t.weight({0, 4 * H, I + H}),
                                t.weight({4 * H * (I + H), 4 * H, 1}));
    const auto gate = [&](int k) { return features_of(t, gates, k * H, H); };
    const Var<D> cell = add(t, multiply(t, sigmoid(t, gate(1)), v[2]),
                            multiply(t, sigmoid(t, gate(0)), tanh(t, gate(2))));
    return multiply(t, sigmoid(t, gate(3)), tanh(t, cell));
  };
  check(check_gradients(
            [&](Tape<D>& t, const std::vector<Var<D>>& v) { return probe(t, next(t, v)); },
            {x.view, h.view, c.view}, {block.data(), 1, static_cast<int>(block.size())}),
        (I + 2 * H) * B + block.size());

  // One unit by hand: weight rows i, f, g, o.
  Arena arena;
  Tape<D> tape(arena, {block.data(), nullptr});
  const Var<D> y = next(tape, {tape.input(x.view), tape.input(h.view), tape.input(c.view)});
  const auto pre = [&](int gate, int unit, int b) {
    const int row = gate * H + unit;
    double sum = block[static_cast<std::size_t>(4 * H * (I + H) + row)];
    for (int i = 0; i < I + H; ++i)
      sum += block[static_cast<std::size_t>(row * (I + H) + i)] *
             (i < I ? x.view.at(0, i, b) : h.view.at(0, i - I, b));
    return sum;
  };
  const auto S = [](double a) { return 1.0 / (1.0 + std::exp(-a)); };
  for (int u = 0; u < H; ++u)
    for (int b = 0; b < B; ++b) {
      const double cell =
          S(pre(1, u, b)) * c.view.at(0, u, b) + S(pre(0, u, b)) * std::tanh(pre(2, u, b));
      CHECK(close(y.value.at(0, u, b), S(pre(3, u, b)) * std::tanh(cell), 1e-14, 1e-13));
    }
  CHECK_THROWS_AS(features_of(tape, tape.input(x.view), 1, 2), Error);
  const OwnedSequence<D> longer(2, I, B, rng);
  CHECK_THROWS_AS(concat(tape, tape.input(x.view), tape.input(longer.view)), Error);
}

TEST_CASE("losses and views of steps") {
  Random rng(2, 2);
  const OwnedSequence<D> a(T, 4, B, rng), target(T, 4, B, rng), last(1, 4, B, rng);
  using Vars = std::vector<Var<D>>;
  check(check_gradients(
            [&](Tape<D>& t, const Vars& v) { return mean_squared_error(t, v[0], target.view); },
            {a.view}),
        T * 4 * B);
  check(check_gradients(
            [&](Tape<D>& t, const Vars& v) {
              return add(t, weighted_sum(t, last_step(v[0]), last.view),
                         squared_error(t, steps_of(v[0], 1, 2), target.view.slice(0, 2), 0.7));
            },
            {a.view}),
        T * 4 * B);
}

TEST_CASE("linear, with and without bias") {
  Random rng(2, 3);
  const OwnedSequence<D> x(T, 3, B, rng);
  const Probe probe(T, 4, B, rng);
  Buffer<D> block(4 * 3 + 4);
  fill_normal(block.data(), block.size(), rng);
  const Matrix<D> parameters{block.data(), 1, 16};
  check(check_gradients(
            [&](Tape<D>& t, const std::vector<Var<D>>& v) {
              return probe(t, linear(t, v[0], t.weight({0, 4, 3}), t.weight({12, 4, 1})));
            },
            {x.view}, parameters),
        T * 3 * B + 16);
  check(check_gradients(
            [&](Tape<D>& t, const std::vector<Var<D>>& v) {
              return probe(t, linear(t, v[0], t.weight({0, 4, 3})));
            },
            {x.view}, {block.data(), 1, 12}),
        T * 3 * B + 12);
  Buffer<D> bias(4);  // which learns although neither the input nor the weight does
  check(check_gradients(
            [&](Tape<D>& t, const std::vector<Var<D>>&) {
              const Weight<D> frozen{{block.data(), 4, 3}, {}};
              return probe(t, linear(t, t.input(x.view), frozen, t.weight({0, 4, 1})));
            },
            {}, {bias.data(), 1, 4}),
        4);
}

TEST_CASE(
    "GRU sequences: both forms, both activations, with and without input, states and final state") {
  Random rng(2, 4);
  constexpr int I = 2, H = 4;
  for (auto form : {GruForm::reset_after, GruForm::reset_before})
    for (auto kind : {Activation::smooth, Activation::hard})
      for (bool with_input : {true, false}) {
        CAPTURE(name_of(form));
        CAPTURE(name_of(kind));
        CAPTURE(with_input);
        const OwnedSequence<D> x(T, I, B, rng, 0.7), h0(1, H, B, rng, 0.5);
        const Probe every(T, H, B, rng), final_state(1, H, B, rng);
        const std::size_t w = with_input ? 3 * H * I : 0, u = 3 * H * H, b = 3 * H;
        const std::size_t c = form == GruForm::reset_after ? 3 * H : 0;
        Buffer<D> block(w + u + b + c);
        fill_normal(block.data(), block.size(), rng, 0.5);
        const auto build = [&](Tape<D>& t, const std::vector<Var<D>>& v) {
          GruWeights<D> weights;
          if (with_input) weights.input = t.weight({0, 3 * H, I});
          weights.recurrent = t.weight({w, 3 * H, H});
          weights.input_bias = t.weight({w + u, 3 * H, 1});
          if (c) weights.recurrent_bias = t.weight({w + u + b, 3 * H, 1});
          const Var<D> y = with_input ? gru(t, v[1], v[0], weights, form, kind)
                                      : gru_without_input(t, T, v[0], weights, form, kind);
          return add(t, every(t, y), final_state(t, last_step(y)));
        };
        std::vector<Sequence<D>> inputs{h0.view};
        if (with_input) inputs.push_back(x.view);
        // Hard activations have corners: a small step keeps the difference on one side of them.
        const double step = kind == Activation::hard ? 2e-5 : 1e-3;
        check(
            check_gradients(build, inputs, {block.data(), 1, static_cast<int>(block.size())}, step),
            H * B + (with_input ? T * I * B : 0) + block.size());
      }
}

TEST_CASE("stacked GRUs: a decoder that starts from an encoder's final state") {
  Random rng(2, 5);
  constexpr int I = 1, H = 3;
  const OwnedSequence<D> x(T, I, B, rng), target(T, H, B, rng, 0.5);
  constexpr std::size_t w = 3 * H * I, u = 3 * H * H, b = 3 * H, layer = w + u + 2 * b;
  Buffer<D> block(2 * layer);
  fill_normal(block.data(), block.size(), rng, 0.5);
  const auto build = [&](Tape<D>& t, const std::vector<Var<D>>& v) {
    const auto weights = [&](std::size_t at) {
      return GruWeights<D>{t.weight({at, 3 * H, I}), t.weight({at + w, 3 * H, H}),
                           t.weight({at + w + u, 3 * H, 1}), t.weight({at + w + u + b, 3 * H, 1})};
    };
    const Var<D> encoded = gru(t, v[0], {}, weights(0));
    auto decoder = weights(layer);
    decoder.input = {};
    return mean_squared_error(t, gru_without_input(t, T, last_step(encoded), decoder), target.view);
  };
  check(check_gradients(build, {x.view}, {block.data(), 1, static_cast<int>(block.size())}),
        T * I * B + block.size());
}

TEST_CASE("the gradient check itself catches a wrong gradient") {
  Random rng(2, 6);
  const OwnedSequence<D> a(2, 2, 2, rng);
  const auto result = check_gradients(
      [&](Tape<D>& t, const std::vector<Var<D>>& v) {
        const Var<D> y = t.result(1, 1, 1, true);
        y.value.at(0, 0, 0) = v[0].value.at(1, 0, 1) * 3.0;
        t.record([y, x = v[0]] { x.grad.at(1, 0, 1) += 3.001 * y.grad.at(0, 0, 0); });
        return y;
      },
      {a.view});
  CHECK(result.worst > 1e-4);
}
