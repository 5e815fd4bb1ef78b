#include <atomic>
#include <cstdlib>

#include "simd/float/kernels.h"
#include "simd/float/kernels_scalar.h"

namespace taugate::simd {

#ifdef TAUGATE_X86
extern const Kernels<float> kernels_sse4;
extern const Kernels<float> kernels_avx2;
extern const Kernels<float> kernels_avx512;
#elif defined(TAUGATE_NEON64)
extern const Kernels<float> kernels_neon64;
#elif defined(TAUGATE_WASM)
extern const Kernels<float> kernels_sse4;
#endif

namespace {

struct Candidate {
  const Kernels<float>* table;
  bool runs_here;
};

std::vector<Candidate> candidates() {
  std::vector<Candidate> all{{&scalar::table<float>, true}};
#ifdef TAUGATE_X86
  __builtin_cpu_init();
  all.push_back({&kernels_sse4, static_cast<bool>(__builtin_cpu_supports("sse4.2"))});
  all.push_back({&kernels_avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")});
  all.push_back({&kernels_avx512,
                 __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                     __builtin_cpu_supports("avx512cd")});
#elif defined(TAUGATE_NEON64)
  all.push_back({&kernels_neon64, true});  // part of every 64-bit ARM
#elif defined(TAUGATE_WASM)
  all.push_back({&kernels_sse4, true});  // by emscripten in WebAssembly's SIMD
#endif
  return all;
}

const Kernels<float>* find(const std::string& name) {
  std::string runnable;
  for (const auto& [table, runs_here] : candidates()) {
    if (!runs_here) continue;
    if (name == table->arch) return table;
    runnable += std::string(runnable.empty() ? "" : ", ") + table->arch;
  }
  fail_usage("TAUGATE_ARCH: found '", name,
             "', wanted one of those this machine can run: ", runnable);
}

const Kernels<float>* choose() {
  if (const char* forced = std::getenv("TAUGATE_ARCH"); forced && *forced) return find(forced);
  return find(available_archs().back());
}

std::atomic<const Kernels<float>*> active{nullptr};

}  // namespace

std::vector<std::string> available_archs() {
  std::vector<std::string> names;
  for (const auto& [table, runs_here] : candidates())
    if (runs_here) names.emplace_back(table->arch);
  return names;
}

void use_arch(const std::string& name) { active = find(name); }

template <>
const Kernels<float>& kernels<float>() {
  const Kernels<float>* table = active.load(std::memory_order_relaxed);
  if (!table) active = table = choose();
  return *table;
}

std::string active_arch() { return kernels<float>().arch; }

template <>
const Kernels<double>& kernels<double>() {
  return scalar::table<double>;
}

template <class S>
Packed<S> pack(Arena& arena, Strided<S> left, Strided<S> right) {
  const int rows = left.rows, cols = left.cols + right.cols;
  const int panel = kernels<S>().panel_rows;
  S* packed = arena.allocate<S>(static_cast<std::size_t>(rows) * cols);
  S* out = packed;
  for (int first = 0; first < rows; first += panel) {
    const int height = std::min(panel, rows - first);
    for (const Strided<S>& part : {left, right})
      for (int k = 0; k < part.cols; ++k)
        for (int m = 0; m < height; ++m)
          *out++ = part.data[(first + m) * part.row_stride + k * part.col_stride];
  }
  return {packed, rows, cols};
}

namespace {
/// What BatchGru and SingleGru multiply the rows of a gate with, and add to the bias.
template <class S>
struct GateScale {
  bool hard;
  explicit GateScale(Activation kind) : hard(kind == Activation::hard) {}
  S of(int gate) const {
    constexpr double log2e = 1.4426950408889634;
    return static_cast<S>(gate < 2 ? (hard ? 0.5 : -log2e) : (hard ? 1.0 : -2 * log2e));
  }
  S shift() const { return static_cast<S>(hard ? 0.5 : 0.0); }
};
}  // namespace

template <class S>
BatchGru<S> pack_batch(Arena& arena, Activation activation, Strided<S> input, Strided<S> recurrent,
                       const S* b, const S* c) {
  const int H = recurrent.cols, I = input.cols, tile = kernels<S>().tile_units;
  const GateScale<S> scale(activation);
  S* weights = arena.allocate<S>(3 * static_cast<std::size_t>(I + H) * H);
  S* bias = arena.allocate<S>(4 * static_cast<std::size_t>(H));
  S *w = weights, *sums = bias;
  for (int first = 0; first < H; first += tile) {
    const int last = std::min(first + tile, H);
    for (const Strided<S>& part : {recurrent, input})
      for (int k = 0; k < part.cols; ++k)
        for (int gate = 0; gate < 3; ++gate)
          for (int u = first; u < last; ++u)
            *w++ =
                scale.of(gate) * part.data[(gate * H + u) * part.row_stride + k * part.col_stride];
    for (int gate = 0; gate < 2; ++gate)
      for (int u = first; u < last; ++u)
        *sums++ = scale.of(gate) * (b[gate * H + u] + c[gate * H + u]) + scale.shift();
    for (const S* part : {b, c})
      for (int u = first; u < last; ++u) *sums++ = scale.of(2) * part[2 * H + u];
  }
  return {H, I, weights, bias};
}

template <class S>
SingleGru<S> pack_single(Arena& arena, Activation activation, Strided<S> input,
                         Strided<S> recurrent, const S* b, const S* c) {
  const int H = recurrent.cols, I = input.cols, width = kernels<S>().register_values;
  const int padded = (H + width - 1) / width * width;
  const GateScale<S> scale(activation);
  S* bias = arena.allocate_zeroed<S>(4 * static_cast<std::size_t>(padded));
  for (int i = 0; i < H; ++i) {
    for (int gate = 0; gate < 2; ++gate)
      bias[gate * padded + i] =
          scale.of(gate) * (b[gate * H + i] + c[gate * H + i]) + scale.shift();
    bias[2 * padded + i] = scale.of(2) * b[2 * H + i];
    bias[3 * padded + i] = scale.of(2) * c[2 * H + i];
  }
  const auto lay_out = [&](const Strided<S>& part, int group) {
    S* weights = arena.allocate_zeroed<S>(static_cast<std::size_t>(part.cols) * 3 * padded);
    S* out = weights;
    for (int first = 0; first < padded; first += group) {
      const int units = std::min(group, padded - first);
      for (int k = 0; k < part.cols; ++k)
        for (int gate = 0; gate < 3; ++gate, out += units)
          for (int u = 0; u < std::min(units, H - first); ++u)
            out[u] = scale.of(gate) *
                     part.data[(gate * H + first + u) * part.row_stride + k * part.col_stride];
    }
    return weights;
  };
  return {H, I, padded, lay_out(input, width), lay_out(recurrent, 2 * width), bias};
}

template BatchGru<float> pack_batch(Arena&, Activation, Strided<float>, Strided<float>,
                                    const float*, const float*);
template BatchGru<double> pack_batch(Arena&, Activation, Strided<double>, Strided<double>,
                                     const double*, const double*);
template SingleGru<float> pack_single(Arena&, Activation, Strided<float>, Strided<float>,
                                      const float*, const float*);
template SingleGru<double> pack_single(Arena&, Activation, Strided<double>, Strided<double>,
                                       const double*, const double*);
template Packed<float> pack(Arena&, Strided<float>, Strided<float>);
template Packed<double> pack(Arena&, Strided<double>, Strided<double>);

}  // namespace taugate::simd
