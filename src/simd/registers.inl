#pragma once
// What every fast kernel stands on: the registers of an architecture, and loops with compile-time
// indices (an array of registers indexed by a run-time loop would live on the stack).

#include <utility>
#include <xsimd/xsimd.hpp>

#include "taugate/simd/kernels.h"

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
};

}  // namespace
}  // namespace taugate::simd
