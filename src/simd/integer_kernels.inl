#pragma once
// The fast twin of quant/integer_step.h, written once on xsimd and compiled once per instruction
// set. The element-wise operations are written once more for both kinds of number: whole numbers in
// 32-bit lanes, and whole numbers in doubles.

#include <immintrin.h>

#include "taugate/simd/integer_kernels.h"
#include "taugate/simd/registers.inl"

namespace taugate::simd {
namespace {

/// Whole numbers in 32-bit lanes.
template <class Arch>
struct Words {
  using V = xsimd::batch<std::int32_t, Arch>;
  static constexpr int kWidth = static_cast<int>(V::size), kVectors = kLaneBlock / kWidth;

  static V power(int exponent) { return V(std::int32_t{1} << exponent); }
  static V up(V x, int shift) { return x << shift; }
  static V floor_shift(V x, int shift) { return x >> shift; }
  /// Halves to even: half less one, and one more where the result would be odd.
  static V round_shift(V x, int shift) {
    if (shift == 0) return x;
    const V below = x >> shift;
    return (x + V((std::int32_t{1} << (shift - 1)) - 1) + (below & V(1))) >> shift;
  }
  static V low_bits(V x, int bits) { return x & V((std::int32_t{1} << bits) - 1); }
  /// Of numbers within 16 bits, one of them not negative.
  static V short_product(V x, V positive) {
    if constexpr (kWidth == 16) {
#ifdef __AVX512BW__
      return V(_mm512_madd_epi16(x, positive));
#endif
    } else if constexpr (kWidth == 8) {
#ifdef __AVX2__
      return V(_mm256_madd_epi16(x, positive));
#endif
    } else {
      return V(_mm_madd_epi16(x, positive));
    }
    return x;
  }
  /// A segment's value `rest` after its start: base + (slope * rest >> shift).
  static V on_segment(V entry, V rest, int shift) {
    return (entry >> 16) + (short_product(entry, rest) >> shift);
  }
  /// segments[x], 0 <= x < 32.
  static V look_up(const std::int32_t* segments, V x) {
    if constexpr (kWidth == 16) {
#ifdef __AVX512F__
      return _mm512_permutex2var_epi32(_mm512_load_si512(segments), x,
                                       _mm512_load_si512(segments + 16));
#endif
    } else if constexpr (kWidth == 8) {
#ifdef __AVX2__
      const auto quarter = [&](int i) {
        return _mm256_permutevar8x32_epi32(
            _mm256_load_si256(reinterpret_cast<const __m256i*>(segments) + i), x);
      };
      // Bits 3 and 4 of x choose the quarter; a blend looks at a lane's sign.
      const auto blend = [](__m256i a, __m256i b, __m256i mask) {
        return _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b),
                                                    _mm256_castsi256_ps(mask)));
      };
      const __m256i bit3 = _mm256_slli_epi32(x, 28), bit4 = _mm256_slli_epi32(x, 27);
      return V(
          blend(blend(quarter(0), quarter(1), bit3), blend(quarter(2), quarter(3), bit3), bit4));
#endif
    } else {
      alignas(64) std::int32_t lanes[kWidth];
      x.store_aligned(lanes);
      for (std::int32_t& lane : lanes) lane = segments[lane];
      return V::load_aligned(lanes);
    }
    return x;
  }
};

/// Whole numbers in doubles, below 2^53 at every step.
template <class Arch>
struct Reals {
  using V = xsimd::batch<double, Arch>;
  static constexpr int kWidth = static_cast<int>(V::size), kVectors = kLaneBlock / kWidth;

  static double two_to(int exponent) { return std::ldexp(1.0, exponent); }
  static V power(int exponent) { return V(two_to(exponent)); }
  static V up(V x, int shift) { return x * power(shift); }
  static V floor_shift(V x, int shift) { return xsimd::floor(x * power(-shift)); }
  static V round_shift(V x, int shift) { return xsimd::nearbyint(x * power(-shift)); }
  static V low_bits(V x, int bits) { return x - up(floor_shift(x, bits), bits); }
  static V short_product(V x, V positive) { return x * positive; }
  static V on_segment(V entry, V rest, int shift) {
    return floor_shift(entry, 16) + floor_shift(low_bits(entry, 16) * rest, shift);
  }
  static V look_up(const std::int32_t* segments, V x) {
    alignas(64) double lanes[kWidth];
    x.store_aligned(lanes);
    for (double& lane : lanes) lane = segments[static_cast<int>(lane)];
    return V::load_aligned(lanes);
  }
};

/// The default widths of quant's Widths, known to the compiler: shifts and limits become immediate,
/// and saturations that cannot happen vanish.
struct DefaultTail {
  explicit DefaultTail(const IntegerTail& w) : segments(w.segments) {}
  static bool is(const IntegerTail& w) {
    return w.form == form && w.sum_bits == sum_bits && w.gate_sum_fraction == gate_sum_fraction &&
           w.candidate_sum_fraction == candidate_sum_fraction && w.gate_fraction == gate_fraction &&
           w.candidate_fraction == candidate_fraction && w.operand_fraction == operand_fraction &&
           w.state_fraction == state_fraction && w.step_reads_operand == step_reads_operand;
  }
  static constexpr GruForm form = GruForm::reset_after;
  static constexpr Activation activation = Activation::smooth;
  static constexpr int sum_bits = 16, gate_sum_fraction = 12, candidate_sum_fraction = 12;
  static constexpr int gate_fraction = 7, candidate_fraction = 15, product_fraction = 7;
  static constexpr int operand_fraction = 7, state_fraction = 15;
  static constexpr bool step_reads_operand = false;
  const std::int32_t* segments;
};

/// quant's Arithmetic, on registers; T is IntegerTail or DefaultTail.
template <class N, class T>
struct TailOperations {
  using V = typename N::V;

  static V rescale(V x, int from, int to) {
    return from >= to ? N::round_shift(x, from - to) : N::up(x, to - from);
  }
  static V clip(V x, V low, V high) { return xsimd::max(low, xsimd::min(high, x)); }
  static V saturate_word(V x, int bits) {
    return clip(x, -N::power(bits - 1), N::power(bits - 1) - V(1));
  }
  static V saturate_fraction(V x, int fraction) {
    return clip(x, V(1) - N::power(fraction), N::power(fraction) - V(1));
  }

  /// A sum that goes straight to an activation need not be saturated first where the activation
  /// levels off earlier.
  static V saturate_sum(const T& w, V x, int table_fraction) {
    if (w.activation == Activation::smooth && table_fraction + 2 < w.sum_bits) return x;
    return saturate_word(x, w.sum_bits);
  }

  /// tanh of magnitude / 2^fraction, in 2^-15.
  static V table_tanh(const T& w, V magnitude, int fraction) {
    const int length = fraction - 3;
    const V u = xsimd::min(magnitude, N::power(length + 5) - V(1));
    return N::on_segment(N::look_up(w.segments, N::floor_shift(u, length)), N::low_bits(u, length),
                         fraction - 7);
  }

  template <bool Hard>
  static V gate(const T& w, V sum) {
    if constexpr (Hard) {
      const V one = N::power(w.gate_sum_fraction + 1);
      return rescale(clip(sum + N::power(w.gate_sum_fraction), V(0), one), w.gate_sum_fraction + 1,
                     w.gate_fraction);
    } else {
      const V half = N::power(w.gate_fraction - 1);
      const V distance =
          rescale(table_tanh(w, xsimd::abs(sum), w.gate_sum_fraction + 1), 16, w.gate_fraction);
      return xsimd::select(sum < V(0), half - distance, half + distance);
    }
  }

  template <bool Hard>
  static V candidate(const T& w, V sum) {
    if constexpr (Hard) {
      const V one = N::power(w.candidate_sum_fraction);
      return saturate_fraction(
          rescale(clip(sum, -one, one), w.candidate_sum_fraction, w.candidate_fraction),
          w.candidate_fraction);
    } else {
      const V n =
          saturate_fraction(rescale(table_tanh(w, xsimd::abs(sum), w.candidate_sum_fraction), 15,
                                    w.candidate_fraction),
                            w.candidate_fraction);
      return xsimd::select(sum < V(0), -n, n);
    }
  }

  static V operand(const T& w, V state) {
    return saturate_fraction(rescale(state, w.state_fraction, w.operand_fraction),
                             w.operand_fraction);
  }
  static int held_fraction(const T& w) {
    return w.step_reads_operand ? w.operand_fraction : w.state_fraction;
  }
  static V held(const T& w, V state) { return w.step_reads_operand ? operand(w, state) : state; }

  static V product(const T& w, V r, V held) {
    return saturate_fraction(
        rescale(r * held, w.gate_fraction + held_fraction(w), w.product_fraction),
        w.product_fraction);
  }
  static V candidate_sum(const T& w, V input_sum, V r, V recurrent_sum) {
    const V weighted = w.sum_bits <= 16 ? N::short_product(recurrent_sum, r) : recurrent_sum * r;
    return saturate_sum(w, input_sum + N::round_shift(weighted, w.gate_fraction),
                        w.candidate_sum_fraction);
  }
  static V blend(const T& w, V z, V n, V held) {
    const int common = std::max(w.candidate_fraction, held_fraction(w));
    const V from = N::up(n, common - w.candidate_fraction);
    const V to = N::up(held, common - held_fraction(w));
    const V exact = N::up(from, w.gate_fraction) + z * (to - from);
    // Between n and h; only fewer bits could round it to 1.
    if (common <= w.state_fraction)
      return rescale(exact, common + w.gate_fraction, w.state_fraction);
    return saturate_fraction(rescale(exact, common + w.gate_fraction, w.state_fraction),
                             w.state_fraction);
  }
};

/// Accumulators in 32-bit lanes to sums: exact in doubles (31 + 16 bits), rounded once, halves to
/// even. The result fits 32 bits.
template <class Arch>
xsimd::batch<std::int32_t, Arch> scaled(xsimd::batch<std::int32_t, Arch> sum, double scale) {
  using V = xsimd::batch<std::int32_t, Arch>;
  if constexpr (V::size == 16) {
#ifdef __AVX512F__
    constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    const __m512d by = _mm512_set1_pd(scale);
    const auto half = [&](__m256i x) {
      return _mm512_cvt_roundpd_epi32(_mm512_mul_pd(_mm512_cvtepi32_pd(x), by), kNearest);
    };
    return V(_mm512_inserti64x4(_mm512_castsi256_si512(half(_mm512_castsi512_si256(sum))),
                                half(_mm512_extracti64x4_epi64(sum, 1)), 1));
#endif
  } else if constexpr (V::size == 8) {
#ifdef __AVX2__
    const __m256d by = _mm256_set1_pd(scale);
    const auto half = [&](__m128i x) {
      return _mm256_cvtpd_epi32(_mm256_mul_pd(_mm256_cvtepi32_pd(x), by));
    };
    return V(_mm256_inserti128_si256(_mm256_castsi128_si256(half(_mm256_castsi256_si128(sum))),
                                     half(_mm256_extracti128_si256(sum, 1)), 1));
#endif
  } else {
    const __m128d by = _mm_set1_pd(scale);
    const auto half = [&](__m128i x) {
      return _mm_cvtpd_epi32(_mm_mul_pd(_mm_cvtepi32_pd(x), by));
    };
    return V(_mm_unpacklo_epi64(half(sum), half(_mm_unpackhi_epi64(sum, sum))));
  }
  return sum;
}

/// Pairs of 16-bit operands: two products a lane and instruction.
struct PairDot {
  static constexpr int kPerWord = 2;
  static constexpr std::int32_t kOffset = 0;
  static __m128i dot(__m128i sum, __m128i x, __m128i w) {
    return _mm_add_epi32(sum, _mm_madd_epi16(x, w));
  }
#ifdef __AVX2__
  static __m256i dot(__m256i sum, __m256i x, __m256i w) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w));
  }
#endif
#ifdef __AVX512BW__
  static __m512i dot(__m512i sum, __m512i x, __m512i w) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(x, w));
  }
#endif
};

#ifdef __AVX512VNNI__
/// Quadruples of 8-bit operands, offset by 128 since one side is unsigned. Nothing saturates.
struct QuadDot {
  static constexpr int kPerWord = 4;
  static constexpr std::int32_t kOffset = 128;
  static __m512i dot(__m512i sum, __m512i x, __m512i w) { return _mm512_dpbusd_epi32(sum, x, w); }
};
#endif

template <class Arch, class Dot, int Units>
struct NarrowKernel {
  using N = Words<Arch>;
  using V = typename N::V;
  static constexpr int kWidth = N::kWidth, kVectors = N::kVectors, kPer = Dot::kPerWord;
  static_assert(Units % kPer == 0);

  static V load(const std::int32_t* p) { return V::load_aligned(p); }

  static bool quantise(std::size_t n, const float* x, int fraction, std::int32_t* operands) {
    using F = xsimd::batch<float, Arch>;
    // Multiplying by a power of two is exact, and so is what is within the limits.
    const float one = std::ldexp(1.0f, fraction);
    bool numbers = true;
    for (std::size_t i = 0; i < n; i += kWidth) {
      const F value = F::load_aligned(x + i) * F(one);
      numbers &= xsimd::none(xsimd::isnan(value));
      const F clipped = xsimd::max(F(1.0f - one), xsimd::min(F(one - 1.0f), value));
      xsimd::nearbyint_as_int(clipped).store_aligned(operands + i);
    }
    return numbers;
  }

  static void pack(int count, const std::int32_t* operands, std::int32_t* words) {
    constexpr int kBits = 32 / kPer;
    for (int first = 0; first < count; first += kPer, words += kLaneBlock)
      for (int lane = 0; lane < kLaneBlock; ++lane) {
        std::uint32_t word = 0;
        for (int i = 0; i < kPer; ++i) {
          const std::int32_t value =
              (first + i < count ? operands[(first + i) * kLaneBlock + lane] : 0) + Dot::kOffset;
          word |= (static_cast<std::uint32_t>(value) & ((1u << kBits) - 1)) << (kBits * i);
        }
        words[lane] = static_cast<std::int32_t>(word);
      }
  }

  /// A register of a sum from its accumulator: in integers where the plan says that they hold it.
  template <bool Integers>
  static V requantise(const NarrowGru& g, int row, V accumulator) {
    if constexpr (Integers) {
      // round_shift with the row's own shift, at least 1.
      const V x = accumulator * V(g.multiplier[row]);
      return (x + V(g.below_half[row]) + ((x >> g.shift[row]) & V(1))) >> g.shift[row];
    } else {
      return scaled<Arch>(accumulator, g.scale[row]);
    }
  }

  template <bool Hard, class T, bool Integers>
  static void tile(const NarrowGru& g, const std::int32_t* w, int first, const std::int32_t* x,
                   const std::int32_t* operands, std::int32_t* next, std::int32_t* state) {
    V sum[3 * Units][kVectors];
    alignas(64) std::int32_t sums[4 * Units][kLaneBlock];
    const std::int32_t* bias = g.bias + 4 * first;
    const auto sweep = [&](const std::int32_t* values, int count) __attribute__((always_inline)) {
      for (int k = 0; k < count; ++k, values += kLaneBlock, w += 3 * Units) {
        V column[kVectors];
        unroll<kVectors>([&](auto v) { column[v] = load(values + v * kWidth); });
        unroll<3 * Units>([&](auto row) {
          const V weight(w[row]);
          unroll<kVectors>(
              [&](auto v) { sum[row][v] = V(Dot::dot(sum[row][v], column[v], weight)); });
        });
      }
    };
    const auto put = [&](auto row, int plane) {
      unroll<kVectors>([&](auto v) {
        sum[row][v].store_aligned(sums[plane * Units + row % Units] + v * kWidth);
      });
    };
    unroll<3 * Units>([&](auto row) {
      unroll<kVectors>([&](auto v) { sum[row][v] = V(bias[row + row / (2 * Units) * Units]); });
    });
    sweep(operands, g.state_words);
    unroll<Units>([&](auto u) {
      constexpr std::integral_constant<int, 2 * Units + u> row{};
      put(row, 3);
      unroll<kVectors>([&](auto v) { sum[row][v] = V(bias[row]); });
    });
    sweep(x, g.input_words);
    unroll<3 * Units>([&](auto row) { put(row, row / Units); });

    using Tail = TailOperations<N, T>;
    const T t(g.tail);
    alignas(64) std::int32_t fresh[Units][kLaneBlock];
    // Four registers at a time, operation by operation, so that their chains overlap.
    constexpr int kAtOnce = 4;
    static_assert(Units * kVectors % kAtOnce == 0);
    for (int first_register = 0; first_register < Units * kVectors; first_register += kAtOnce) {
      const auto accumulator_sum = [&](int plane, auto i) {
        const int at = (first_register + i) * kWidth;
        return requantise<Integers>(g, 4 * first + plane * Units + at / kLaneBlock,
                                    load(sums[plane * Units] + at));
      };
      const auto gate_sum = [&](int plane, auto i) {
        return Tail::saturate_sum(t, accumulator_sum(plane, i), t.gate_sum_fraction + 1);
      };
      const auto part_sum = [&](int plane, auto i) {
        return Tail::saturate_word(accumulator_sum(plane, i), t.sum_bits);
      };
      std::int32_t* h = state + first * kLaneBlock + first_register * kWidth;
      V r[kAtOnce], z[kAtOnce], n[kAtOnce];
      unroll<kAtOnce>([&](auto i) { r[i] = gate_sum(0, i); });
      unroll<kAtOnce>([&](auto i) { r[i] = Tail::template gate<Hard>(t, r[i]); });
      unroll<kAtOnce>([&](auto i) { n[i] = part_sum(3, i); });
      unroll<kAtOnce>([&](auto i) { n[i] = Tail::candidate_sum(t, part_sum(2, i), r[i], n[i]); });
      unroll<kAtOnce>([&](auto i) { z[i] = gate_sum(1, i); });
      unroll<kAtOnce>([&](auto i) { z[i] = Tail::template gate<Hard>(t, z[i]); });
      unroll<kAtOnce>([&](auto i) { n[i] = Tail::template candidate<Hard>(t, n[i]); });
      unroll<kAtOnce>([&](auto i) {
        n[i] = Tail::blend(t, z[i], n[i], Tail::held(t, load(h + i * kWidth)));
        n[i].store_aligned(h + i * kWidth);
      });
      unroll<kAtOnce>([&](auto i) {
        Tail::operand(t, n[i]).store_aligned(fresh[0] + (first_register + i) * kWidth);
      });
    }
    for (int u = 0; u < Units; u += kPer)
      pack_word(fresh[u], next + (first + u) / kPer * kLaneBlock);
  }

  /// kPer consecutive rows of operands [16] to one row of words.
  static void pack_word(const std::int32_t* rows, std::int32_t* word) {
    constexpr int kBits = 32 / kPer;
    [[maybe_unused]] const V mask((std::int32_t{1} << kBits) - 1);
    unroll<kVectors>([&](auto v) {
      V all(0);
      unroll<kPer>([&](auto i) {
        V value = load(rows + i * kLaneBlock + v * kWidth);
        // An offset operand is positive already; the last one's upper bits shift out.
        if constexpr (Dot::kOffset != 0)
          value = value + V(Dot::kOffset);
        else if constexpr (i + 1 < kPer)
          value = value & mask;
        all = all | (value << (kBits * i));
      });
      all.store_aligned(word + v * kWidth);
    });
  }

  template <bool Hard, class T, bool Integers>
  static void steps(const NarrowGru& g, int count, const std::int32_t* x, std::size_t x_stride,
                    std::int32_t* operands, std::size_t stride, std::int32_t* state) {
    const std::size_t tile_weights =
        static_cast<std::size_t>(3 * Units) * (g.state_words + g.input_words);
    for (int t = 0; t < count; ++t, x += x_stride, operands += stride) {
      const std::int32_t* w = g.weights;
      for (int first = 0; first < g.units; first += Units, w += tile_weights)
        tile<Hard, T, Integers>(g, w, first, x, operands, operands + stride, state);
    }
  }

  static void gru(const NarrowGru& g, int count, const std::int32_t* x, std::size_t x_stride,
                  std::int32_t* operands, std::size_t stride, std::int32_t* state) {
    const bool hard = g.tail.activation == Activation::hard;
    const auto run =
        !g.multiplier ? (hard ? steps<true, IntegerTail, false> : steps<false, IntegerTail, false>)
        : hard        ? steps<true, IntegerTail, true>
        : DefaultTail::is(g.tail) ? steps<false, DefaultTail, true>
                                  : steps<false, IntegerTail, true>;
    run(g, count, x, x_stride, operands, stride, state);
  }

  static void readout(const IntegerReadout& r, int count, const std::int32_t* operands,
                      std::size_t stride, double* out) {
    const double high = std::ldexp(1.0, r.word_bits - 1) - 1, low = -high - 1;
    for (int t = 0; t < count; ++t, operands += stride)
      for (int c = 0; c < r.rows; ++c, out += kLaneBlock) {
        V sum[kVectors];
        unroll<kVectors>([&](auto v) { sum[v] = V(0); });
        for (int k = 0; k < r.words; ++k) {
          const V weight(r.narrow_weights[c * r.words + k]);
          unroll<kVectors>([&](auto v) {
            sum[v] = V(Dot::dot(sum[v], load(operands + k * kLaneBlock + v * kWidth), weight));
          });
        }
        alignas(64) std::int32_t sums[kLaneBlock];
        unroll<kVectors>([&](auto v) { sum[v].store_aligned(sums + v * kWidth); });
        for (int lane = 0; lane < kLaneBlock; ++lane)
          out[lane] =
              std::max(low, std::min(high, std::nearbyint((sums[lane] + r.bias[c]) * r.scale[c])));
      }
  }
};

template <class Arch>
struct WideKernel {
  using N = Reals<Arch>;
  using V = typename N::V;
  using Tail = TailOperations<N, IntegerTail>;
  static constexpr int kWidth = N::kWidth, kVectors = N::kVectors;

  static V load(const double* p) { return V::load_aligned(p); }
  static V sum_of(const IntegerTail& t, V accumulator, double scale) {
    return Tail::saturate_word(xsimd::nearbyint(accumulator * V(scale)), t.sum_bits);
  }

  /// sums[i] += weights[.][first_gate + i] * values
  template <int Gates>
  static void sweep(const double* w, int first_gate, const double* values, int count,
                    V (&sums)[Gates]) {
    for (int k = 0; k < count; ++k) {
      const V x = load(values + k * kLaneBlock);
      unroll<Gates>([&](auto i) { sums[i] = sums[i] + V(w[3 * k + first_gate + i]) * x; });
    }
  }

  template <bool Hard>
  static void step(const WideGru& g, const double* x, const double* operands, const double* state,
                   double* operands_next, double* state_next, double* scratch) {
    const IntegerTail& t = g.tail;
    const bool after = t.form == GruForm::reset_after;
    double *update = scratch, *products = scratch + g.units * kLaneBlock;
    double* sums = products + g.units * kLaneBlock;  // reset_after: n's sum
    const std::size_t unit_weights = 3 * static_cast<std::size_t>(g.units + g.inputs);
    for (int v = 0; v < kLaneBlock; v += kWidth) {
      for (int u = 0; u < g.units; ++u) {
        const double *w = g.weights + u * unit_weights, *wx = w + 3 * g.units;
        const double *bias = g.bias + 4 * u, *scale = g.scale + 4 * u;
        const int at = u * kLaneBlock + v;
        V rz[2] = {V(bias[0]), V(bias[1])};
        sweep<2>(w, 0, operands + v, g.units, rz);
        sweep<2>(wx, 0, x + v, g.inputs, rz);
        const V r = Tail::template gate<Hard>(t, sum_of(t, rz[0], scale[0]));
        Tail::template gate<Hard>(t, sum_of(t, rz[1], scale[1])).store_aligned(update + at);
        if (after) {
          V n[1] = {V(bias[2])}, s[1] = {V(bias[3])};
          sweep<1>(wx, 2, x + v, g.inputs, n);
          sweep<1>(w, 2, operands + v, g.units, s);
          Tail::candidate_sum(t, sum_of(t, n[0], scale[2]), r, sum_of(t, s[0], scale[3]))
              .store_aligned(sums + at);
        } else {
          Tail::product(t, r, Tail::held(t, load(state + at))).store_aligned(products + at);
        }
      }
      for (int u = 0; u < g.units; ++u) {
        const double* w = g.weights + u * unit_weights;
        const int at = u * kLaneBlock + v;
        V n_sum(0.0);
        if (after) {
          n_sum = load(sums + at);
        } else {
          V input[1] = {V(0.0)}, product[1] = {V(g.bias[4 * u + 2])};
          sweep<1>(w + 3 * g.units, 2, x + v, g.inputs, input);
          sweep<1>(w, 2, products + v, g.units, product);
          n_sum = sum_of(t, product[0] + input[0] * V(g.input_gain), g.scale[4 * u + 2]);
        }
        const V h = Tail::blend(t, load(update + at), Tail::template candidate<Hard>(t, n_sum),
                                Tail::held(t, load(state + at)));
        h.store_aligned(state_next + at);
        Tail::operand(t, h).store_aligned(operands_next + at);
      }
    }
  }

  static void gru(const WideGru& g, int count, const double* x, std::size_t x_stride,
                  double* operands, double* states, std::size_t stride, double* scratch) {
    for (int t = 0; t < count; ++t, x += x_stride, operands += stride, states += stride)
      if (g.tail.activation == Activation::hard)
        step<true>(g, x, operands, states, operands + stride, states + stride, scratch);
      else
        step<false>(g, x, operands, states, operands + stride, states + stride, scratch);
  }

  static void readout(const IntegerReadout& r, int count, const double* values, std::size_t stride,
                      double* out) {
    const V high(std::ldexp(1.0, r.word_bits - 1) - 1), low(-std::ldexp(1.0, r.word_bits - 1));
    for (int t = 0; t < count; ++t, values += stride)
      for (int c = 0; c < r.rows; ++c, out += kLaneBlock)
        for (int v = 0; v < kLaneBlock; v += kWidth) {
          V sum(r.bias[c]);
          for (int k = 0; k < r.words; ++k)
            sum = sum + V(r.wide_weights[c * r.words + k]) * load(values + k * kLaneBlock + v);
          xsimd::max(low, xsimd::min(high, xsimd::nearbyint(sum * V(r.scale[c]))))
              .store_aligned(out + v);
        }
  }
};

template <class Arch, class Dot, int Units>
constexpr IntegerKernels integer_table(const char* name) {
  using Narrow = NarrowKernel<Arch, Dot, Units>;
  using Wide = WideKernel<Arch>;
  return {name,         Units,       Dot::kPerWord,   Dot::kOffset != 0, Narrow::quantise,
          Narrow::pack, Narrow::gru, Narrow::readout, Wide::gru,         Wide::readout};
}

}  // namespace
}  // namespace taugate::simd
