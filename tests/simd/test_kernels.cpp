// Every kernel of the active table beside its scalar twin in double. The suite runs once under each
// architecture that the machine has (TAUGATE_ARCH).

#include <limits>

#include "simd/float/kernels.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

/// The same numbers in float and double.
struct Twin {
  Buffer<float> f;
  Buffer<double> d;
  Twin(std::size_t n, Random& rng, double deviation = 1.0) : f(n), d(n) {
    fill_normal(f.data(), n, rng, deviation);
    for (std::size_t i = 0; i < n; ++i) d[i] = f[i];
  }
  explicit Twin(const Twin& other) : f(other.f.size()), d(other.d.size()) {
    std::copy(other.f.begin(), other.f.end(), f.begin());
    std::copy(other.d.begin(), other.d.end(), d.begin());
  }
  /// Largest |f - d| beyond `absolute + relative * |d|`; 0 where all agree.
  double disagreement(double absolute, double relative) const {
    double worst = 0.0;
    for (std::size_t i = 0; i < f.size(); ++i)
      if (!close(f[i], d[i], absolute, relative)) worst = std::max(worst, std::abs(f[i] - d[i]));
    return worst;
  }
};

constexpr double kFloatStep = 1.2e-7;

}  // namespace

TEST_CASE("matmul equals its scalar twin over odd row counts, split operands and lane counts") {
  Random rng(1, 1);
  const auto& fast = simd::kernels<float>();
  const auto& plain = simd::kernels<double>();
  for (int rows : {1, 2, 3, 5, 6, 7, 12, 13, 17, 33, 96})
    for (auto inner : {std::pair{1, 0}, {3, 0}, {1, 7}, {5, 32}, {0, 0}})
      for (int lanes : {16, 32, 48})
        for (int mode = 0; mode < 3; ++mode) {
          const int k1 = inner.first, k2 = inner.second;
          CAPTURE(rows);
          CAPTURE(k1);
          CAPTURE(k2);
          CAPTURE(lanes);
          CAPTURE(mode);
          const int cols = k1 + k2;
          const Twin w(static_cast<std::size_t>(rows) * cols, rng), bias(rows, rng);
          const Twin x1(static_cast<std::size_t>(k1) * lanes, rng),
              x2(static_cast<std::size_t>(k2) * lanes, rng);
          Twin y(static_cast<std::size_t>(rows) * lanes, rng);
          Arena arena;
          const auto left_f = simd::strided(w.f.data(), rows, k1, cols);
          const auto left_d = simd::strided(w.d.data(), rows, k1, cols);
          const auto right_f = simd::strided(w.f.data() + k1, rows, k2, cols);
          const auto right_d = simd::strided(w.d.data() + k1, rows, k2, cols);
          fast.matmul({simd::pack(arena, left_f, right_f), x1.f.data(), k1, x2.f.data(), k2,
                       mode == 1 ? bias.f.data() : nullptr, mode == 2, y.f.data(), lanes});
          plain.matmul({simd::pack(arena, left_d, right_d), x1.d.data(), k1, x2.d.data(), k2,
                        mode == 1 ? bias.d.data() : nullptr, mode == 2, y.d.data(), lanes});
          // Sums of `cols` products of normal numbers.
          CHECK(y.disagreement(kFloatStep * (cols + 1) * 4, kFloatStep) == 0.0);
        }
}

TEST_CASE("packing a transposed matrix multiplies by the transpose") {
  Random rng(1, 2);
  const int rows = 7, cols = 19, lanes = 16;
  const Twin w(rows * cols, rng), x(rows * lanes, rng);
  Buffer<float> y(cols * lanes);
  Arena arena;
  simd::kernels<float>().matmul(
      {.weights = simd::pack(arena, simd::strided(w.f.data(), rows, cols, cols).transposed()),
       .first = x.f.data(),
       .first_rows = rows,
       .out = y.data(),
       .lanes = lanes});
  for (int c = 0; c < cols; ++c)
    for (int lane = 0; lane < lanes; ++lane) {
      double sum = 0.0;
      for (int r = 0; r < rows; ++r) sum += w.d[r * cols + c] * x.d[r * lanes + lane];
      CHECK(close(y[c * lanes + lane], sum, kFloatStep * 32));
    }
}

TEST_CASE("outer products and row sums equal their scalar twins") {
  Random rng(1, 3);
  const auto& fast = simd::kernels<float>();
  const auto& plain = simd::kernels<double>();
  for (auto size : {std::pair{1, 1}, {2, 3}, {7, 5}, {12, 13}, {24, 8}})
    for (int steps : {1, 3, 70})
      for (int lanes : {16, 48}) {
        const int m = size.first, n = size.second;
        CAPTURE(m);
        CAPTURE(n);
        CAPTURE(steps);
        CAPTURE(lanes);
        const std::size_t a_stride = (m + 2) * lanes, b_stride = (n + 1) * lanes;
        const Twin a(a_stride * steps, rng), b(b_stride * steps, rng);
        Twin out(m * (n + 3), rng), sums(m, rng);
        fast.outer(
            {a.f.data(), a_stride, m, b.f.data(), b_stride, n, steps, lanes, out.f.data(), n + 3});
        plain.outer(
            {a.d.data(), a_stride, m, b.d.data(), b_stride, n, steps, lanes, out.d.data(), n + 3});
        fast.row_sums(a.f.data(), a_stride, m, steps, lanes, sums.f.data());
        plain.row_sums(a.d.data(), a_stride, m, steps, lanes, sums.d.data());
        // A float sum of k products of normal numbers errs by about k steps of a unit in the last
        // place.
        const double tolerance = kFloatStep * (steps * lanes + 16);
        CHECK(out.disagreement(tolerance, kFloatStep) == 0.0);
        CHECK(sums.disagreement(tolerance, kFloatStep) == 0.0);
      }
}

TEST_CASE("sigmoid and tanh stay within 2e-6 of libm, also at zero, infinity, denormals and NaN") {
  const auto& fast = simd::kernels<float>();
  constexpr float inf = std::numeric_limits<float>::infinity();
  std::vector<float> xs{0.0f,   -0.0f,   inf,    -inf,   std::numeric_limits<float>::quiet_NaN(),
                        1e-40f, -1e-40f, 1e30f,  -1e30f, std::numeric_limits<float>::min(),
                        88.8f,  -88.8f,  104.0f, -104.0f};
  for (int i = -200000; i <= 200000; ++i) xs.push_back(static_cast<float>(i) * 1e-4f);
  xs.resize((xs.size() + 15) / 16 * 16);
  Buffer<float> x(xs.size()), y(xs.size());
  std::copy(xs.begin(), xs.end(), x.begin());
  fast.sigmoid(Activation::smooth, x.size(), x.data(), y.data());
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!close(y[i], 1.0 / (1.0 + std::exp(-static_cast<double>(x[i]))), 2e-6))
      FAIL("sigmoid(", x[i], ") gave ", y[i]);
  fast.tanh(Activation::smooth, x.size(), x.data(), y.data());
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!close(y[i], std::tanh(static_cast<double>(x[i])), 2e-6))
      FAIL("tanh(", x[i], ") gave ", y[i]);
  CHECK(y[0] == 0.0f);
  CHECK(std::signbit(y[1]));
  fast.sigmoid(Activation::hard, x.size(), x.data(), y.data());
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!close(y[i], std::isnan(x[i]) ? NAN : std::clamp(0.5 * x[i] + 0.5, 0.0, 1.0), kFloatStep))
      FAIL("hard sigmoid(", x[i], ") gave ", y[i]);
  fast.tanh(Activation::hard, x.size(), x.data(), y.data());
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!close(y[i], std::isnan(x[i]) ? NAN : std::clamp(static_cast<double>(x[i]), -1.0, 1.0),
               0.0))
      FAIL("hard tanh(", x[i], ") gave ", y[i]);
}

TEST_CASE(
    "GRU gate kernels equal their scalar twins, forward and backward, saturated gates included") {
  Random rng(1, 4);
  const auto& fast = simd::kernels<float>();
  const auto& plain = simd::kernels<double>();
  for (auto kind : {Activation::smooth, Activation::hard})
    for (double mean_stddev : {0.5, 8.0})
      for (std::size_t n : {std::size_t{16}, std::size_t{80}}) {
        CAPTURE(mean_stddev);
        CAPTURE(n);
        const Twin gates(4 * n, rng, mean_stddev), h_prev(n, rng), dy(n, rng), dh(n, rng),
            dq(n, rng);
        Twin h(n, rng);
        // The fast activations are within 2e-6; products with s, h and gradients of a few units
        // follow.
        const double forward = 2e-6 * (1 + 3 * mean_stddev),
                     backward = 2e-5 * (1 + 3 * mean_stddev);

        Twin g(gates), d(dh);
        fast.gates_after(kind, n, g.f.data(), h_prev.f.data(), h.f.data());
        plain.gates_after(kind, n, g.d.data(), h_prev.d.data(), h.d.data());
        CHECK(g.disagreement(forward, kFloatStep) == 0.0);
        CHECK(h.disagreement(forward * 5, kFloatStep) == 0.0);
        for (std::size_t i = 0; i < 4 * n; ++i)
          g.d[i] = g.f[i];  // so that slopes see the same values
        Twin without(g), d_without(d);
        fast.gates_after_backward(kind, n, g.f.data(), h_prev.f.data(), dy.f.data(), d.f.data());
        plain.gates_after_backward(kind, n, g.d.data(), h_prev.d.data(), dy.d.data(), d.d.data());
        CHECK(g.disagreement(backward, 1e-6) == 0.0);
        CHECK(d.disagreement(backward, 1e-6) == 0.0);
        fast.gates_after_backward(kind, n, without.f.data(), h_prev.f.data(), nullptr,
                                  d_without.f.data());
        plain.gates_after_backward(kind, n, without.d.data(), h_prev.d.data(), nullptr,
                                   d_without.d.data());
        CHECK(without.disagreement(backward, 1e-6) == 0.0);

        Twin b(gates), db(dh);
        fast.reset_before(kind, n, b.f.data(), h_prev.f.data());
        plain.reset_before(kind, n, b.d.data(), h_prev.d.data());
        fast.blend_before(kind, n, b.f.data(), h_prev.f.data(), h.f.data());
        plain.blend_before(kind, n, b.d.data(), h_prev.d.data(), h.d.data());
        CHECK(b.disagreement(forward * 5, kFloatStep) == 0.0);
        CHECK(h.disagreement(forward * 5, kFloatStep) == 0.0);
        for (std::size_t i = 0; i < 4 * n; ++i) b.d[i] = b.f[i];
        fast.blend_before_backward(kind, n, b.f.data(), h_prev.f.data(), dy.f.data(), db.f.data());
        plain.blend_before_backward(kind, n, b.d.data(), h_prev.d.data(), dy.d.data(), db.d.data());
        fast.reset_before_backward(kind, n, b.f.data(), h_prev.f.data(), dq.f.data(), db.f.data());
        plain.reset_before_backward(kind, n, b.d.data(), h_prev.d.data(), dq.d.data(), db.d.data());
        CHECK(b.disagreement(backward, 1e-6) == 0.0);
        CHECK(db.disagreement(backward, 1e-6) == 0.0);
      }
}

TEST_CASE("a layer for blocks of traces equals its scalar twin, over sizes off every tile") {
  Random rng(1, 7);
  constexpr int T = 6, L = kLaneBlock;
  for (const auto kind : {Activation::smooth, Activation::hard})
    for (const int H : {1, 2, 7, 8, 9, 16, 31, 45, 128})
      for (const int I : {0, 1, 5, 33})
        for (const double size : {0.0, 1e-39, 1.0, 300.0}) {  // also denormal and saturated
          CAPTURE(H);
          CAPTURE(I);
          CAPTURE(size);
          const double mean_stddev = 1.0 / std::sqrt(H + I);
          const Twin W(static_cast<std::size_t>(3) * H * I, rng, mean_stddev);
          const Twin U(static_cast<std::size_t>(3) * H * H, rng, mean_stddev);
          const Twin b(3 * H, rng), c(3 * H, rng);
          const std::size_t x_stride = (I + 1) * L, stride = (H + 3) * L;
          const Twin x(T * x_stride, rng, size);
          Twin states((T + 1) * stride, rng, 0.5);
          Arena arena;
          const auto run = [&]<class S>(const Buffer<S>& w, const Buffer<S>& u,
                                        const Buffer<S>& bias, const Buffer<S>& bias2,
                                        const Buffer<S>& in, Buffer<S>& out) {
            const auto layer = simd::pack_batch(
                arena, kind, I ? simd::strided<S>(w.data(), 3 * H, I, I) : simd::Strided<S>{},
                simd::strided<S>(u.data(), 3 * H, H, H), bias.data(), bias2.data());
            simd::kernels<S>().batch_gru(layer, kind, T, in.data(), x_stride, out.data(), stride);
          };
          run(W.f, U.f, b.f, c.f, x.f, states.f);
          run(W.d, U.d, b.d, c.d, x.d, states.d);
          // Beside the gates' 2e-6: a sum of products of size `size` errs by their rounding, and a
          // gate's slope hands on a quarter of it (hard: a half) where it is not flat.
          const double sums =
              kFloatStep * (1.0 + size * mean_stddev * std::sqrt(I)) * std::sqrt(H + I + 1.0);
          CHECK(states.disagreement(2e-5 + 10 * sums, 0.0) == 0.0);
        }
}

TEST_CASE("a readout equals its scalar twin over odd numbers of outputs, units and steps") {
  Random rng(1, 9);
  constexpr int L = kLaneBlock;
  for (const int outputs : {1, 3, 5})
    for (const int units : {1, 7, 32})
      for (const int steps : {1, 7, 8, 19}) {
        const std::size_t stride = (units + 1) * L;
        const Twin w(outputs * units, rng), bias(outputs, rng), states(steps * stride, rng);
        Twin out(steps * outputs * L, rng);
        simd::kernels<float>().readout(w.f.data(), bias.f.data(), outputs, units, steps,
                                       states.f.data(), stride, out.f.data());
        simd::kernels<double>().readout(w.d.data(), bias.d.data(), outputs, units, steps,
                                        states.d.data(), stride, out.d.data());
        CHECK(out.disagreement(kFloatStep * (units + 1) * 4, kFloatStep) == 0.0);
      }
}

TEST_CASE("a trace of infinities or NaN leaves the other lanes of its block alone") {
  constexpr int H = 9, T = 3, L = kLaneBlock;
  constexpr float inf = std::numeric_limits<float>::infinity();
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  Random rng(1, 8);
  const Twin W(3 * H, rng), U(3 * H * H, rng, 0.3), b(3 * H, rng);
  Arena arena;
  const auto layer =
      simd::pack_batch(arena, Activation::smooth, simd::strided<float>(W.f.data(), 3 * H, 1, 1),
                       simd::strided<float>(U.f.data(), 3 * H, H, H), b.f.data(), b.f.data());
  Twin x(T * L, rng);
  Buffer<float> states[2] = {Buffer<float>((T + 1) * H * L), Buffer<float>((T + 1) * H * L)};
  for (int round : {0, 1}) {
    std::fill(states[round].begin(), states[round].end(), 0.0f);
    if (round) x.f[3] = inf, x.f[5] = nan, x.f[9] = -inf, x.f[L + 2] = 1e38f;
    simd::kernels<float>().batch_gru(layer, Activation::smooth, T, x.f.data(), L,
                                     states[round].data(), H * L);
  }
  for (std::size_t i = 0; i < states[0].size(); ++i) {
    const int lane = static_cast<int>(i % L), step = static_cast<int>(i / (H * L));
    const float value = states[1][i];
    if (lane == 5)
      CHECK((step == 0 ? value == 0.0f : std::isnan(value)));
    else if (lane == 3 || lane == 9 || lane == 2)
      CHECK(std::abs(value) <= 1.0f + 1e-6f);
    else
      CHECK(value == states[0][i]);
  }
}

TEST_CASE("Adam equals its scalar twin") {
  Random rng(1, 5);
  const std::size_t n = 48;
  Twin value(n, rng), gradient(n, rng), mean(n, rng), square(n, rng);
  for (std::size_t i = 0; i < n; ++i) square.d[i] = square.f[i] = std::abs(square.f[i]);
  for (int t = 1; t <= 3; ++t) {
    simd::kernels<float>().adam({n, value.f.data(), gradient.f.data(), mean.f.data(),
                                 square.f.data(), 0.5f, 0.9f, 0.999f, 1e-8f, 0.01f, 2.0f});
    simd::kernels<double>().adam({n, value.d.data(), gradient.d.data(), mean.d.data(),
                                  square.d.data(), 0.5, 0.9f, 0.999f, 1e-8, 0.01f, 2.0});
  }
  CHECK(value.disagreement(1e-6, 1e-6) == 0.0);
  CHECK(mean.disagreement(1e-6, 1e-6) == 0.0);
  CHECK(square.disagreement(1e-6, 1e-6) == 0.0);
}

TEST_CASE("architectures can be forced, and an unknown one is refused by name") {
  const std::string now = simd::kernels<float>().arch;
  CHECK(simd::available_archs().front() == "scalar");
  for (const auto& name : simd::available_archs()) {
    simd::use_arch(name);
    CHECK(simd::kernels<float>().arch == name);
  }
  CHECK_THROWS_WITH_AS(simd::use_arch("z80"), doctest::Contains("'z80'"), UsageError);
  simd::use_arch(now);
}
