#include "taugate/autograd/fake_quant.h"

#include <algorithm>
#include <cmath>

namespace taugate {
namespace {

template <class S>
void check(const Matrix<S>& scale, int rows, IntegerRange range) {
  require((scale.rows == 1 || scale.rows == rows) && scale.cols == 1, "[fake_quant] found scales ",
          shape_of(scale), ", wanted [1][1] or [", rows, "][1]");
  require(range.low < range.high, "[fake_quant] found integers from ", range.low, " to ",
          range.high, ", wanted a range");
  for (int r = 0; r < scale.rows; ++r)
    require(scale.at(r, 0) > S(0) && std::isfinite(scale.at(r, 0)),
            "[fake_quant] found a scale of ", scale.at(r, 0), ", wanted a number above 0");
}

/// One row of values that share a scale.
template <class S>
void forward(const S* x, S scale, IntegerRange range, std::size_t n, S* y) {
  for (std::size_t i = 0; i < n; ++i)
    y[i] = scale * std::min(std::max(std::nearbyint(x[i] / scale), S(range.low)), S(range.high));
}

/// Adds to dx (or nowhere, where it is null) and returns what the row gives to the scale's
/// gradient.
template <class S>
S backward(const S* x, S scale, IntegerRange range, std::size_t n, const S* dy, S* dx) {
  S ds = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const S q = std::nearbyint(x[i] / scale);
    const bool inside = q >= S(range.low) && q <= S(range.high);
    if (dx && inside) dx[i] += dy[i];
    ds += dy[i] * (inside ? q - x[i] / scale : S(q < S(range.low) ? range.low : range.high));
  }
  return ds;
}

}  // namespace

template <class S>
Var<S> fake_quant(Tape<S>& tape, Var<S> x, Weight<S> scale, IntegerRange range) {
  check(scale.value, x.features(), range);
  const Var<S> y =
      tape.result(x.steps(), x.features(), x.batch(), x.wants_gradient() || scale.wants_gradient());
  const std::size_t traces = static_cast<std::size_t>(x.batch());
  const auto scale_of = [=](int f) { return scale.value.rows == 1 ? 0 : f; };
  const std::size_t lanes = static_cast<std::size_t>(x.value.lanes());
  for (int t = 0; t < x.steps(); ++t)
    for (int f = 0; f < x.features(); ++f)
      forward(x.value.row(t, f), scale.value.at(scale_of(f), 0), range, lanes, y.value.row(t, f));
  if (y.wants_gradient())
    tape.record([=] {
      for (int t = 0; t < x.steps(); ++t)
        for (int f = 0; f < x.features(); ++f) {
          const S ds = backward(x.value.row(t, f), scale.value.at(scale_of(f), 0), range, traces,
                                y.grad.row(t, f), x.wants_gradient() ? x.grad.row(t, f) : nullptr);
          if (scale.wants_gradient()) scale.grad.at(scale_of(f), 0) += ds;
        }
    });
  return y;
}

template <class S>
Weight<S> fake_quant(Tape<S>& tape, Weight<S> w, Weight<S> scale, IntegerRange range) {
  check(scale.value, w.value.rows, range);
  const int rows = w.value.rows;
  const auto cols = static_cast<std::size_t>(w.value.cols);
  const auto scale_of = [=](int r) { return scale.value.rows == 1 ? 0 : r; };
  Weight<S> y{tape.arena().template matrix<S>(rows, w.value.cols), {}};
  for (int r = 0; r < rows; ++r)
    forward(w.value.row(r), scale.value.at(scale_of(r), 0), range, cols, y.value.row(r));
  if (!w.wants_gradient() && !scale.wants_gradient()) return y;
  y.grad = {tape.arena().template allocate_zeroed<S>(w.value.size()), rows, w.value.cols};
  tape.record([=] {
    for (int r = 0; r < rows; ++r) {
      const S ds = backward(w.value.row(r), scale.value.at(scale_of(r), 0), range, cols,
                            y.grad.row(r), w.wants_gradient() ? w.grad.row(r) : nullptr);
      if (scale.wants_gradient()) scale.grad.at(scale_of(r), 0) += ds;
    }
  });
  return y;
}

#define TAUGATE_INSTANTIATE(S)                                           \
  template Var<S> fake_quant(Tape<S>&, Var<S>, Weight<S>, IntegerRange); \
  template Weight<S> fake_quant(Tape<S>&, Weight<S>, Weight<S>, IntegerRange);
TAUGATE_INSTANTIATE(float)
TAUGATE_INSTANTIATE(double)
#undef TAUGATE_INSTANTIATE

}  // namespace taugate
