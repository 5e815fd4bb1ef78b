// The kernels for one trace beside the cell's equations, written out here on unpacked weights, and
// beside their scalar twin. The suite runs once under each architecture that the machine has.

#include <limits>
#include <vector>

#include "simd/float/kernels.h"
#include "simd/float/kernels_scalar.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

struct Layer {
  int H, I, T;
  Activation kind;
  std::vector<double> W, U, b, c;  // [3H][I], [3H][H], [3H], [3H], gates r, z, n
  std::vector<double> x, h0;       // [T][I], [H]
};

Layer random_layer(int H, int I, int T, Activation kind, Random& rng) {
  const auto normal = [&](int n, double deviation) {
    std::vector<double> values(static_cast<std::size_t>(n));
    // Rounded to float, so that both precisions run on the same numbers.
    for (double& v : values) v = static_cast<float>(deviation * rng.normal());
    return values;
  };
  const double mean_stddev = 1.0 / std::sqrt(H + I);
  return {H,
          I,
          T,
          kind,
          normal(3 * H * I, mean_stddev),
          normal(3 * H * H, mean_stddev),
          normal(3 * H, 1.0),
          normal(3 * H, 1.0),
          normal(T * I, 1.0),
          normal(H, 0.5)};
}

/// r = sigmoid(W_r x + b_r + U_r h + c_r), z likewise, n = tanh(W_n x + b_n + r (U_n h + c_n)),
/// h' = n + z (h - n); docs/gru.md. [T][H].
std::vector<double> equations(const Layer& l) {
  std::vector<double> h = l.h0, states;
  const auto H = static_cast<std::size_t>(l.H), I = static_cast<std::size_t>(l.I);
  for (std::size_t t = 0; t < static_cast<std::size_t>(l.T); ++t) {
    std::vector<double> next(H);
    for (std::size_t i = 0; i < H; ++i) {
      double in[3], back[3];
      for (std::size_t gate = 0; gate < 3; ++gate) {
        const std::size_t row = gate * H + i;
        in[gate] = l.b[row], back[gate] = l.c[row];
        for (std::size_t k = 0; k < I; ++k) in[gate] += l.W[row * I + k] * l.x[t * I + k];
        for (std::size_t k = 0; k < H; ++k) back[gate] += l.U[row * H + k] * h[k];
      }
      const double r = simd::scalar::sigmoid(l.kind, in[0] + back[0]);
      const double z = simd::scalar::sigmoid(l.kind, in[1] + back[1]);
      const double n = simd::scalar::tanh(l.kind, in[2] + r * back[2]);
      next[i] = n + z * (h[i] - n);
    }
    h = next;
    states.insert(states.end(), h.begin(), h.end());
  }
  return states;
}

/// A layer packed for the active kernels on values of type S, its input and room for its states.
template <class S>
struct Prepared {
  const Layer& layer;
  Arena arena;
  simd::SingleGru<S> gru;
  std::size_t x_stride, stride;  // rows of x and of the states lie further apart than they are long
  std::vector<S> x;
  S *sums, *start, *states;

  explicit Prepared(const Layer& l) : layer(l) {
    const auto as = [](const std::vector<double>& v) { return std::vector<S>(v.begin(), v.end()); };
    const auto W = as(l.W), U = as(l.U), b = as(l.b), c = as(l.c);
    gru = simd::pack_single(
        arena, l.kind, l.I ? simd::strided<S>(W.data(), 3 * l.H, l.I, l.I) : simd::Strided<S>{},
        simd::strided<S>(U.data(), 3 * l.H, l.H, l.H), b.data(), c.data());
    const auto padded = static_cast<std::size_t>(gru.padded), I = static_cast<std::size_t>(l.I);
    const auto T = static_cast<std::size_t>(l.T);
    x_stride = I + 2, stride = padded + 16;
    x.assign(T * x_stride, S(7));
    for (std::size_t i = 0; i < l.x.size(); ++i)
      x[i / I * x_stride + i % I] = static_cast<S>(l.x[i]);
    sums = arena.template allocate<S>(T * 3 * padded);
    states = arena.template allocate<S>(T * stride);
    start = arena.template allocate_zeroed<S>(padded);
    std::copy(l.h0.begin(), l.h0.end(), start);
  }

  /// The run of `steps` steps from step t on, its input part computed.
  simd::SingleRun<S> run(int t, int steps) {
    S* out = states + static_cast<std::size_t>(t) * stride;
    if (layer.I > 0)
      simd::kernels<S>().single_input(gru, steps, x.data() + t * x_stride, x_stride, sums);
    return {.gru = &gru,
            .sums = layer.I > 0 ? sums : gru.bias,
            .sums_stride = layer.I > 0 ? 3 * static_cast<std::size_t>(gru.padded) : 0,
            .h0 = t > 0 ? out - stride : start,
            .states = out,
            .states_stride = stride};
  }

  std::vector<double> result() const {  // [T][H]
    std::vector<double> all;
    for (int t = 0; t < layer.T; ++t)
      all.insert(all.end(), states + t * stride, states + t * stride + layer.H);
    return all;
  }
};

/// The sequence in calls of `at_once` steps. [T][H].
template <class S>
std::vector<double> kernels_of(const Layer& l, int at_once) {
  Prepared<S> prepared(l);
  for (int t = 0; t < l.T; t += at_once) {
    const int steps = std::min(at_once, l.T - t);
    const simd::SingleRun<S> run = prepared.run(t, steps);
    simd::kernels<S>().single_steps(&run, 1, l.kind, steps);
  }
  return prepared.result();
}

double worst_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!close(a[i], b[i], 0.0)) {
      const double difference = std::abs(a[i] - b[i]);
      worst = std::isnan(difference) ? std::numeric_limits<double>::infinity()
                                     : std::max(worst, difference);
    }
  return worst;
}

// A sum of K products of about 1/sqrt(K) carries sqrt(K) roundings of 6e-8 / sqrt(K) each, bases of
// a few units some 3e-7, the activations 5e-7; a contraction adds up a few steps of that.
constexpr double kSingle = 5e-6;
constexpr double kDouble = 1e-12;

}  // namespace

TEST_CASE("a layer for one trace follows the equations, over sizes off every register") {
  Random rng(7, 1);
  for (const auto kind : {Activation::smooth, Activation::hard})
    for (const int H : {1, 2, 3, 7, 8, 9, 16, 17, 31, 32, 33, 40, 64, 67, 128})
      for (const int I : {0, 1, 5, 33}) {
        CAPTURE(H);
        CAPTURE(I);
        const Layer layer = random_layer(H, I, 19, kind, rng);
        const auto truth = equations(layer);
        CHECK(worst_difference(kernels_of<float>(layer, 19), truth) < kSingle);
        CHECK(worst_difference(kernels_of<float>(layer, 1), truth) < kSingle);
        CHECK(worst_difference(kernels_of<double>(layer, 8), truth) < kDouble);
      }
}

TEST_CASE("two layers for one trace side by side follow the equations each") {
  Random rng(7, 4);
  for (const auto kind : {Activation::smooth, Activation::hard})
    for (const int H : {1, 2, 3, 5, 8, 13, 16, 19, 30, 32, 41, 64})
      for (const int T : {1, 2, 19}) {
        CAPTURE(H);
        CAPTURE(T);
        const Layer a = random_layer(H, 1, T, kind, rng), b = random_layer(H, 3, T, kind, rng);
        Prepared<float> first(a), second(b);
        for (int t = 0; t < T; t += 7) {
          const int steps = std::min(7, T - t);
          const simd::SingleRun<float> runs[2] = {first.run(t, steps), second.run(t, steps)};
          simd::kernels<float>().single_steps(runs, 2, kind, steps);
        }
        CHECK(worst_difference(first.result(), equations(a)) < kSingle);
        CHECK(worst_difference(second.result(), equations(b)) < kSingle);
      }
}

TEST_CASE("gates of one trace saturate, and denormals are harmless") {
  Random rng(7, 2);
  for (const auto kind : {Activation::smooth, Activation::hard})
    for (const double scale : {1e-42, 1e-39, 30.0, 1e4, 1e30}) {
      CAPTURE(scale);
      Layer layer = random_layer(17, 3, 5, kind, rng);
      for (double& x : layer.x) x = static_cast<float>(scale * x);
      // Steep sums magnify their own roundings until they saturate.
      CHECK(worst_difference(kernels_of<float>(layer, 5), equations(layer)) < 20 * kSingle);
      for (double& h : layer.h0) h = static_cast<float>(std::min(scale, 1.0) * h);
      for (double& w : layer.U) w = static_cast<float>(std::min(scale, 1e3) * w);
      for (double& c : layer.c) c = 0.0;
      layer.T = 1;  // from then on steep sums would make it chaotic
      layer.x.resize(3);
      CHECK(worst_difference(kernels_of<float>(layer, 1), equations(layer)) < 20 * kSingle);
    }
}

TEST_CASE("an infinite input of one trace saturates the gates, a NaN passes through") {
  Random rng(7, 3);
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto kind : {Activation::smooth, Activation::hard})
    for (const int H : {5, 16, 37})
      for (const double x : {infinity, -infinity, std::nan("")}) {
        CAPTURE(H);
        CAPTURE(x);
        Layer layer = random_layer(H, 1, 4, kind, rng);
        layer.x[1] = x;
        const auto truth = equations(layer), fast = kernels_of<float>(layer, 4);
        CHECK(worst_difference(fast, truth) < kSingle);
        for (std::size_t i = 0; i < fast.size(); ++i)
          CHECK(std::isnan(fast[i]) == (std::isnan(x) && i >= static_cast<std::size_t>(H)));
      }
}
