// The kernels of qat_step.h, as plain loops that compilers turn into SIMD code. Included once per
// instruction set, in a file with its own flags; everything here is static, so that no code with
// those flags is linked into the rest of the program.

#include "taugate/quant/integer/tables.h"
#include "taugate/quant/qat/qat_step.h"

namespace taugate {
namespace {

constexpr int kBlock = 16;  // lanes that a loop takes at a time

/// Base and slope of a segment in one word, since a look-up costs more than taking it apart.
struct TanhTable {
  std::int32_t words[kTableSegments];
  constexpr TanhTable() : words() {
    for (int i = 0; i < kTableSegments; ++i) words[i] = kTanhBase[i] | kTanhSlope[i] << 16;
  }
};
constexpr TanhTable kTanh;

/// A grid for loops in R, float or double.
template <class R>
struct Grid {
  R low, high, magic;
  explicit Grid(const QatGrid& g)
      : low(static_cast<R>(g.low)),
        high(static_cast<R>(g.high)),
        magic(sizeof(R) == sizeof(float) ? static_cast<R>(g.float_magic)
                                         : static_cast<R>(g.magic)) {}
  R round(R x) const { return (x + magic) - magic; }
  R clip(R x) const {
    const R above = x < low ? low : x;
    return above > high ? high : above;
  }
  R fit(R x) const { return clip(round(x)); }
};

template <class R>
R magnitude_of(R x) {
  return x < R(0) ? -x : x;
}

/// table_tanh() in 2^-15. u >= 0.
template <class R>
R table(R magnitude, R last) {
  const R u = magnitude < last ? magnitude : last;
  const int segment = static_cast<int>(u * R(8));
  const R rest = u - static_cast<R>(segment) * R(0.125);
  const std::int32_t word = kTanh.words[segment];
  const R rise = static_cast<R>(word >> 16) * rest * R(128);
  return static_cast<R>((word & 0xffff) + static_cast<int>(rise));
}

template <class R, bool kHard>
R gate(R sum, const Grid<R>& grid, R last) {
  if (kHard) {
    const R x = sum * R(0.5) + R(0.5);
    const R above = x < R(0) ? R(0) : x;
    return grid.round(above > R(1) ? R(1) : above);
  }
  const R distance = grid.round(table<R>(magnitude_of(sum) * R(0.5), last) * R(0x1p-16));
  return sum < R(0) ? R(0.5) - distance : R(0.5) + distance;
}

template <class R, bool kHard>
R candidate(R sum, const Grid<R>& grid, R last) {
  if (kHard) {
    const R above = sum < R(-1) ? R(-1) : sum;
    return grid.fit(above > R(1) ? R(1) : above);
  }
  const R n = grid.fit(table<R>(magnitude_of(sum), last) * R(0x1p-15));
  return sum < R(0) ? -n : n;
}

/// Accumulators [rows][lanes] to sums, in doubles: 24 bits times a multiplier of 16.
void requantize_rows(const QatGrid& to, const double* row_scale, int rows, int lanes,
                     float* values) {
  const Grid<double> grid(to);
  for (int row = 0; row < rows; ++row) {
    const double unit = row_scale[row];
    float* v = values + static_cast<std::size_t>(row) * static_cast<std::size_t>(lanes);
    for (int lane = 0; lane < lanes; lane += kBlock)
      for (int i = lane; i < lane + kBlock; ++i)
        v[i] = static_cast<float>(grid.fit(static_cast<double>(v[i]) * unit));
  }
}

void requantize(const QatGrid& grid, double unit, std::size_t n, float* values) {
  requantize_rows(grid, &unit, 1, static_cast<int>(n), values);
}

/// Planes of a step. No two overlap.
struct Planes {
  std::size_t size;
  float* __restrict r, * __restrict z, * __restrict n, * __restrict fourth;
  const float* __restrict held, * __restrict carried;  // only read: may be one
  float* __restrict state, * __restrict operand;
  std::uint8_t* __restrict saturation_mask;
  explicit Planes(const QatStep& s)
      : size(static_cast<std::size_t>(s.hidden) * static_cast<std::size_t>(s.lanes)),
        r(s.gates),
        z(r + size),
        n(z + size),
        fourth(n + size),
        held(s.held),
        carried(s.carried),
        state(s.state),
        operand(s.operand),
        saturation_mask(s.saturation_mask) {}
};

void watch(const QatStep& s, const Planes& p, const float* from, std::size_t planes, int to) {
  if (!s.preacts) return;
  float* out = s.preacts + p.size * static_cast<std::size_t>(to);
  for (std::size_t i = 0; i < planes * p.size; ++i) out[i] = from[i];
}

/// Bit `bit` of stops[i] where a value is at a limit of its grid; the others stay.
void stop_at_limits(const QatGrid& g, std::size_t n, const float* __restrict values, int bit,
                    std::uint8_t* __restrict saturation_mask) {
  const auto low = static_cast<float>(g.low), high = static_cast<float>(g.high);
  int found = 0;
  for (std::size_t i = 0; i < n; ++i) found |= values[i] <= low ? 1 : values[i] >= high ? 1 : 0;
  if (!found) return;
  for (std::size_t i = 0; i < n; ++i) {
    const int at_limit = values[i] <= low ? bit : values[i] >= high ? bit : 0;
    saturation_mask[i] = static_cast<std::uint8_t>(saturation_mask[i] | at_limit);
  }
}

/// Bits of planes whose sums are at a limit of their range.
void stop_saturated(const Planes& p, const QatGrids& g, bool after) {
  for (std::size_t i = 0; i < p.size; ++i) p.saturation_mask[i] = 0;
  stop_at_limits(g.gate_preact, p.size, p.r, 1, p.saturation_mask);
  stop_at_limits(g.gate_preact, p.size, p.z, 2, p.saturation_mask);
  if (!after) return;
  stop_at_limits(g.candidate_preact, p.size, p.n, 4, p.saturation_mask);
  stop_at_limits(g.candidate_preact, p.size, p.fourth, 8, p.saturation_mask);
}

template <class R, bool kHard>
void gates(const Planes& p, const QatGrids& g) {
  const Grid<R> gate_grid(g.gate);
  const R last = static_cast<R>(g.gate_last);
  for (std::size_t block = 0; block < 2 * p.size; block += kBlock)
    for (std::size_t i = block; i < block + kBlock; ++i)
      p.r[i] = static_cast<float>(gate<R, kHard>(p.r[i], gate_grid, last));
}

/// n's argument, already in place, to n.
template <class R, bool kHard>
void candidates(const Planes& p, const QatGrids& g, int stop) {
  const Grid<R> grid(g.candidate);
  const R last = static_cast<R>(g.candidate_last);
  // A flat candidate: a hard one beyond +-1, or a sum at its limit.
  constexpr QatGrid kFlat{.low = -1.0, .high = 1.0};
  if (p.saturation_mask)
    stop_at_limits(kHard ? kFlat : g.candidate_preact, p.size, p.n, stop, p.saturation_mask);
  for (std::size_t block = 0; block < p.size; block += kBlock)
    for (std::size_t i = block; i < block + kBlock; ++i)
      p.n[i] = static_cast<float>(candidate<R, kHard>(p.n[i], grid, last));
}

/// write(block, exact blend, i) is the next state. Inline, so that the planes are known not to overlap.
template <class R, class Write>
[[gnu::always_inline]] inline void blend(const Planes& p, const QatGrids& g, const Write write) {
  const Grid<R> operand(g.operand);
  for (std::size_t block = 0; block < p.size; block += kBlock)
    for (std::size_t i = block; i < block + kBlock; ++i) {
      const R n = p.n[i];
      const R h = write(block, n + static_cast<R>(p.z[i]) * (static_cast<R>(p.held[i]) - n), i);
      p.state[i] = static_cast<float>(h);
      p.operand[i] = static_cast<float>(operand.fit(h));
    }
}

template <class R>
[[gnu::always_inline]] inline void write_state(const QatStep& s, const Planes& p) {
  const QatGrids& g = *s.grids;
  const Grid<R> state(g.state);
  const auto lanes = static_cast<std::size_t>(s.lanes);
  if (g.write_back == WriteBack::feedback) {
    blend<R>(p, g, [&p, state](std::size_t, R exact, std::size_t i) {
      return state.fit(exact + (static_cast<R>(p.carried[i]) - static_cast<R>(p.held[i])));
    });
  } else if (g.write_back == WriteBack::stochastic) {
    const R unit = R(1) - state.high;
    blend<R>(p, g, [=, dither = s.dither](std::size_t block, R exact, std::size_t) {
      const R raised = exact + static_cast<R>(dither[block / lanes]), nearest = state.round(raised);
      return state.clip(nearest > raised ? nearest - unit : nearest);
    });
  } else {
    blend<R>(p, g, [state](std::size_t, R exact, std::size_t) { return state.fit(exact); });
  }
}

template <class R, bool kHard>
void run_after(const QatStep& s) {
  const QatGrids& g = *s.grids;
  const Planes p(s);
  requantize_rows(g.gate_preact, s.row_scale, 2 * s.hidden, s.lanes, p.r);
  requantize_rows(g.candidate_preact, s.row_scale + 2 * s.hidden, 2 * s.hidden, s.lanes, p.n);
  watch(s, p, p.r, 3, 0);
  if (p.saturation_mask) stop_saturated(p, g, true);
  gates<R, kHard>(p, g);
  const Grid<R> sum(g.candidate_preact);
  for (std::size_t block = 0; block < p.size; block += kBlock)
    for (std::size_t i = block; i < block + kBlock; ++i) {
      const R part = sum.round(static_cast<R>(p.r[i]) * static_cast<R>(p.fourth[i]));
      p.n[i] = static_cast<float>(sum.clip(static_cast<R>(p.n[i]) + part));
    }
  watch(s, p, p.n, 1, 3);
  candidates<R, kHard>(p, g, 1 | 4 | 8);  // r, n and s reach the loss through n alone
  write_state<R>(s, p);
}

template <class R, bool kHard>
void run_before_product(const QatStep& s) {
  const QatGrids& g = *s.grids;
  const Planes p(s);
  requantize_rows(g.gate_preact, s.row_scale, 2 * s.hidden, s.lanes, p.r);
  watch(s, p, p.r, 2, 0);
  if (p.saturation_mask) stop_saturated(p, g, false);
  gates<R, kHard>(p, g);
  const Grid<R> product(g.product);
  for (std::size_t block = 0; block < p.size; block += kBlock)
    for (std::size_t i = block; i < block + kBlock; ++i)
      p.fourth[i] =
          static_cast<float>(product.fit(static_cast<R>(p.r[i]) * static_cast<R>(p.held[i])));
}

template <class R, bool kHard>
void run_before_blend(const QatStep& s) {
  const QatGrids& g = *s.grids;
  const Planes p(s);
  requantize_rows(g.candidate_preact, s.row_scale + 2 * s.hidden, s.hidden, s.lanes, p.n);
  watch(s, p, p.n, 1, 3);
  candidates<R, kHard>(p, g, 4);
  write_state<R>(s, p);
}

/// Calls run<R, kHard> for the step's widths and activation.
#define TAUGATE_QAT_CHOICE(name, run)                          \
  void name(const QatStep& s) {                                \
    const bool hard = s.grids->activation == Activation::hard; \
    if (s.grids->narrow)                                       \
      hard ? run<float, true>(s) : run<float, false>(s);       \
    else                                                       \
      hard ? run<double, true>(s) : run<double, false>(s);     \
  }
TAUGATE_QAT_CHOICE(after, run_after)
TAUGATE_QAT_CHOICE(before_product, run_before_product)
TAUGATE_QAT_CHOICE(before_blend, run_before_blend)
#undef TAUGATE_QAT_CHOICE

constexpr QatKernels kQatKernels{after, before_product, before_blend, requantize};

}  // namespace
}  // namespace taugate
