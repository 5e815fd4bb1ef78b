#pragma once
// What every fast kernel stands on: the registers of an architecture, and loops with compile-time
// indices (an array of registers indexed by a run-time loop would live on the stack).

#include <type_traits>
#include <utility>
#include <xsimd/xsimd.hpp>

#include "simd/float/kernels.h"

namespace taugate::simd {
namespace {

/// body(0), body(1), ... with compile-time indices.
template <int N, class Body>
[[gnu::always_inline]] inline void unroll(Body&& body) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (body(std::integral_constant<int, I>{}), ...);
  }
  (std::make_integer_sequence<int, N>{});
}

template <class Arch>
struct Registers {
  using V = xsimd::batch<float, Arch>;
  static constexpr int kWidth = static_cast<int>(V::size);
  static constexpr int kVectors = kLaneBlock / kWidth;  ///< registers of a block of 16 lanes

  static V load(const float* p) { return V::load_aligned(p); }
  static V splat(float x) { return V(x); }
  /// The sum over a register's lanes; xsimd 9 renamed hadd to reduce_add.
  static float sum_of(V x) {
    if constexpr (requires { reduce_add(x); })
      return reduce_add(x);
    else
      return hadd(x);
  }
  /// sums[i] = the sum over the lanes of x[i], for kWidth registers at once.
  static void sums_of(const V* x, float* sums) {
    if constexpr (kWidth == 16) {
      // In halves: haddp of xsimd 8 mixes up the order of 16.
      using Half = xsimd::batch<float, std::conditional_t<kWidth == 16, xsimd::avx2, Arch>>;
      alignas(64) float lanes[16][16];
      for (int i = 0; i < 16; ++i) x[i].store_aligned(lanes[i]);
      for (int first = 0; first < 16; first += 8) {
        Half folded[8];
        unroll<8>([&](auto i) {
          folded[i] =
              Half::load_aligned(lanes[first + i]) + Half::load_aligned(lanes[first + i] + 8);
        });
        xsimd::haddp(folded).store_aligned(sums + first);
      }
    } else {
      xsimd::haddp(x).store_aligned(sums);
    }
  }
};

}  // namespace
}  // namespace taugate::simd
