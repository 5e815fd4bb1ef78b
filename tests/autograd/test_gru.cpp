// The fused GRU beside a composed twin and the page of reference, beside itself for other batch
// sizes, and its complaints.

#include "autograd/gru_reference.h"
#include "core/eigen_view.h"
#include "taugate/autograd/gru.h"
#include "taugate/autograd/ops.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

/// One GRU step written with elementary operations on gate-wise weights: the equations of gru.h.
struct Composed {
  GruWeights<double> w;
  GruForm form;
  Activation kind;
  int H;

  Weight<double> rows(const Weight<double>& m, int gate) const {
    return {{m.value.row(gate * H), H, m.value.cols}, {}};
  }
  Var<double> operator()(Tape<double>& t, Var<double> x, Var<double> h) const {
    const auto input = [&](int gate) {
      return linear(t, x, rows(w.input, gate), rows(w.input_bias, gate));
    };
    const auto recurrent = [&](int gate, Var<double> state) {
      return w.recurrent_bias.empty()
                 ? linear(t, state, rows(w.recurrent, gate))
                 : linear(t, state, rows(w.recurrent, gate), rows(w.recurrent_bias, gate));
    };
    const Var<double> r = sigmoid(t, add(t, input(0), recurrent(0, h)), kind);
    const Var<double> z = sigmoid(t, add(t, input(1), recurrent(1, h)), kind);
    const Var<double> part = form == GruForm::reset_after ? multiply(t, r, recurrent(2, h))
                                                          : recurrent(2, multiply(t, r, h));
    const Var<double> n = tanh(t, add(t, input(2), part), kind);
    return add(t, n, multiply(t, z, subtract(t, h, n)));
  }
};

}  // namespace

TEST_CASE("a fused sequence equals the composed one: sizes off every tile, B=1, long T") {
  Random rng(3, 1);
  for (auto form : {GruForm::reset_after, GruForm::reset_before})
    for (auto kind : {Activation::smooth, Activation::hard})
      for (auto size : {std::array{4, 3, 5, 1}, {7, 1, 32, 17}, {3, 19, 13, 33}, {70, 2, 8, 2}}) {
        const int T = size[0], I = size[1], H = size[2], B = size[3];
        CAPTURE(name_of(form));
        CAPTURE(name_of(kind));
        CAPTURE(T);
        CAPTURE(I);
        CAPTURE(H);
        CAPTURE(B);
        const std::size_t w = 3 * H * I, u = 3 * H * H, b = 3 * H;
        const std::size_t c = form == GruForm::reset_after ? b : 0;
        Buffer<float> block(w + u + b + c);
        fill_normal(block.data(), block.size(), rng, 1.0 / std::sqrt(H));
        Buffer<double> block_d(block.size());
        std::copy(block.begin(), block.end(), block_d.begin());
        const auto weights = [&]<class S>(S* p) {
          GruWeights<S> g;
          g.input.value = {p, 3 * H, I};
          g.recurrent.value = {p + w, 3 * H, H};
          g.input_bias.value = {p + w + u, 3 * H, 1};
          if (c) g.recurrent_bias.value = {p + w + u + b, 3 * H, 1};
          return g;
        };
        const OwnedSequence<float> x(T, I, B, rng), h0(1, H, B, rng, 0.5);
        Arena arena, arena_d;
        Tape<float> tape(arena);
        Tape<double> tape_d(arena_d);
        const Var<float> y =
            gru(tape, tape.input(x.view), tape.input(h0.view), weights(block.data()), form, kind);

        auto x_d = arena_d.sequence<double>(T, I, B);
        auto h_d = arena_d.sequence<double>(1, H, B);
        std::copy(x.memory.begin(), x.memory.end(), x_d.data);
        std::copy(h0.memory.begin(), h0.memory.end(), h_d.data);
        const Composed step{weights(block_d.data()), form, kind, H};
        Var<double> h = tape_d.input(h_d);
        double worst = 0.0;
        for (int t = 0; t < T; ++t) {
          h = step(tape_d, steps_of(tape_d.input(x_d), t, 1), h);
          for (int i = 0; i < H; ++i)
            for (int lane = 0; lane < B; ++lane)
              worst = std::max(worst, std::abs(y.value.at(t, i, lane) - h.value.at(0, i, lane)));
        }
        CHECK(worst < 1e-5);
      }
}

TEST_CASE("a fused sequence equals the page of reference, states and all gradients, in double") {
  Random rng(3, 4);
  constexpr int T = 6, I = 3, H = 5, B = 2;
  const auto draw = [&](Eigen::Index rows, Eigen::Index cols) {
    return Eigen::MatrixXd::NullaryExpr(rows, cols, [&] { return 0.6 * rng.normal(); }).eval();
  };
  const auto compare = [](const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
    CHECK(b.norm() > 0.0);
    CHECK((a - b).norm() <= 1e-12 * b.norm());
  };
  for (auto form : {GruForm::reset_after, GruForm::reset_before})
    for (auto kind : {Activation::smooth, Activation::hard}) {
      CAPTURE(name_of(form));
      CAPTURE(name_of(kind));
      const bool after = form == GruForm::reset_after;
      GruReference gru_page{
          form,           kind,           draw(3 * H, I),
          draw(3 * H, H), draw(3 * H, 1), after ? draw(3 * H, 1) : Eigen::MatrixXd::Zero(3 * H, 1)};
      // The same weights in a row, as a tape wants them.
      Buffer<double> block(3 * H * (I + H + 2)), gradients(block.size());
      const auto part = [](Buffer<double>& of, int first, int cols) {
        return as_eigen(Matrix<double>{of.data() + 3 * H * first, 3 * H, cols});
      };
      part(block, 0, I) = gru_page.W;
      part(block, I, H) = gru_page.U;
      part(block, I + H, 1) = gru_page.b;
      part(block, I + H + 1, 1) = gru_page.c;
      std::fill(gradients.begin(), gradients.end(), 0.0);

      const OwnedSequence<double> x(T, I, B, rng), h0(1, H, B, rng, 0.5), dy(T, H, B, rng);
      Arena arena;
      Tape<double> tape(arena, {block.data(), gradients.data()});
      GruWeights<double> w{tape.weight({0, 3 * H, I}),
                           tape.weight({3 * H * I, 3 * H, H}),
                           tape.weight({3 * H * (I + H), 3 * H, 1}),
                           {}};
      if (after) w.recurrent_bias = tape.weight({3 * H * (I + H + 1), 3 * H, 1});
      const Var<double> in = tape.input(x.view, true), start = tape.input(h0.view, true);
      const Var<double> y = gru(tape, in, start, w, form, kind);
      tape.backward(weighted_sum(tape, y, dy.view));

      GruReference sum{form,
                       kind,
                       Eigen::MatrixXd::Zero(3 * H, I),
                       Eigen::MatrixXd::Zero(3 * H, H),
                       Eigen::VectorXd::Zero(3 * H),
                       Eigen::VectorXd::Zero(3 * H)};
      for (int b = 0; b < B; ++b) {
        const Eigen::MatrixXd trace = as_eigen(x.view, b);
        const auto states = gru_page.forward(trace, as_eigen(h0.view, b));
        compare(as_eigen(y.value, b), states.h.rightCols(T));
        Eigen::MatrixXd dx(I, T);
        const Eigen::VectorXd dh0 = gru_page.backward(trace, states, as_eigen(dy.view, b), sum, dx);
        compare(as_eigen(in.grad, b), dx);
        compare(as_eigen(start.grad, b), dh0);
      }
      compare(part(gradients, 0, I), sum.W);
      compare(part(gradients, I, H), sum.U);
      compare(part(gradients, I + H, 1), sum.b);
      if (after) compare(part(gradients, I + H + 1, 1), sum.c);
    }
}

TEST_CASE("a trace's states do not depend on the rest of the batch") {
  Random rng(3, 2);
  constexpr int T = 6, I = 2, H = 9, B = 21;
  Buffer<float> block(3 * H * (I + H + 2));
  fill_normal(block.data(), block.size(), rng, 0.4);
  GruWeights<float> w;
  w.input.value = {block.data(), 3 * H, I};
  w.recurrent.value = {block.data() + 3 * H * I, 3 * H, H};
  w.input_bias.value = {block.data() + 3 * H * (I + H), 3 * H, 1};
  w.recurrent_bias.value = {block.data() + 3 * H * (I + H + 1), 3 * H, 1};
  const OwnedSequence<float> x(T, I, B, rng);
  Arena arena;
  Tape<float> tape(arena);
  const Var<float> all = gru(tape, tape.input(x.view), {}, w);
  for (int b : {0, 15, 16, 20}) {
    auto one = arena.zero_sequence<float>(T, I, 1);
    for (int t = 0; t < T; ++t)
      for (int i = 0; i < I; ++i) one.at(t, i, 0) = x.view.at(t, i, b);
    const Var<float> alone = gru(tape, tape.input(one), {}, w);
    for (int t = 0; t < T; ++t)
      for (int i = 0; i < H; ++i) CHECK(alone.value.at(t, i, 0) == all.value.at(t, i, b));
  }
}

TEST_CASE("wrong shapes are refused with both shapes in the message") {
  Random rng(3, 3);
  Buffer<float> block(200);
  GruWeights<float> w;
  w.input.value = {block.data(), 12, 3};
  w.recurrent.value = {block.data(), 12, 4};
  w.input_bias.value = {block.data(), 12, 1};
  w.recurrent_bias.value = {block.data(), 12, 1};
  Arena arena;
  Tape<float> tape(arena);
  const OwnedSequence<float> x(5, 2, 3, rng), good(5, 3, 3, rng), h(1, 5, 3, rng);
  CHECK_THROWS_WITH_AS(gru(tape, tape.input(x.view), {}, w), doctest::Contains("[features 2]"),
                       Error);
  CHECK_THROWS_WITH_AS(gru(tape, tape.input(good.view), tape.input(h.view), w),
                       doctest::Contains("initial state"), Error);
  CHECK_THROWS_AS(gru(tape, {}, {}, w), Error);
  CHECK_THROWS_AS(gru_without_input(tape, 4, Var<float>{}, w), Error);
  CHECK_THROWS_AS(gru(tape, tape.input(good.view), {}, w, GruForm::reset_before), Error);
  CHECK_THROWS_AS(tape.weight({0, 1, 1}), Error);
  CHECK_THROWS_AS(gru_form("after"), UsageError);
}
