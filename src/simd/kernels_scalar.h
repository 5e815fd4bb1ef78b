#pragma once
// The kernels, written as their definitions read. This is the portable path, the path for double,
// and the reference that the fast ones are tested against: keep it plain.

#include <cmath>

#include "taugate/simd/kernels.h"

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

/// Tiles of one unit.
template <class S>
void batch_gru(const BatchGru<S>& g, Activation kind, int steps, const S* x, std::size_t x_stride,
               S* states, std::size_t stride) {
  const auto sigmoid_of = [&](S a) {  // a comes scaled: see BatchGru
    return kind == Activation::hard ? (a < S(0)   ? S(0)
                                       : a > S(1) ? S(1)
                                                  : a)
                                    : S(1) / (S(1) + std::exp2(a));
  };
  const auto tanh_of = [&](S a) {
    return kind == Activation::hard ? tanh(kind, a) : S(2) / (S(1) + std::exp2(a)) - S(1);
  };
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
        const S candidate = tanh_of(n + sigmoid_of(r) * s);
        const S before = states[unit * kLaneBlock + lane];
        states[stride + unit * kLaneBlock + lane] =
            candidate + sigmoid_of(z) * (before - candidate);
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

/// Registers of one value: groups of two units.
template <class S>
void single_gru(const SingleGru<S>& g, Activation kind, int steps, const S* x, std::size_t x_stride,
                const S* h0, S* states) {
  const int H = g.hidden, K = g.inputs + H;
  const S* h = h0;
  for (int t = 0; t < steps; ++t, x += x_stride, states += g.padded) {
    const S* group = g.weights;
    for (int first = 0; first < H; first += 2) {
      const int width = first + 2 <= H ? 2 : 1;
      for (int u = 0; u < width; ++u) {
        const int i = first + u;
        S a[4] = {g.bias[i], g.bias[H + i], g.bias[2 * H + i], g.bias[3 * H + i]};  // r, z, n, s
        for (int k = 0; k < K; ++k) {
          const bool from_input = k < g.inputs;
          const S value = from_input ? x[k] : h[k - g.inputs];
          const S* w = group + static_cast<std::size_t>(k) * 3 * width + u;
          a[0] += w[0] * value;
          a[1] += w[width] * value;
          a[from_input ? 2 : 3] += w[2 * width] * value;
        }
        const S r = sigmoid(kind, a[0]), z = sigmoid(kind, a[1]), n = tanh(kind, a[2] + r * a[3]);
        states[i] = n + z * (h[i] - n);
      }
      group += static_cast<std::size_t>(K) * 3 * width;
    }
    h = states;
  }
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
                           single_gru<S>,
                           adam<S>};

}  // namespace taugate::simd::scalar
