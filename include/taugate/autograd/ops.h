#pragma once
// The operations of a tape, a handful of coarse ones. Each is instantiated for float (SIMD kernels)
// and double (scalar kernels, for gradient checks). The GRU has a file of its own: gru.h.
//
// Shapes are [steps][features][batch] throughout; an operand of the wrong shape throws Error naming
// the operation, what it got and what it wanted.

#include "taugate/autograd/tape.h"
#include "taugate/core/gru_form.h"

namespace taugate {

/// y_t = weight * x_t + bias at every step.  x [T][I][B], weight [O][I], bias [O][1] or empty.
template <class S>
Var<S> linear(Tape<S>& tape, Var<S> x, Weight<S> weight, Weight<S> bias = {});

// Element by element; both operands have the same shape.
template <class S>
Var<S> add(Tape<S>& tape, Var<S> a, Var<S> b);
template <class S>
Var<S> subtract(Tape<S>& tape, Var<S> a, Var<S> b);
template <class S>
Var<S> multiply(Tape<S>& tape, Var<S> a, Var<S> b);
/// factor * a + offset
template <class S>
Var<S> affine(Tape<S>& tape, Var<S> a, S factor, S offset = S(0));
template <class S>
Var<S> sigmoid(Tape<S>& tape, Var<S> a, Activation kind = Activation::smooth);
template <class S>
Var<S> tanh(Tape<S>& tape, Var<S> a, Activation kind = Activation::smooth);

/// Steps first .. first+count-1 of a, as a view: nothing is copied.
template <class S>
Var<S> steps_of(Var<S> a, int first, int count) {
  require(first >= 0 && count >= 1 && first + count <= a.steps(), "[steps_of] found steps ", first,
          "..", first + count - 1, ", wanted some of ", shape_of(a.value));
  return {a.value.slice(first, count),
          a.wants_gradient() ? a.grad.slice(first, count) : Sequence<S>{}};
}
/// The last step of a: the final state of a GRU.
template <class S>
Var<S> last_step(Var<S> a) {
  return steps_of(a, a.steps() - 1, 1);
}

/// Features of a over features of b, [T][Fa + Fb][B]: the input of a gate that reads x and h.
template <class S>
Var<S> concat(Tape<S>& tape, Var<S> a, Var<S> b);
/// Features first .. first+count-1 of a, as a copy: what several gates made in one product.
template <class S>
Var<S> features_of(Tape<S>& tape, Var<S> a, int first, int count);

/// scale * sum of (a - target)^2 over steps, features and the traces that count: a single number.
/// With scale = 1 / (T C B) it is the mean squared error. nn/losses.h builds losses of these two.
template <class S>
Var<S> squared_error(Tape<S>& tape, Var<S> a, Sequence<S> target, S scale);
/// The same of |a - target|. Where both are equal its gradient is 0.
template <class S>
Var<S> absolute_error(Tape<S>& tape, Var<S> a, Sequence<S> target, S scale);
/// The negative log-likelihood of a Gaussian of each target, without its constant, weighted by its own deviation:
///
///   scale * sum of w ((target - mean)^2 / (2 sigma^2) + ln sigma),   w = sigma^(2 beta), through which no gradient goes
///
/// With beta = 0 it is the likelihood, and an output learns slowly where its deviation is large; with beta = 1 its mean's
/// gradient is that of the squared error (Seitzer et al., ICLR 2022, who take 0.5). ln sigma = log_deviation, kept
/// within kLogDeviations. A target that is NaN does not count.
template <class S>
Var<S> beta_likelihood(Tape<S>& tape, Var<S> mean, Var<S> log_deviation, Sequence<S> target, S beta,
                       S scale);
inline constexpr double kLogDeviations[] = {-7.0, 1.0};
/// sum of a * weights over steps, features and the traces that count: a single number. The probe of
/// gradient checks.
template <class S>
Var<S> weighted_sum(Tape<S>& tape, Var<S> a, Sequence<S> weights);

}  // namespace taugate
