#include "bench/peak.h"

#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "taugate/core/arena.h"
#include "taugate/core/error.h"
#include "taugate/core/parallel.h"

namespace bench {
namespace {

// Both kernels: twelve independent chains x = x*a + b, enough to cover the latency of two FMA
// units. They start apart, lest the compiler computes one for all; the fixed point 1 keeps them
// clear of denormals and infinities.
constexpr int kChains = 12;

__attribute__((target("avx512f"))) float run_avx512(long rounds) {
  const __m512 a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(0.5f);
  __m512 x0 = _mm512_set1_ps(1), x1 = _mm512_set1_ps(2), x2 = _mm512_set1_ps(3),
         x3 = _mm512_set1_ps(4), x4 = _mm512_set1_ps(5), x5 = _mm512_set1_ps(6);
  __m512 x6 = _mm512_set1_ps(7), x7 = _mm512_set1_ps(8), x8 = _mm512_set1_ps(9),
         x9 = _mm512_set1_ps(10), xa = _mm512_set1_ps(11), xb = _mm512_set1_ps(12);
  for (long i = 0; i < rounds; ++i) {
    x0 = _mm512_fmadd_ps(x0, a, b), x1 = _mm512_fmadd_ps(x1, a, b);
    x2 = _mm512_fmadd_ps(x2, a, b), x3 = _mm512_fmadd_ps(x3, a, b);
    x4 = _mm512_fmadd_ps(x4, a, b), x5 = _mm512_fmadd_ps(x5, a, b);
    x6 = _mm512_fmadd_ps(x6, a, b), x7 = _mm512_fmadd_ps(x7, a, b);
    x8 = _mm512_fmadd_ps(x8, a, b), x9 = _mm512_fmadd_ps(x9, a, b);
    xa = _mm512_fmadd_ps(xa, a, b), xb = _mm512_fmadd_ps(xb, a, b);
  }
  const __m512 s = ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7)) + ((x8 + x9) + (xa + xb));
  return _mm512_cvtss_f32(s);
}

__attribute__((target("avx2,fma"))) float run_avx2(long rounds) {
  const __m256 a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(0.5f);
  __m256 x0 = _mm256_set1_ps(1), x1 = _mm256_set1_ps(2), x2 = _mm256_set1_ps(3),
         x3 = _mm256_set1_ps(4), x4 = _mm256_set1_ps(5), x5 = _mm256_set1_ps(6);
  __m256 x6 = _mm256_set1_ps(7), x7 = _mm256_set1_ps(8), x8 = _mm256_set1_ps(9),
         x9 = _mm256_set1_ps(10), xa = _mm256_set1_ps(11), xb = _mm256_set1_ps(12);
  for (long i = 0; i < rounds; ++i) {
    x0 = _mm256_fmadd_ps(x0, a, b), x1 = _mm256_fmadd_ps(x1, a, b);
    x2 = _mm256_fmadd_ps(x2, a, b), x3 = _mm256_fmadd_ps(x3, a, b);
    x4 = _mm256_fmadd_ps(x4, a, b), x5 = _mm256_fmadd_ps(x5, a, b);
    x6 = _mm256_fmadd_ps(x6, a, b), x7 = _mm256_fmadd_ps(x7, a, b);
    x8 = _mm256_fmadd_ps(x8, a, b), x9 = _mm256_fmadd_ps(x9, a, b);
    xa = _mm256_fmadd_ps(xa, a, b), xb = _mm256_fmadd_ps(xb, a, b);
  }
  const __m256 s = ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7)) + ((x8 + x9) + (xa + xb));
  return _mm256_cvtss_f32(s);
}

// Both: eight running sums, enough to cover the latency of an addition at two loads a cycle.
// `values`: a multiple of 128.
__attribute__((target("avx512f"))) float load_avx512(const float* data, std::size_t values) {
  __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (const float* p = data; p < data + values; p += 128) {
    s0 += _mm512_load_ps(p), s1 += _mm512_load_ps(p + 16);
    s2 += _mm512_load_ps(p + 32), s3 += _mm512_load_ps(p + 48);
    s4 += _mm512_load_ps(p + 64), s5 += _mm512_load_ps(p + 80);
    s6 += _mm512_load_ps(p + 96), s7 += _mm512_load_ps(p + 112);
  }
  return _mm512_cvtss_f32(((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7)));
}

__attribute__((target("avx2"))) float load_avx2(const float* data, std::size_t values) {
  __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (const float* p = data; p < data + values; p += 64) {
    s0 += _mm256_load_ps(p), s1 += _mm256_load_ps(p + 8);
    s2 += _mm256_load_ps(p + 16), s3 += _mm256_load_ps(p + 24);
    s4 += _mm256_load_ps(p + 32), s5 += _mm256_load_ps(p + 40);
    s6 += _mm256_load_ps(p + 48), s7 += _mm256_load_ps(p + 56);
  }
  return _mm256_cvtss_f32(((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7)));
}

bool avx512_allowed = true;
bool has_avx512() { return avx512_allowed && __builtin_cpu_supports("avx512f"); }
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

}  // namespace

const char* fma_instructions() { return has_avx512() ? "avx512" : has_avx2() ? "avx2" : "none"; }

double fma_peak(int threads) {
  taugate::require(has_avx2(),
                   "the peak is measured with FMA instructions, which this machine lacks");
  const bool wide = has_avx512();
  const long rounds = wide ? 1'000'000 : 2'000'000;
  std::vector<float> sums(threads);
  taugate::set_thread_count(threads);
  // The best of three: threads that have slept may start late, or on the same core.
  double best = 0;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto start = std::chrono::steady_clock::now();
    taugate::parallel_for(sums.size(), [&](std::size_t i, int) {
      sums[i] = wide ? run_avx512(rounds) : run_avx2(rounds);
    });
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    for (float sum : sums)
      taugate::require(sum == kChains, "the measured chains went astray: ", sum);
    best = std::max(best, 2.0 * kChains * (wide ? 16 : 8) * rounds * threads / elapsed.count());
  }
  return best;
}

double load_bandwidth(std::size_t bytes) {
  taugate::require(has_avx2() && bytes % 512 == 0 && bytes > 0, "found ", bytes,
                   " bytes, wanted a multiple of 512, and a machine with AVX2");
  taugate::Buffer<float> data(bytes / sizeof(float));  // zeros
  const auto load = has_avx512() ? load_avx512 : load_avx2;
  using Clock = std::chrono::steady_clock;
  float sum = load(data.data(), data.size());
  double loaded = 0, seconds = 0;
  for (const auto start = Clock::now(); seconds < 0.02;) {
    for (std::size_t done = 0; done < 1'000'000;
         done += bytes, loaded += static_cast<double>(bytes))
      sum += load(data.data(), data.size());
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  taugate::require(sum == 0.0f, "the loaded zeros add to ", sum);
  return loaded / seconds;
}

void limit_instructions_to_avx2() { avx512_allowed = false; }

}  // namespace bench
