// The fast twin of kernels_scalar.h, written once on xsimd and compiled once per instruction set. A
// file that includes this defines nothing but the architecture: see kernels_avx2.cpp.
//
// A block of 16 lanes is kVectors registers. `matmul` keeps a tile of kPanelRows rows x 16 lanes in
// registers while it walks down k; the tile's accumulators are named by compile-time indices so
// that no compiler puts them on the stack.

#include "simd/float/activations.inl"
#include "simd/float/batch_gru.inl"
#include "simd/float/single_gru.inl"

namespace taugate::simd {
namespace {

template <class Arch, int PanelRows, int OuterRows, int OuterCols, int BatchUnits>
struct Fast : Registers<Arch> {
  using typename Registers<Arch>::V;
  using Registers<Arch>::kVectors, Registers<Arch>::kWidth;
  using Registers<Arch>::load, Registers<Arch>::splat, Registers<Arch>::sum_of;

  // ---- products
  // ------------------------------------------------------------------------------------

  template <int Rows>
  static void panel(const Matmul<float>& a, const float* weights, int first_row) {
    const std::size_t stride = static_cast<std::size_t>(a.lanes);
    for (int lane = 0; lane < a.lanes; lane += kLaneBlock) {
      float* out = a.out + first_row * stride + lane;
      V sum[Rows][kVectors];
      unroll<Rows>([&](auto r) {
        unroll<kVectors>([&](auto v) {
          sum[r][v] = a.accumulate ? load(out + r * stride + v * kWidth)
                      : a.bias     ? splat(a.bias[first_row + r])
                                   : splat(0.0f);
        });
      });
      const float* w = weights;
      const auto sweep = [&](const float* x, int count) __attribute__((always_inline)) {
        for (int k = 0; k < count; ++k, x += stride, w += Rows) {
          V column[kVectors];
          unroll<kVectors>([&](auto v) { column[v] = load(x + v * kWidth); });
          unroll<Rows>([&](auto r) {
            const V weight = splat(w[r]);
            unroll<kVectors>([&](auto v) { sum[r][v] = xsimd::fma(weight, column[v], sum[r][v]); });
          });
        }
      };
      if (a.first_rows > 0) sweep(a.first + lane, a.first_rows);
      if (a.second_rows > 0) sweep(a.second + lane, a.second_rows);
      unroll<Rows>([&](auto r) {
        unroll<kVectors>([&](auto v) { sum[r][v].store_aligned(out + r * stride + v * kWidth); });
      });
    }
  }

  static void matmul(const Matmul<float>& a) {
    int row = 0;
    const float* weights = a.weights.data;
    for (; row + PanelRows <= a.weights.rows; row += PanelRows) {
      panel<PanelRows>(a, weights, row);
      weights += static_cast<std::size_t>(PanelRows) * a.weights.cols;
    }
    const int rest = a.weights.rows - row;
    unroll<PanelRows>([&](auto r) {
      if constexpr (r > 0)
        if (rest == r) panel<r>(a, weights, row);
    });
  }

  template <int Rows, int Cols>
  static void outer_tile(const Outer<float>& o, const float* a, const float* b, int steps,
                         float* out) {
    // Row i, column j is sum[i * Cols + j]; whole registers of sums are added across at once.
    constexpr int kSums = (Rows * Cols + kWidth - 1) / kWidth * kWidth;
    V sum[kSums];
    unroll<kSums>([&](auto i) { sum[i] = splat(0.0f); });
    for (int t = 0; t < steps; ++t, a += o.a_stride, b += o.b_stride)
      for (int lane = 0; lane < o.lanes; lane += kWidth) {
        V right[Cols];
        unroll<Cols>([&](auto j) { right[j] = load(b + j * o.lanes + lane); });
        unroll<Rows>([&](auto i) {
          const V left = load(a + i * o.lanes + lane);
          unroll<Cols>([&](auto j) {
            V& s = sum[i * Cols + j];
            s = xsimd::fma(left, right[j], s);
          });
        });
      }
    alignas(64) float total[kSums];
    for (int i = 0; i < kSums; i += kWidth) Registers<Arch>::sums_of(sum + i, total + i);
    unroll<Rows>([&](auto i) {
      unroll<Cols>([&](auto j) { out[i * o.out_stride + j] += total[i * Cols + j]; });
    });
  }

  template <int Rows>
  static void outer_rows(const Outer<float>& o, const float* a, const float* b, int steps,
                         float* out) {
    int n = 0;
    for (; n + OuterCols <= o.b_rows; n += OuterCols)
      outer_tile<Rows, OuterCols>(o, a, b + n * o.lanes, steps, out + n);
    for (; n < o.b_rows; ++n) outer_tile<Rows, 1>(o, a, b + n * o.lanes, steps, out + n);
  }

  static void outer(const Outer<float>& o) {
    // So many steps at a time that a tile's rows of `a` stay in the first-level cache while the
    // columns of `b` pass by.
    const int chunk = std::max(1, 512 / o.lanes);
    for (int t = 0; t < o.steps; t += chunk) {
      const int steps = std::min(chunk, o.steps - t);
      const float *a = o.a + t * o.a_stride, *b = o.b + t * o.b_stride;
      int m = 0;
      for (; m + OuterRows <= o.a_rows; m += OuterRows)
        outer_rows<OuterRows>(o, a + m * o.lanes, b, steps, o.out + m * o.out_stride);
      for (; m < o.a_rows; ++m)
        outer_rows<1>(o, a + m * o.lanes, b, steps, o.out + m * o.out_stride);
    }
  }

  /// Few outputs would leave a panel waiting for its own sums: some steps go side by side instead.
  template <int Steps>
  static void readout_steps(const float* weights, const float* bias, int outputs, int units,
                            const float* states, std::size_t stride, float* out) {
    for (int c = 0; c < outputs; ++c, weights += units) {
      V sum[Steps][kVectors];
      unroll<Steps>([&](auto t) { unroll<kVectors>([&](auto v) { sum[t][v] = splat(bias[c]); }); });
      for (int u = 0; u < units; ++u) {
        const V weight = splat(weights[u]);
        unroll<Steps>([&](auto t) {
          unroll<kVectors>([&](auto v) {
            sum[t][v] = xsimd::fma(weight, load(states + t * stride + u * kLaneBlock + v * kWidth),
                                   sum[t][v]);
          });
        });
      }
      unroll<Steps>([&](auto t) {
        unroll<kVectors>([&](auto v) {
          sum[t][v].store_aligned(out + (t * outputs + c) * kLaneBlock + v * kWidth);
        });
      });
    }
  }

  static void readout(const float* weights, const float* bias, int outputs, int units, int steps,
                      const float* states, std::size_t stride, float* out) {
    constexpr int kSteps = 8 / kVectors;
    int t = 0;
    for (; t + kSteps <= steps; t += kSteps)
      readout_steps<kSteps>(weights, bias, outputs, units, states + t * stride, stride,
                            out + t * outputs * kLaneBlock);
    for (; t < steps; ++t)
      readout_steps<1>(weights, bias, outputs, units, states + t * stride, stride,
                       out + t * outputs * kLaneBlock);
  }

  static void row_sums(const float* a, std::size_t stride, int rows, int steps, int lanes,
                       float* out) {
    // Several steps side by side: one sum alone would wait for its own last addition.
    constexpr int kChains = 4;
    for (int m = 0; m < rows; ++m)
      for (int lane = 0; lane < lanes; lane += kLaneBlock) {
        const float* p = a + static_cast<std::size_t>(m) * lanes + lane;
        V sum[kChains];
        unroll<kChains>([&](auto c) { sum[c] = splat(0.0f); });
        int t = 0;
        for (; t + kChains <= steps; t += kChains, p += kChains * stride)
          unroll<kChains>([&](auto c) {
            unroll<kVectors>([&](auto v) { sum[c] += load(p + c * stride + v * kWidth); });
          });
        for (; t < steps; ++t, p += stride)
          unroll<kVectors>([&](auto v) { sum[0] += load(p + v * kWidth); });
        out[m] += sum_of((sum[0] + sum[1]) + (sum[2] + sum[3]));
      }
  }

  // ---- activations
  // ---------------------------------------------------------------------------------

  /// Calls body(offset) for each register of n values, with the kind of activation at compile time.
  template <class Body>
  [[gnu::always_inline]] static void each(Activation kind, std::size_t n, Body&& body) {
    if (kind == Activation::hard)
      for (std::size_t i = 0; i < n; i += kWidth) body(std::true_type{}, i);
    else
      for (std::size_t i = 0; i < n; i += kWidth) body(std::false_type{}, i);
  }

  static void sigmoid_all(Activation kind, std::size_t n, const float* x, float* y) {
    each(kind, n,
         [&](auto hard, std::size_t i) { sigmoid<hard>(load(x + i)).store_aligned(y + i); });
  }
  static void tanh_all(Activation kind, std::size_t n, const float* x, float* y) {
    each(kind, n, [&](auto hard, std::size_t i) { tanh<hard>(load(x + i)).store_aligned(y + i); });
  }

  // ---- GRU gates
  // -----------------------------------------------------------------------------------

  /// N registers of gates: in place r, z, n; the new state to h. With a, b, c = exp(-r), exp(-z),
  /// exp(-2n) of the pre-activations: r = 1/(1+a), and one division serves z and n:
  ///   z = (1+c) d, n = (1-c)(1+b) d  with  d = 1/((1+b)(1+c))
  template <int N>
  [[gnu::always_inline]] static void smooth_gates(float* r, float* z, float* c, const float* s,
                                                  const float* h_prev, float* h) {
    constexpr float log2e = 1.44269504f;
    const V one = splat(1.0f);
    V reset[N], update[N], candidate[N];
    unroll<N>([&](auto i) { reset[i] = load(r + i * kWidth) * splat(-log2e); });
    unroll<N>([&](auto i) { update[i] = load(z + i * kWidth) * splat(-log2e); });
    exp2<N>(reset);
    unroll<N>([&](auto i) { reset[i] = one / (one + reset[i]); });
    unroll<N>([&](auto i) {
      candidate[i] =
          xsimd::fma(reset[i], load(s + i * kWidth), load(c + i * kWidth)) * splat(-2.0f * log2e);
    });
    exp2<N>(update);
    exp2<N>(candidate);
    unroll<N>([&](auto i) {
      const V above_z = one + candidate[i], above_n = (one - candidate[i]) * (one + update[i]);
      const V inverse = one / (above_z * (one + update[i]));
      update[i] = above_z * inverse;
      candidate[i] = above_n * inverse;
    });
    unroll<N>([&](auto i) {
      reset[i].store_aligned(r + i * kWidth);
      update[i].store_aligned(z + i * kWidth);
      candidate[i].store_aligned(c + i * kWidth);
      xsimd::fma(update[i], load(h_prev + i * kWidth) - candidate[i], candidate[i])
          .store_aligned(h + i * kWidth);
    });
  }

  static void gates_after(Activation kind, std::size_t n, float* gates, const float* h_prev,
                          float* h) {
    float *r = gates, *z = gates + n, *c = gates + 2 * n, *s = gates + 3 * n;
    if (kind == Activation::smooth) {
      std::size_t i = 0;
      for (; i + 4 * kWidth <= n; i += 4 * kWidth)
        smooth_gates<4>(r + i, z + i, c + i, s + i, h_prev + i, h + i);
      for (; i < n; i += kWidth) smooth_gates<1>(r + i, z + i, c + i, s + i, h_prev + i, h + i);
      return;
    }
    for (std::size_t i = 0; i < n; i += kWidth) {
      const V reset = sigmoid<true>(load(r + i)), update = sigmoid<true>(load(z + i));
      const V candidate = tanh<true>(xsimd::fma(reset, load(s + i), load(c + i)));
      reset.store_aligned(r + i);
      update.store_aligned(z + i);
      candidate.store_aligned(c + i);
      xsimd::fma(update, load(h_prev + i) - candidate, candidate).store_aligned(h + i);
    }
  }

  /// dh + dy of this step, where dy may be absent.
  static V total_gradient(const float* dh, const float* dy, std::size_t i) {
    return dy ? load(dh + i) + load(dy + i) : load(dh + i);
  }

  static void gates_after_backward(Activation kind, std::size_t n, float* gates,
                                   const float* h_prev, const float* dy, float* dh) {
    float *r = gates, *z = gates + n, *c = gates + 2 * n, *s = gates + 3 * n;
    each(
        kind, n, [&](auto hard, std::size_t i) __attribute__((always_inline)) {
          const V g = total_gradient(dh, dy, i);
          const V reset = load(r + i), update = load(z + i), candidate = load(c + i);
          const V dc = (g - g * update) * tanh_slope<hard>(candidate);
          (g * update).store_aligned(dh + i);
          (g * (load(h_prev + i) - candidate) * sigmoid_slope<hard>(update)).store_aligned(z + i);
          (dc * load(s + i) * sigmoid_slope<hard>(reset)).store_aligned(r + i);
          (dc * reset).store_aligned(s + i);
          dc.store_aligned(c + i);
        });
  }

  static void reset_before(Activation kind, std::size_t n, float* gates, const float* h_prev) {
    float *r = gates, *z = gates + n, *q = gates + 3 * n;
    each(
        kind, n, [&](auto hard, std::size_t i) __attribute__((always_inline)) {
          const V reset = sigmoid<hard>(load(r + i));
          reset.store_aligned(r + i);
          sigmoid<hard>(load(z + i)).store_aligned(z + i);
          (reset * load(h_prev + i)).store_aligned(q + i);
        });
  }

  static void blend_before(Activation kind, std::size_t n, float* gates, const float* h_prev,
                           float* h) {
    float *z = gates + n, *c = gates + 2 * n;
    each(
        kind, n, [&](auto hard, std::size_t i) __attribute__((always_inline)) {
          const V candidate = tanh<hard>(load(c + i));
          candidate.store_aligned(c + i);
          xsimd::fma(load(z + i), load(h_prev + i) - candidate, candidate).store_aligned(h + i);
        });
  }

  static void blend_before_backward(Activation kind, std::size_t n, float* gates,
                                    const float* h_prev, const float* dy, float* dh) {
    float *z = gates + n, *c = gates + 2 * n;
    each(
        kind, n, [&](auto hard, std::size_t i) __attribute__((always_inline)) {
          const V g = total_gradient(dh, dy, i);
          const V update = load(z + i), candidate = load(c + i);
          (g * update).store_aligned(dh + i);
          (g * (load(h_prev + i) - candidate) * sigmoid_slope<hard>(update)).store_aligned(z + i);
          ((g - g * update) * tanh_slope<hard>(candidate)).store_aligned(c + i);
        });
  }

  static void reset_before_backward(Activation kind, std::size_t n, float* gates,
                                    const float* h_prev, const float* dq, float* dh) {
    float* r = gates;
    each(
        kind, n, [&](auto hard, std::size_t i) __attribute__((always_inline)) {
          const V reset = load(r + i), d = load(dq + i);
          xsimd::fma(d, reset, load(dh + i)).store_aligned(dh + i);
          (d * load(h_prev + i) * sigmoid_slope<hard>(reset)).store_aligned(r + i);
        });
  }

  // ---- optimizer
  // -----------------------------------------------------------------------------------

  static void adam(const Adam<float>& a) {
    const V beta1 = splat(a.beta1), beta2 = splat(a.beta2), scale = splat(a.gradient_scale);
    const V rest1 = splat(1.0f - a.beta1), rest2 = splat(1.0f - a.beta2);
    const V step = splat(a.step_size), correction = splat(a.square_correction),
            eps = splat(a.epsilon);
    // The blocks are padded to whole registers, so there is no tail.
    for (std::size_t i = 0; i < a.n; i += kWidth) {
      const V g = load(a.gradient + i) * scale;
      const V mean = xsimd::fma(beta1, load(a.mean + i), rest1 * g);
      const V square = xsimd::fma(beta2, load(a.square + i), rest2 * g * g);
      mean.store_aligned(a.mean + i);
      square.store_aligned(a.square + i);
      (load(a.value + i) - step * mean / (xsimd::sqrt(square * correction) + eps))
          .store_aligned(a.value + i);
    }
  }

  static constexpr Kernels<float> table(const char* name) {
    return {name,
            PanelRows,
            kWidth,
            BatchUnits,
            matmul,
            outer,
            row_sums,
            sigmoid_all,
            tanh_all,
            gates_after,
            gates_after_backward,
            reset_before,
            blend_before,
            blend_before_backward,
            reset_before_backward,
            BatchGruKernel<Arch, BatchUnits>::run,
            readout,
            SingleGruKernel<Arch>::input,
            SingleGruKernel<Arch>::steps,
            adam};
  }
};

}  // namespace
}  // namespace taugate::simd
