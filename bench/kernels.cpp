// The table of kernels, one thread, on blocks that a GRU layer of H units has.

#include "simd/float/kernels.h"

#include <memory>

#include "bench/bench.h"
#include "taugate/core/random.h"

namespace bench {
namespace {

using taugate::Activation, taugate::Arena, taugate::Buffer, taugate::kLaneBlock;
constexpr int kLanes = kLaneBlock;

Buffer<float> numbers(std::size_t count) {
  Buffer<float> data(count);
  taugate::Random random(1, count);
  for (float& x : data) x = static_cast<float>(random.uniform(-1.0, 1.0));
  return data;
}

/// The recurrent product of a step: [3H][H] x [H][lanes].
void matmul(benchmark::State& state) {
  const int H = static_cast<int>(state.range(0));
  const auto h = static_cast<std::size_t>(H);
  const auto weights = numbers(3 * h * h), x = numbers(h * kLanes);
  Buffer<float> out(3 * h * kLanes), bias(3 * h);
  Arena arena;
  const auto packed =
      taugate::simd::pack(arena, taugate::simd::strided<float>(weights.data(), 3 * H, H, H));
  for (auto _ : state) {
    taugate::simd::kernels<float>().matmul({.weights = packed,
                                            .first = x.data(),
                                            .first_rows = H,
                                            .bias = bias.data(),
                                            .out = out.data(),
                                            .lanes = kLanes});
    benchmark::DoNotOptimize(out.data());
  }
  const double work = 2.0 * 3 * H * H * kLanes;
  count_flops(state, work);
  count_intensity(state, work, 4.0 * (3.0 * H * H + 4.0 * H * kLanes));
}

/// The recurrent weights' gradient over 70 steps: [3H][H] += sum of [3H][lanes] x [H][lanes].
void outer(benchmark::State& state) {
  const int H = static_cast<int>(state.range(0)), steps = 70;
  const auto h = static_cast<std::size_t>(H);
  const std::size_t a_stride = taugate::odd_stride(4 * h * kLanes),
                    b_stride = taugate::odd_stride(h * kLanes);
  const auto a = numbers(a_stride * steps), b = numbers(b_stride * steps);
  Buffer<float> out(3 * h * h);
  for (auto _ : state) {
    taugate::simd::kernels<float>().outer({.a = a.data(),
                                           .a_stride = a_stride,
                                           .a_rows = 3 * H,
                                           .b = b.data(),
                                           .b_stride = b_stride,
                                           .b_rows = H,
                                           .steps = steps,
                                           .lanes = kLanes,
                                           .out = out.data(),
                                           .out_stride = H});
    benchmark::DoNotOptimize(out.data());
  }
  const double work = 2.0 * 3 * H * H * kLanes * steps;
  count_flops(state, work);
  count_intensity(state, work, 4.0 * (4.0 * H * kLanes * steps + 6.0 * H * H));
}

void row_sums(benchmark::State& state) {
  const int H = static_cast<int>(state.range(0)), steps = 70;
  const std::size_t stride = taugate::odd_stride(static_cast<std::size_t>(3 * H) * kLanes);
  const auto a = numbers(stride * steps);
  Buffer<float> out(static_cast<std::size_t>(3 * H));
  for (auto _ : state) {
    taugate::simd::kernels<float>().row_sums(a.data(), stride, 3 * H, steps, kLanes, out.data());
    benchmark::DoNotOptimize(out.data());
  }
  count_rate(state, "values/s", 3.0 * H * kLanes * steps);
}

template <auto Function>
void activation(benchmark::State& state) {
  constexpr std::size_t n = 4096;
  const auto x = numbers(n);
  Buffer<float> y(n);
  for (auto _ : state) {
    (taugate::simd::kernels<float>().*Function)(Activation::smooth, n, x.data(), y.data());
    benchmark::DoNotOptimize(y.data());
  }
  count_rate(state, "values/s", n);
}

void gates_after(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0)) * kLanes;
  const auto start = numbers(4 * n), h_prev = numbers(n);
  Buffer<float> gates(4 * n), h(n);
  for (auto _ : state) {
    std::copy(start.begin(), start.end(), gates.begin());  // part of the time, and small
    taugate::simd::kernels<float>().gates_after(Activation::smooth, n, gates.data(), h_prev.data(),
                                                h.data());
    benchmark::DoNotOptimize(h.data());
  }
  count_rate(state, "units/s", static_cast<double>(n));
}

void gates_after_backward(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0)) * kLanes;
  const auto start = numbers(4 * n), h_prev = numbers(n), dy = numbers(n);
  Buffer<float> gates(4 * n), dh(n);
  for (auto _ : state) {
    std::copy(start.begin(), start.end(), gates.begin());
    taugate::simd::kernels<float>().gates_after_backward(Activation::smooth, n, gates.data(),
                                                         h_prev.data(), dy.data(), dh.data());
    benchmark::DoNotOptimize(dh.data());
  }
  count_rate(state, "units/s", static_cast<double>(n));
}

void adam(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto gradient = numbers(n);
  Buffer<float> value(n), mean(n), square(n);
  for (auto _ : state) {
    taugate::simd::kernels<float>().adam({.n = n,
                                          .value = value.data(),
                                          .gradient = gradient.data(),
                                          .mean = mean.data(),
                                          .square = square.data(),
                                          .beta1 = 0.9f,
                                          .beta2 = 0.999f,
                                          .epsilon = 1e-8f,
                                          .step_size = 1e-3f,
                                          .square_correction = 1.0f});
    benchmark::DoNotOptimize(value.data());
  }
  count_rate(state, "parameters/s", static_cast<double>(n));
}

}  // namespace

void add_kernels() {
  using Table = taugate::simd::Kernels<float>;
  const auto add = [](const char* name, void (*function)(benchmark::State&),
                      std::vector<std::int64_t> sizes) {
    auto* added = benchmark::RegisterBenchmark(name, function)->ArgName("H");
    for (const std::int64_t size : sizes) added->Arg(size);
  };
  add("kernel/matmul", matmul, {16, 32, 64, 128});
  add("kernel/outer", outer, {16, 32, 64, 128});
  add("kernel/row_sums", row_sums, {32});
  add("kernel/gates_after", gates_after, {32});
  add("kernel/gates_after_backward", gates_after_backward, {32});
  benchmark::RegisterBenchmark("kernel/sigmoid", activation<&Table::sigmoid>);
  benchmark::RegisterBenchmark("kernel/tanh", activation<&Table::tanh>);
  benchmark::RegisterBenchmark("kernel/adam", adam)->ArgName("parameters")->Arg(6657)->Arg(298881);
}

}  // namespace bench
