// The weighted Gaussian likelihood beside its formula and, in double, finite differences.

#include <limits>

#include "taugate/autograd/gradcheck.h"
#include "taugate/autograd/ops.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;
using D = double;
using Vars = std::vector<Var<D>>;

namespace {

constexpr int kT = 2, kC = 3, kB = 5;
constexpr D kScale = 0.3;

struct Case {
  Random rng{11, 1};
  OwnedSequence<D> mean{kT, kC, kB, rng}, log_deviation{kT, kC, kB, rng, 0.3},
      target{kT, kC, kB, rng};
  Case() { target.view.at(1, 2, 3) = std::numeric_limits<D>::quiet_NaN(); }
};

Var<D> likelihood(Tape<D>& tape, const Vars& v, const Case& c, D beta) {
  return beta_likelihood(tape, v[0], v[1], c.target.view, beta, kScale);
}

/// Gradients of both inputs.
std::vector<OwnedSequence<D>> gradients(const Case& c, D beta) {
  Arena arena;
  Tape<D> tape(arena);
  const Vars v{tape.input(c.mean.view, true), tape.input(c.log_deviation.view, true)};
  tape.backward(likelihood(tape, v, c, beta));
  Random rng(1, 1);
  std::vector<OwnedSequence<D>> result;
  for (const Var<D>& input : v) {
    result.emplace_back(kT, kC, kB, rng);
    std::copy_n(input.grad.data, input.grad.size(), result.back().view.data);
  }
  return result;
}

}  // namespace

TEST_CASE("the likelihood's value is its formula's, without targets that are NaN") {
  const Case c;
  for (const D beta : {0.0, 0.5, 1.0}) {
    CAPTURE(beta);
    Arena arena;
    Tape<D> tape(arena);
    const D found =
        likelihood(tape, {tape.input(c.mean.view), tape.input(c.log_deviation.view)}, c, beta)
            .value.at(0, 0, 0);
    D wanted = 0.0;
    for (int t = 0; t < kT; ++t)
      for (int f = 0; f < kC; ++f)
        for (int b = 0; b < kB; ++b) {
          const D y = c.target.view.at(t, f, b), sigma = std::exp(c.log_deviation.view.at(t, f, b));
          if (std::isnan(y)) continue;
          wanted += kScale * std::pow(sigma, 2.0 * beta) *
                    (std::pow((y - c.mean.view.at(t, f, b)) / sigma, 2.0) / 2.0 + std::log(sigma));
        }
    CHECK(close(found, wanted, 0.0, 1e-13));
  }
}

TEST_CASE("its gradient is the finite differences', times a weight that has no gradient itself") {
  const Case c;
  const GradientCheck check =
      check_gradients([&](Tape<D>& tape, const Vars& v) { return likelihood(tape, v, c, 0.0); },
                      {c.mean.view, c.log_deviation.view});
  CHECK(check.worst <= 1e-8);
  CHECK(check.entries == 2 * kT * kC * kB);
  const auto plain = gradients(c, 0.0), weighted = gradients(c, 0.5);
  for (int t = 0; t < kT; ++t)
    for (int f = 0; f < kC; ++f)
      for (int b = 0; b < kB; ++b) {
        const D sigma = std::exp(c.log_deviation.view.at(t, f, b));
        for (const std::size_t i : {0, 1})
          CHECK(
              close(weighted[i].view.at(t, f, b), sigma * plain[i].view.at(t, f, b), 1e-14, 1e-12));
      }
  CHECK(plain[0].view.at(1, 2, 3) == 0.0);  // of the NaN
  CHECK(plain[1].view.at(1, 2, 3) == 0.0);
}

TEST_CASE("beyond its limits a deviation counts as at them, and only moves back") {
  Case c;
  c.target.view.at(1, 2, 3) = 0.0;
  for (int b = 0; b < kB; ++b) {
    c.mean.view.at(0, 0, b) = c.target.view.at(0, 0, b);  // no error: wants a smaller deviation
    c.mean.view.at(0, 1, b) = c.target.view.at(0, 1, b) + 100.0;  // wants a larger one
  }
  for (const D beyond : {kLogDeviations[0] - 1.0, kLogDeviations[1] + 1.0}) {
    for (int f : {0, 1})
      for (int b = 0; b < kB; ++b) c.log_deviation.view.at(0, f, b) = beyond;
    const auto g = gradients(c, 0.5);
    const bool low = beyond < 0.0;
    CHECK((g[1].view.at(0, 0, 1) > 0.0) == !low);
    CHECK((g[1].view.at(0, 0, 1) == 0.0) == low);
    CHECK((g[1].view.at(0, 1, 1) < 0.0) == low);
    CHECK((g[1].view.at(0, 1, 1) == 0.0) == !low);
    CHECK(g[0].view.at(0, 1, 1) > 0.0);
  }
}
