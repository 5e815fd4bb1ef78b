#pragma once
// reset_after with operands of at most 16 bits: a trace a lane.

#include "simd/integer/elementwise.inl"
#include "simd/integer/elementwise_int16.inl"

namespace taugate::simd {
namespace {

/// `Block` traces side by side, a tile of `Units` units at a time: 3 * Units * kVectors sums.
template <class Arch, class Dot, int Units, int Block>
struct Int32Kernel {
  using N = Words<Arch>;
  using V = typename N::V;
  static constexpr int kWidth = N::kWidth, kPer = Dot::kPerWord;
  static constexpr int kBlock = Block, kVectors = kBlock / kWidth;
  static_assert(Units % kPer == 0);

  static V load(const std::int32_t* p) { return V::load_aligned(p); }

  static bool quantize(std::size_t n, const float* x, int fraction, std::int32_t* operands) {
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

  // ---- the products of a tile

  using Sums = V[3 * Units][kVectors];

  /// sum[row] += weights times values; w moves on.
  [[gnu::always_inline]] static void sweep(Sums& sum, const std::int32_t*& w,
                                           const std::int32_t* values, int count) {
    for (int k = 0; k < count; ++k, values += kBlock, w += 3 * Units) {
      V column[kVectors];
      unroll<kVectors>([&](auto v) { column[v] = load(values + v * kWidth); });
      unroll<3 * Units>([&](auto row) {
        const V weight(w[row]);
        unroll<kVectors>(
            [&](auto v) { sum[row][v] = V(Dot::dot(sum[row][v], column[v], weight)); });
      });
    }
  }

  /// The sums of units first .. first + Units, each put as soon as it is complete: put(plane, row,
  /// registers of the row), planes r, z, n, s.
  template <class Put>
  [[gnu::always_inline]] static void products(const Int32Gru& g, const std::int32_t* w, int first,
                                              const std::int32_t* x, const std::int32_t* operands,
                                              Put&& put) {
    Sums sum;
    const std::int32_t* bias = g.bias + 4 * first;
    unroll<3 * Units>(
        [&](auto row) { unroll<kVectors>([&](auto v) { sum[row][v] = V(bias[row]); }); });
    sweep(sum, w, x, g.input_words);
    put(std::integral_constant<int, 2>{}, &sum[2 * Units]);
    unroll<Units>([&](auto u) {
      unroll<kVectors>([&](auto v) { sum[2 * Units + u][v] = V(bias[3 * Units + u]); });
    });
    sweep(sum, w, operands, g.state_words);
    unroll<3>([&](auto plane) {
      put(std::integral_constant < int, plane == 2 ? 3 : plane > {}, &sum[plane * Units]);
    });
  }

  // ---- a tile in any widths: sums go through memory, words all the way

  template <bool Hard>
  static void tile(const Int32Gru& g, const std::int32_t* w, int first, const std::int32_t* x,
                   const std::int32_t* operands, std::int32_t* next, std::int32_t* state) {
    alignas(64) std::int32_t sums[4 * Units][kBlock];
    products(
        g, w, first, x,
        operands, [&](auto plane, const V(*rows)[kVectors]) __attribute__((always_inline)) {
          unroll<Units>([&](auto u) {
            unroll<kVectors>(
                [&](auto v) { rows[u][v].store_aligned(sums[plane * Units + u] + v * kWidth); });
          });
        });

    using Tail = TailOperations<N>;
    const ElementwiseParams& t = g.elementwise;
    alignas(64) std::int32_t fresh[Units][kBlock];
    // Four registers at a time, operation by operation, so that their chains overlap.
    constexpr int kAtOnce = 4;
    static_assert(Units * kVectors % kAtOnce == 0);
    for (int first_register = 0; first_register < Units * kVectors; first_register += kAtOnce) {
      const auto accumulator_sum = [&](int plane, auto i) {
        const int at = (first_register + i) * kWidth;
        return scaled<Arch>(load(sums[plane * Units] + at),
                            g.scale[4 * first + plane * Units + at / kBlock]);
      };
      const auto gate_preact = [&](int plane, auto i) {
        return Tail::saturate_preact(t, accumulator_sum(plane, i), t.gate_preact_frac_bits + 1);
      };
      const auto part_sum = [&](int plane, auto i) {
        return Tail::saturate_word(accumulator_sum(plane, i), t.preact_bits);
      };
      std::int32_t* h = state + first * kBlock + first_register * kWidth;
      V r[kAtOnce], z[kAtOnce], n[kAtOnce];
      unroll<kAtOnce>([&](auto i) { r[i] = gate_preact(0, i); });
      unroll<kAtOnce>([&](auto i) { r[i] = Tail::template gate<Hard>(t, r[i]); });
      unroll<kAtOnce>([&](auto i) { n[i] = part_sum(3, i); });
      unroll<kAtOnce>(
          [&](auto i) { n[i] = Tail::candidate_preact(t, part_sum(2, i), r[i], n[i]); });
      unroll<kAtOnce>([&](auto i) { z[i] = gate_preact(1, i); });
      unroll<kAtOnce>([&](auto i) { z[i] = Tail::template gate<Hard>(t, z[i]); });
      unroll<kAtOnce>([&](auto i) { n[i] = Tail::template candidate<Hard>(t, n[i]); });
      unroll<kAtOnce>([&](auto i) {
        n[i] = Tail::next_state(t, z[i], n[i], load(h + i * kWidth));
        n[i].store_aligned(h + i * kWidth);
      });
      unroll<kAtOnce>([&](auto i) {
        Tail::operand(t, n[i]).store_aligned(fresh[0] + (first_register + i) * kWidth);
      });
    }
    for (int u = 0; u < Units; u += kPer) pack_word(fresh[u], next + (first + u) / kPer * kBlock);
  }

  /// kPer consecutive rows of operands [16] to one row of words.
  static void pack_word(const std::int32_t* rows, std::int32_t* word) {
    constexpr int kBits = 32 / kPer;
    [[maybe_unused]] const V mask((std::int32_t{1} << kBits) - 1);
    unroll<kVectors>([&](auto v) {
      V all(0);
      unroll<kPer>([&](auto i) {
        V value = load(rows + i * kBlock + v * kWidth);
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

  // ---- a group in lanes of 16 bits: two units a register, states [units / 2][v][2 kWidth]

  using Half = Int16Lanes<Arch>;
  using H = typename Half::V;
  static constexpr int kGroup = kInt16Group, kHalves = kGroup / 2 * kVectors;  ///< registers
  static_assert(kGroup % Units == 0 && kGroup % kPer == 0);

  /// The sums of units first .. first + kGroup, planes r, z, n, s, tile by tile.
  template <bool Floats>
  [[gnu::always_inline]] static void int16_preacts(const Int32Gru& g, const std::int32_t* w,
                                                   int first, const std::int32_t* x,
                                                   const std::int32_t* operands,
                                                   std::int16_t (*sums)[kHalves * Half::kLanes]) {
    const std::ptrdiff_t tile_weights = 3 * Units * (g.state_words + g.input_words);
    for (int from = 0; from < kGroup; from += Units, w += tile_weights)
      products(
          g, w, first + from, x,
          operands, [&](auto plane, const V(*rows)[kVectors]) __attribute__((always_inline)) {
            const auto word = [&](auto u, auto v) {
              const int row = 4 * (first + from) + plane * Units + u;
              if constexpr (Floats)
                return fused<Arch>(rows[u][v], g.floats.gain[row], g.floats.offset[row]);
              else
                return scaled<Arch>(rows[u][v], g.scale[row]);
            };
            unroll<Units / 2>([&](auto pair) {
              constexpr std::integral_constant<int, 2 * pair> a{};
              constexpr std::integral_constant<int, 2 * pair + 1> b{};
              unroll<kVectors>([&](auto v) {
                H(pack_words(word(a, v), word(b, v)))
                    .store_aligned(sums[plane] + (from / 2 + pair) * 2 * kBlock + v * Half::kLanes);
              });
            });
          });
  }

  template <bool Floats>
  static void int16_group(const Int32Gru& g, const typename Half::Constants& constants,
                          const std::int32_t* w, int first, const std::int32_t* x,
                          const std::int32_t* operands, std::int32_t* next, std::int16_t* state) {
    alignas(64) std::int16_t sums[4][kHalves * Half::kLanes];
    int16_preacts<Floats>(g, w, first, x, operands, sums);
    // Eight registers at a time, operation by operation, so that their chains overlap: more than fit, but what lies in
    // memory meanwhile costs less than waiting.
    constexpr int kAtOnce = 8;
    H q[kHalves];
    state += first * kBlock;
    unroll<kHalves / kAtOnce>([&](auto part) {
      constexpr int from = part * kAtOnce;
      const auto at = [](auto i) { return (from + i) * Half::kLanes; };
      H h[kAtOnce], fresh[kAtOnce];
      unroll<kAtOnce>([&](auto i) { h[i] = Half::load(state + at(i)); });
      Half::template step<kAtOnce>(
          constants, [&](auto plane, auto i) { return Half::load(sums[plane] + at(i)); }, h, fresh);
      unroll<kAtOnce>([&](auto i) {
        h[i].store_aligned(state + at(i));
        q[from + i] = fresh[i];
      });
    });
    put_operands(q, next + first / kPer * kBlock);
  }

  /// Operands of pairs of units to words.
  [[gnu::always_inline]] static void put_operands(const H (&q)[kHalves], std::int32_t* words) {
    using R = typename V::register_type;
    if constexpr (kPer == 4) {
      // Of four units four traces each in 16 bytes, to four traces' words.
      alignas(16) static constexpr std::int8_t order[16] = {0, 4, 8,  12, 1, 5, 9,  13,
                                                            2, 6, 10, 14, 3, 7, 11, 15};
      const V offset(std::int32_t{-0x7f7f7f80});  // 128 in each byte
      unroll<kGroup / 4>([&](auto i) {
        unroll<kVectors>([&](auto v) {
          const V bytes(pack_int16(q[2 * i * kVectors + v], q[(2 * i + 1) * kVectors + v]));
          (V(shuffle_bytes(bytes, sixteen_bytes(order, R{}))) ^ offset)
              .store_aligned(words + i * kBlock + v * kWidth);
        });
      });
    } else {
      alignas(16) static constexpr std::int8_t order[16] = {0, 1, 8,  9,  2, 3, 10, 11,
                                                            4, 5, 12, 13, 6, 7, 14, 15};
      unroll<kHalves>([&](auto i) {
        V(shuffle_bytes(xsimd::bitwise_cast<V>(q[i]), sixteen_bytes(order, R{})))
            .store_aligned(words + i * kWidth);
      });
    }
  }

  // ---- a layer

  /// tile(w, first, x, operands, next) for each `size` units of each step.
  template <class Tile>
  static void steps(const Int32Gru& g, int size, int count, const std::int32_t* x,
                    std::size_t x_stride, std::int32_t* operands, std::size_t stride, Tile&& tile) {
    const std::size_t weights =
        static_cast<std::size_t>(3 * size) * (g.state_words + g.input_words);
    for (int t = 0; t < count; ++t, x += x_stride, operands += stride) {
      const std::int32_t* w = g.weights;
      for (int first = 0; first < g.units; first += size, w += weights)
        tile(w, first, x, operands, operands + stride);
    }
  }

  static void gru(const Int32Gru& g, int count, const std::int32_t* x, std::size_t x_stride,
                  std::int32_t* operands, std::size_t stride, std::int32_t* state) {
    const bool fits_16_bits = !g.wide && fits_int16(g.elementwise);
    const auto run = [&](auto&& tile) {
      steps(g, fits_16_bits ? kGroup : Units, count, x, x_stride, operands, stride, tile);
    };
    if (!fits_16_bits)
      return g.elementwise.activation == Activation::hard
                 ? run([&](auto... at) { tile<true>(g, at..., state); })
                 : run([&](auto... at) { tile<false>(g, at..., state); });
    const typename Half::Constants constants(g.elementwise);
    auto* shorts = reinterpret_cast<std::int16_t*>(state);
    if (g.floats.gain)
      run([&](auto... at) { int16_group<true>(g, constants, at..., shorts); });
    else
      run([&](auto... at) { int16_group<false>(g, constants, at..., shorts); });
  }

  static void readout(const IntegerReadout& r, int count, const std::int32_t* operands,
                      std::size_t stride, double* out) {
    for (int t = 0; t < count; ++t, operands += stride)
      for (int c = 0; c < r.rows; ++c, out += kBlock) {
        V sum[kVectors];
        unroll<kVectors>([&](auto v) { sum[v] = V(0); });
        for (int k = 0; k < r.words; ++k) {
          const V weight(r.int32_weights[c * r.words + k]);
          unroll<kVectors>([&](auto v) {
            sum[v] = V(Dot::dot(sum[v], load(operands + k * kBlock + v * kWidth), weight));
          });
        }
        alignas(64) std::int32_t sums[kBlock];
        unroll<kVectors>([&](auto v) { sum[v].store_aligned(sums + v * kWidth); });
        using D = xsimd::batch<double, Arch>;
        for (int lane = 0; lane < kBlock; lane += static_cast<int>(D::size)) {
          const D scaled = (doubles_of<Arch>(sums + lane) + D(r.bias[c])) * D(r.scale[c]);
          xsimd::max(D(r.lowest), xsimd::min(D(r.highest), xsimd::nearbyint(scaled)))
              .store_aligned(out + lane);
        }
      }
  }
};

}  // namespace
}  // namespace taugate::simd
