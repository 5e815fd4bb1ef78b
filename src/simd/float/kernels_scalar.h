#pragma once
// The kernels, written as their definitions read. This is the portable path, the path for double,
// and the reference that the fast ones are tested against: keep it plain.

#include <cmath>

#include "simd/float/kernels.h"

namespace taugate::simd::scalar {

template <class S>
S sigmoid(Activation kind, S x) {
  if (kind == Activation::hard) {
    const S y = S(0.5) * x + S(0.5);
    return y < S(0) ? S(0) : y > S(1) ? S(1) : y;
  }
  return S(1) / (S(1) + std::exp(-x));
}

template <class S>
S tanh(Activation kind, S x) {
  if (kind == Activation::hard) return x < S(-1) ? S(-1) : x > S(1) ? S(1) : x;
  return std::tanh(x);
}

/// Derivatives, from the function's value y.
template <class S>
S sigmoid_slope(Activation kind, S y) {
  if (kind == Activation::hard) return y > S(0) && y < S(1) ? S(0.5) : S(0);
  return y * (S(1) - y);
}
template <class S>
S tanh_slope(Activation kind, S y) {
  if (kind == Activation::hard) return y > S(-1) && y < S(1) ? S(1) : S(0);
  return S(1) - y * y;
}

// Panels of one row: packed weights are the matrix itself, row-major.
template <class S>
void matmul(const Matmul<S>& a) {
  for (int m = 0; m < a.weights.rows; ++m) {
    const S* w = a.weights.data + static_cast<std::size_t>(m) * a.weights.cols;
    for (int lane = 0; lane < a.lanes; ++lane) {
      S& out = a.out[static_cast<std::size_t>(m) * a.lanes + lane];
      S sum = a.accumulate ? out : a.bias ? a.bias[m] : S(0);
      for (int k = 0; k < a.first_rows; ++k)
        sum += w[k] * a.first[static_cast<std::size_t>(k) * a.lanes + lane];
      for (int k = 0; k < a.second_rows; ++k)
        sum += w[a.first_rows + k] * a.second[static_cast<std::size_t>(k) * a.lanes + lane];
      out = sum;
    }
  }
}

template <class S>
void outer(const Outer<S>& o) {
  for (int m = 0; m < o.a_rows; ++m)
    for (int n = 0; n < o.b_rows; ++n) {
      S sum = 0;
      for (int t = 0; t < o.steps; ++t)
        for (int lane = 0; lane < o.lanes; ++lane)
          sum += o.a[t * o.a_stride + static_cast<std::size_t>(m) * o.lanes + lane] *
                 o.b[t * o.b_stride + static_cast<std::size_t>(n) * o.lanes + lane];
      o.out[static_cast<std::size_t>(m) * o.out_stride + n] += sum;
    }
}

template <class S>
void row_sums(const S* a, std::size_t stride, int rows, int steps, int lanes, S* out) {
  for (int m = 0; m < rows; ++m) {
    S sum = 0;
    for (int t = 0; t < steps; ++t)
      for (int lane = 0; lane < lanes; ++lane)
        sum += a[t * stride + static_cast<std::size_t>(m) * lanes + lane];
    out[m] += sum;
  }
}

template <class S>
void sigmoid_all(Activation kind, std::size_t n, const S* x, S* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] = sigmoid(kind, x[i]);
}

template <class S>
void tanh_all(Activation kind, std::size_t n, const S* x, S* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] = tanh(kind, x[i]);
}

template <class S>
void gates_after(Activation kind, std::size_t n, S* gates, const S* h_prev, S* h) {
  S *r = gates, *z = gates + n, *c = gates + 2 * n, *s = gates + 3 * n;
  for (std::size_t i = 0; i < n; ++i) {
    r[i] = sigmoid(kind, r[i]);
    z[i] = sigmoid(kind, z[i]);
    c[i] = tanh(kind, c[i] + r[i] * s[i]);
    h[i] = c[i] + z[i] * (h_prev[i] - c[i]);
  }
}

template <class S>
void gates_after_backward(Activation kind, std::size_t n, S* gates, const S* h_prev, const S* dy,
                          S* dh) {
  S *r = gates, *z = gates + n, *c = gates + 2 * n, *s = gates + 3 * n;
  for (std::size_t i = 0; i < n; ++i) {
    const S g = dh[i] + (dy ? dy[i] : S(0));
    const S dc = g * (S(1) - z[i]) * tanh_slope(kind, c[i]);
    const S dz = g * (h_prev[i] - c[i]) * sigmoid_slope(kind, z[i]);
    const S dr = dc * s[i] * sigmoid_slope(kind, r[i]);
    const S ds = dc * r[i];
    dh[i] = g * z[i];
    r[i] = dr;
    z[i] = dz;
    c[i] = dc;
    s[i] = ds;
  }
}

template <class S>
void reset_before(Activation kind, std::size_t n, S* gates, const S* h_prev) {
  S *r = gates, *z = gates + n, *q = gates + 3 * n;
  for (std::size_t i = 0; i < n; ++i) {
    r[i] = sigmoid(kind, r[i]);
    z[i] = sigmoid(kind, z[i]);
    q[i] = r[i] * h_prev[i];
  }
}

template <class S>
void blend_before(Activation kind, std::size_t n, S* gates, const S* h_prev, S* h) {
  S *z = gates + n, *c = gates + 2 * n;
  for (std::size_t i = 0; i < n; ++i) {
    c[i] = tanh(kind, c[i]);
    h[i] = c[i] + z[i] * (h_prev[i] - c[i]);
  }
}

template <class S>
void blend_before_backward(Activation kind, std::size_t n, S* gates, const S* h_prev, const S* dy,
                           S* dh) {
  S *z = gates + n, *c = gates + 2 * n;
  for (std::size_t i = 0; i < n; ++i) {
    const S g = dh[i] + (dy ? dy[i] : S(0));
    const S dc = g * (S(1) - z[i]) * tanh_slope(kind, c[i]);
    const S dz = g * (h_prev[i] - c[i]) * sigmoid_slope(kind, z[i]);
    dh[i] = g * z[i];
    z[i] = dz;
    c[i] = dc;
  }
}

template <class S>
void reset_before_backward(Activation kind, std::size_t n, S* gates, const S* h_prev, const S* dq,
                           S* dh) {
  S* r = gates;
  for (std::size_t i = 0; i < n; ++i) {
    dh[i] += dq[i] * r[i];
    r[i] = dq[i] * h_prev[i] * sigmoid_slope(kind, r[i]);
  }
}

/// Of arguments that come scaled: see BatchGru.
template <class S>
S scaled_sigmoid(Activation kind, S a) {
  if (kind == Activation::hard) return a < S(0) ? S(0) : a > S(1) ? S(1) : a;
  return S(1) / (S(1) + std::exp2(a));
}
template <class S>
S scaled_tanh(Activation kind, S a) {
  return kind == Activation::hard ? tanh(kind, a) : S(2) / (S(1) + std::exp2(a)) - S(1);
}

/// Tiles of one unit.
template <class S>
void batch_gru(const BatchGru<S>& g, Activation kind, int steps, const S* x, std::size_t x_stride,
               S* states, std::size_t stride) {
  for (int t = 0; t < steps; ++t, x += x_stride, states += stride)
    for (int unit = 0; unit < g.hidden; ++unit)
      for (int lane = 0; lane < kLaneBlock; ++lane) {
        const S* w = g.weights + static_cast<std::size_t>(unit) * 3 * (g.hidden + g.inputs);
        const S* bias = g.bias + 4 * unit;
        S r = bias[0], z = bias[1], n = bias[2], s = bias[3];
        const auto add = [&](const S* values, int count, S& candidate) {
          for (int k = 0; k < count; ++k, w += 3) {
            const S value = values[k * kLaneBlock + lane];
            r += w[0] * value;
            z += w[1] * value;
            candidate += w[2] * value;
          }
        };
        add(states, g.hidden, s);
        add(x, g.inputs, n);
        const S candidate = scaled_tanh(kind, n + scaled_sigmoid(kind, r) * s);
        const S before = states[unit * kLaneBlock + lane];
        states[stride + unit * kLaneBlock + lane] =
            candidate + scaled_sigmoid(kind, z) * (before - candidate);
      }
}

template <class S>
void readout(const S* weights, const S* bias, int outputs, int units, int steps, const S* states,
             std::size_t stride, S* out) {
  for (int t = 0; t < steps; ++t)
    for (int c = 0; c < outputs; ++c)
      for (int lane = 0; lane < kLaneBlock; ++lane) {
        S sum = bias[c];
        for (int u = 0; u < units; ++u)
          sum += weights[c * units + u] * states[t * stride + u * kLaneBlock + lane];
        *out++ = sum;
      }
}

/// Registers of one value: input weights [unit][k][gate].
template <class S>
void single_input(const SingleGru<S>& g, int steps, const S* x, std::size_t x_stride, S* sums) {
  for (int t = 0; t < steps; ++t)
    for (int gate = 0; gate < 3; ++gate)
      for (int i = 0; i < g.hidden; ++i) {
        S sum = g.bias[gate * g.hidden + i];
        for (int k = 0; k < g.inputs; ++k)
          sum += g.input[(static_cast<std::size_t>(i) * g.inputs + k) * 3 + gate] *
                 x[t * x_stride + k];
        sums[(static_cast<std::size_t>(t) * 3 + gate) * g.hidden + i] = sum;
      }
}

/// Groups of two units, and an odd one.
template <class S>
void single_run(const SingleRun<S>& run, Activation kind, int steps) {
  const SingleGru<S>& g = *run.gru;
  const S *sums = run.sums, *h = run.h0;
  S* states = run.states;
  const int H = g.hidden;
  for (int t = 0; t < steps; ++t, sums += run.sums_stride, states += run.states_stride) {
    for (int i = 0; i < H; ++i) {
      const int first = i / 2 * 2, width = first + 2 <= H ? 2 : 1;
      S a[3] = {sums[i], sums[H + i], g.bias[3 * H + i]};  // of r, z, s
      for (int k = 0; k < H; ++k)
        for (int gate = 0; gate < 3; ++gate)
          a[gate] += h[k] * g.recurrent[static_cast<std::size_t>(first) * 3 * H +
                                        (k * 3 + gate) * width + i - first];
      const S n = scaled_tanh(kind, sums[2 * H + i] + scaled_sigmoid(kind, a[0]) * a[2]);
      states[i] = n + scaled_sigmoid(kind, a[1]) * (h[i] - n);
    }
    h = states;
  }
}

template <class S>
void single_steps(const SingleRun<S>* runs, int count, Activation kind, int steps) {
  for (int i = 0; i < count; ++i) single_run(runs[i], kind, steps);
}

template <class S>
void adam(const Adam<S>& a) {
  for (std::size_t i = 0; i < a.n; ++i) {
    const S g = a.gradient[i] * a.gradient_scale;
    a.mean[i] = a.beta1 * a.mean[i] + (S(1) - a.beta1) * g;
    a.square[i] = a.beta2 * a.square[i] + (S(1) - a.beta2) * g * g;
    a.value[i] -=
        a.step_size * a.mean[i] / (std::sqrt(a.square[i] * a.square_correction) + a.epsilon);
  }
}

template <class S>
constexpr Kernels<S> table{"scalar",
                           1,
                           1,
                           1,
                           matmul<S>,
                           outer<S>,
                           row_sums<S>,
                           sigmoid_all<S>,
                           tanh_all<S>,
                           gates_after<S>,
                           gates_after_backward<S>,
                           reset_before<S>,
                           blend_before<S>,
                           blend_before_backward<S>,
                           reset_before_backward<S>,
                           batch_gru<S>,
                           readout<S>,
                           single_input<S>,
                           single_steps<S>,
                           adam<S>};

}  // namespace taugate::simd::scalar
