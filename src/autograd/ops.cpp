#include "taugate/autograd/ops.h"

#include <algorithm>
#include <cmath>

#include "simd/float/kernels_scalar.h"

namespace taugate {
namespace {

template <class S>
void require_same_shape(const char* operation, const Sequence<S>& a, const Sequence<S>& b) {
  require(a.same_shape(b), "[", operation, "] found shapes ", shape_of(a), " and ", shape_of(b),
          ", wanted equal ones");
}

/// value(i) for every element; gradient(i) is called in reverse for every element.
template <class S, class Value, class Gradient>
Var<S> elementwise(Tape<S>& tape, const Sequence<S>& like, bool wants, Value value,
                   Gradient gradient) {
  const Var<S> y = tape.result(like.steps, like.features, like.batch, wants);
  for (std::size_t i = 0; i < y.value.size(); ++i) y.value.data[i] = value(i);
  if (wants)
    tape.record([=] {
      for (std::size_t i = 0; i < y.grad.size(); ++i) gradient(i, y.value.data[i], y.grad.data[i]);
    });
  return y;
}

/// Sums term(i) over everything but the padding lanes, in double: the order is fixed, and so is the
/// sum.
template <class S, class Term>
S sum_over_traces(const Sequence<S>& s, Term term) {
  double total = 0.0;
  for (int t = 0; t < s.steps; ++t)
    for (int f = 0; f < s.features; ++f) {
      const std::size_t row = static_cast<std::size_t>(s.row(t, f) - s.data);
      S row_sum = 0;
      for (int b = 0; b < s.batch; ++b) row_sum += term(row + b);
      total += row_sum;
    }
  return static_cast<S>(total);
}

/// Calls body(i) for everything but the padding lanes.
template <class S, class Body>
void for_each_trace(const Sequence<S>& s, Body body) {
  for (int t = 0; t < s.steps; ++t)
    for (int f = 0; f < s.features; ++f) {
      const std::size_t row = static_cast<std::size_t>(s.row(t, f) - s.data);
      for (int b = 0; b < s.batch; ++b) body(row + b);
    }
}

/// y = function(a), and back by the function's derivative, which is told from y.
template <class S>
Var<S> activate(Tape<S>& tape, Var<S> a, Activation kind,
                void (*function)(Activation, std::size_t, const S*, S*),
                S (*derivative)(Activation, S)) {
  const Var<S> y = tape.result(a.steps(), a.features(), a.batch(), a.wants_gradient());
  function(kind, a.value.size(), a.value.data, y.value.data);
  if (y.wants_gradient())
    tape.record([=] {
      for (std::size_t i = 0; i < y.grad.size(); ++i)
        a.grad.data[i] += y.grad.data[i] * derivative(kind, y.value.data[i]);
    });
  return y;
}

/// Combines `count` features of `from` into as many of `to`, at every step.
template <class S, class Combine>
void each_row(const Sequence<S>& from, int first_from, const Sequence<S>& to, int first_to,
              int count, Combine combine) {
  const auto values = static_cast<std::size_t>(count) * static_cast<std::size_t>(from.lanes());
  for (int t = 0; t < from.steps; ++t) {
    const S* source = from.row(t, first_from);
    S* target = to.row(t, first_to);
    for (std::size_t i = 0; i < values; ++i) target[i] = combine(target[i], source[i]);
  }
}
constexpr auto kCopy = [](auto, auto source) { return source; };
constexpr auto kAdd = [](auto target, auto source) { return target + source; };

}  // namespace

template <class S>
Var<S> linear(Tape<S>& tape, Var<S> x, Weight<S> weight, Weight<S> bias) {
  const int inputs = weight.value.cols, outputs = weight.value.rows;
  require(x.features() == inputs &&
              (bias.empty() || (bias.value.rows == outputs && bias.value.cols == 1)),
          "[linear] found input ", shape_of(x.value), ", weight ", shape_of(weight.value),
          ", bias ", shape_of(bias.value), ", wanted [T][I][B], [O][I], [O][1]");
  const auto& kernel = simd::kernels<S>();
  const Var<S> y =
      tape.result(x.steps(), outputs, x.batch(),
                  x.wants_gradient() || weight.wants_gradient() || bias.wants_gradient());
  const int lanes = x.value.lanes();
  const auto w = simd::strided<S>(weight.value.data, outputs, inputs, inputs);
  const auto packed = simd::pack(tape.arena(), w);
  for (int t = 0; t < x.steps(); ++t)
    kernel.matmul({.weights = packed,
                   .first = x.value.step(t),
                   .first_rows = inputs,
                   .bias = bias.value.data,
                   .out = y.value.step(t),
                   .lanes = lanes});
  if (y.wants_gradient())
    tape.record([=, &tape, &kernel] {
      if (x.wants_gradient()) {
        const auto transposed = simd::pack(tape.arena(), w.transposed());
        for (int t = 0; t < x.steps(); ++t)
          kernel.matmul({.weights = transposed,
                         .first = y.grad.step(t),
                         .first_rows = outputs,
                         .accumulate = true,
                         .out = x.grad.step(t),
                         .lanes = lanes});
      }
      if (weight.wants_gradient())
        kernel.outer({.a = y.grad.data,
                      .a_stride = y.grad.step_size(),
                      .a_rows = outputs,
                      .b = x.value.data,
                      .b_stride = x.value.step_size(),
                      .b_rows = inputs,
                      .steps = x.steps(),
                      .lanes = lanes,
                      .out = weight.grad.data,
                      .out_stride = inputs});
      if (bias.wants_gradient())
        kernel.row_sums(y.grad.data, y.grad.step_size(), outputs, x.steps(), lanes, bias.grad.data);
    });
  return y;
}

template <class S>
Var<S> add(Tape<S>& tape, Var<S> a, Var<S> b) {
  require_same_shape("add", a.value, b.value);
  return elementwise(
      tape, a.value, a.wants_gradient() || b.wants_gradient(),
      [=](std::size_t i) { return a.value.data[i] + b.value.data[i]; },
      [=](std::size_t i, S, S g) {
        if (a.wants_gradient()) a.grad.data[i] += g;
        if (b.wants_gradient()) b.grad.data[i] += g;
      });
}

template <class S>
Var<S> subtract(Tape<S>& tape, Var<S> a, Var<S> b) {
  require_same_shape("subtract", a.value, b.value);
  return elementwise(
      tape, a.value, a.wants_gradient() || b.wants_gradient(),
      [=](std::size_t i) { return a.value.data[i] - b.value.data[i]; },
      [=](std::size_t i, S, S g) {
        if (a.wants_gradient()) a.grad.data[i] += g;
        if (b.wants_gradient()) b.grad.data[i] -= g;
      });
}

template <class S>
Var<S> multiply(Tape<S>& tape, Var<S> a, Var<S> b) {
  require_same_shape("multiply", a.value, b.value);
  return elementwise(
      tape, a.value, a.wants_gradient() || b.wants_gradient(),
      [=](std::size_t i) { return a.value.data[i] * b.value.data[i]; },
      [=](std::size_t i, S, S g) {
        if (a.wants_gradient()) a.grad.data[i] += g * b.value.data[i];
        if (b.wants_gradient()) b.grad.data[i] += g * a.value.data[i];
      });
}

template <class S>
Var<S> affine(Tape<S>& tape, Var<S> a, S factor, S offset) {
  return elementwise(
      tape, a.value, a.wants_gradient(),
      [=](std::size_t i) { return factor * a.value.data[i] + offset; },
      [=](std::size_t i, S, S g) { a.grad.data[i] += factor * g; });
}

template <class S>
Var<S> sigmoid(Tape<S>& tape, Var<S> a, Activation kind) {
  return activate(tape, a, kind, simd::kernels<S>().sigmoid, simd::scalar::sigmoid_slope<S>);
}

template <class S>
Var<S> tanh(Tape<S>& tape, Var<S> a, Activation kind) {
  return activate(tape, a, kind, simd::kernels<S>().tanh, simd::scalar::tanh_slope<S>);
}

template <class S>
Var<S> concat(Tape<S>& tape, Var<S> a, Var<S> b) {
  require(a.steps() == b.steps() && a.batch() == b.batch(), "[concat] found shapes ",
          shape_of(a.value), " and ", shape_of(b.value), ", wanted equal steps and batch");
  const Var<S> y = tape.result(a.steps(), a.features() + b.features(), a.batch(),
                               a.wants_gradient() || b.wants_gradient());
  each_row(a.value, 0, y.value, 0, a.features(), kCopy);
  each_row(b.value, 0, y.value, a.features(), b.features(), kCopy);
  if (y.wants_gradient())
    tape.record([=] {
      if (a.wants_gradient()) each_row(y.grad, 0, a.grad, 0, a.features(), kAdd);
      if (b.wants_gradient()) each_row(y.grad, a.features(), b.grad, 0, b.features(), kAdd);
    });
  return y;
}

template <class S>
Var<S> features_of(Tape<S>& tape, Var<S> a, int first, int count) {
  require(first >= 0 && count >= 1 && first + count <= a.features(),
          "[features_of] found features ", first, "..", first + count - 1, ", wanted some of ",
          shape_of(a.value));
  const Var<S> y = tape.result(a.steps(), count, a.batch(), a.wants_gradient());
  each_row(a.value, first, y.value, 0, count, kCopy);
  if (y.wants_gradient()) tape.record([=] { each_row(y.grad, 0, a.grad, first, count, kAdd); });
  return y;
}

template <class S>
Var<S> squared_error(Tape<S>& tape, Var<S> a, Sequence<S> target, S scale) {
  require_same_shape("squared_error", a.value, target);
  const Var<S> loss = tape.result(1, 1, 1, a.wants_gradient());
  loss.value.at(0, 0, 0) = scale * sum_over_traces(a.value, [&](std::size_t i) {
                             const S difference = a.value.data[i] - target.data[i];
                             return difference * difference;
                           });
  if (loss.wants_gradient())
    tape.record([=] {
      const S g = S(2) * scale * loss.grad.at(0, 0, 0);
      for_each_trace(a.value, [&](std::size_t i) {
        a.grad.data[i] += g * (a.value.data[i] - target.data[i]);
      });
    });
  return loss;
}

template <class S>
Var<S> absolute_error(Tape<S>& tape, Var<S> a, Sequence<S> target, S scale) {
  require_same_shape("absolute_error", a.value, target);
  const Var<S> loss = tape.result(1, 1, 1, a.wants_gradient());
  loss.value.at(0, 0, 0) = scale * sum_over_traces(a.value, [&](std::size_t i) {
                             return std::abs(a.value.data[i] - target.data[i]);
                           });
  if (loss.wants_gradient())
    tape.record([=] {
      const S g = scale * loss.grad.at(0, 0, 0);
      for_each_trace(a.value, [&](std::size_t i) {
        const S difference = a.value.data[i] - target.data[i];
        a.grad.data[i] += difference > S(0) ? g : difference < S(0) ? -g : S(0);
      });
    });
  return loss;
}

template <class S>
Var<S> beta_likelihood(Tape<S>& tape, Var<S> mean, Var<S> log_deviation, Sequence<S> target, S beta,
                       S scale) {
  require_same_shape("beta_likelihood", mean.value, target);
  require_same_shape("beta_likelihood", log_deviation.value, target);
  const S lowest = S(kLogDeviations[0]), highest = S(kLogDeviations[1]);
  const auto log_sigma = [=](std::size_t i) {
    return std::clamp(log_deviation.value.data[i], lowest, highest);
  };
  const bool wants = mean.wants_gradient() || log_deviation.wants_gradient();
  const Var<S> loss = tape.result(1, 1, 1, wants);
  loss.value.at(0, 0, 0) =
      scale * sum_over_traces(target, [&](std::size_t i) {
        if (std::isnan(target.data[i])) return S(0);
        const S s = log_sigma(i), e = target.data[i] - mean.value.data[i];
        return std::exp(S(2) * beta * s) * (S(0.5) * e * e * std::exp(S(-2) * s) + s);
      });
  if (wants)
    tape.record([=] {
      const S g = scale * loss.grad.at(0, 0, 0);
      for_each_trace(target, [&](std::size_t i) {
        if (std::isnan(target.data[i])) return;
        const S s = log_sigma(i), e = target.data[i] - mean.value.data[i];
        const S weight = g * std::exp(S(2) * beta * s), precision = std::exp(S(-2) * s);
        if (mean.wants_gradient()) mean.grad.data[i] -= weight * e * precision;
        // At a limit only what leads back inside.
        const S towards_less = weight * (S(1) - e * e * precision);
        const S raw = log_deviation.value.data[i];
        const bool outwards =
            (raw < lowest && towards_less > S(0)) || (raw > highest && towards_less < S(0));
        if (log_deviation.wants_gradient() && !outwards) log_deviation.grad.data[i] += towards_less;
      });
    });
  return loss;
}

template <class S>
Var<S> weighted_sum(Tape<S>& tape, Var<S> a, Sequence<S> weights) {
  require_same_shape("weighted_sum", a.value, weights);
  const Var<S> sum = tape.result(1, 1, 1, a.wants_gradient());
  sum.value.at(0, 0, 0) =
      sum_over_traces(a.value, [&](std::size_t i) { return a.value.data[i] * weights.data[i]; });
  if (sum.wants_gradient())
    tape.record([=] {
      const S g = sum.grad.at(0, 0, 0);
      for_each_trace(a.value, [&](std::size_t i) { a.grad.data[i] += g * weights.data[i]; });
    });
  return sum;
}

#define TAUGATE_INSTANTIATE(S)                                                  \
  template Var<S> linear(Tape<S>&, Var<S>, Weight<S>, Weight<S>);               \
  template Var<S> add(Tape<S>&, Var<S>, Var<S>);                                \
  template Var<S> subtract(Tape<S>&, Var<S>, Var<S>);                           \
  template Var<S> multiply(Tape<S>&, Var<S>, Var<S>);                           \
  template Var<S> affine(Tape<S>&, Var<S>, S, S);                               \
  template Var<S> sigmoid(Tape<S>&, Var<S>, Activation);                        \
  template Var<S> tanh(Tape<S>&, Var<S>, Activation);                           \
  template Var<S> concat(Tape<S>&, Var<S>, Var<S>);                             \
  template Var<S> features_of(Tape<S>&, Var<S>, int, int);                      \
  template Var<S> squared_error(Tape<S>&, Var<S>, Sequence<S>, S);              \
  template Var<S> absolute_error(Tape<S>&, Var<S>, Sequence<S>, S);             \
  template Var<S> beta_likelihood(Tape<S>&, Var<S>, Var<S>, Sequence<S>, S, S); \
  template Var<S> weighted_sum(Tape<S>&, Var<S>, Sequence<S>);
TAUGATE_INSTANTIATE(float)
TAUGATE_INSTANTIATE(double)
#undef TAUGATE_INSTANTIATE

}  // namespace taugate
