#pragma once
// sigmoid and tanh, their slopes, and the power of two that fused kernels build both from.

#include "simd/float/registers.inl"

namespace taugate::simd {
namespace {

/// x P(x^2) / Q(x^2) on |x| <= 8, constant beyond: within 4e-7 of tanh. Coefficients from
/// scripts/fit_tanh.py. min and max are ordered so that a NaN passes through.
template <class V>
V smooth_tanh(V x) {
  x = xsimd::max(V(-8.0f), xsimd::min(V(8.0f), x));
  const V t = x * x;
  V p = V(-6.019988728e-09f);
  p = xsimd::fma(p, t, V(7.083447053e-06f));
  p = xsimd::fma(p, t, V(2.684494873e-03f));
  p = xsimd::fma(p, t, V(1.269978139e-01f));
  p = xsimd::fma(p, t, V(9.999990650e-01f));
  V q = V(1.952990317e-04f);
  q = xsimd::fma(q, t, V(2.279738893e-02f));
  q = xsimd::fma(q, t, V(4.603277410e-01f));
  q = xsimd::fma(q, t, V(1.0f));
  return x * p / q;
}

template <bool Hard, class V>
V sigmoid(V x) {
  if constexpr (Hard)
    return xsimd::max(V(0.0f), xsimd::min(V(1.0f), xsimd::fma(x, V(0.5f), V(0.5f))));
  else
    return xsimd::fma(smooth_tanh(x * V(0.5f)), V(0.5f), V(0.5f));
}
template <bool Hard, class V>
V tanh(V x) {
  if constexpr (Hard)
    return xsimd::max(V(-1.0f), xsimd::min(V(1.0f), x));
  else
    return smooth_tanh(x);
}
template <bool Hard, class V>
V sigmoid_slope(V y) {
  if constexpr (Hard)
    return xsimd::select((y > V(0.0f)) & (y < V(1.0f)), V(0.5f), V(0.0f));
  else
    return y - y * y;
}
template <bool Hard, class V>
V tanh_slope(V y) {
  if constexpr (Hard)
    return xsimd::select(xsimd::abs(y) < V(1.0f), V(1.0f), V(0.0f));
  else
    return V(1.0f) - y * y;
}

/// x[i] -> 2^x[i], relative error 2e-7, for N registers at once so that their chains of dependent
/// operations overlap. Beyond [-60, 60] it is constant, which a sigmoid cannot tell from 0 and
/// infinity, and which keeps the product of two results finite. A NaN stays one.
template <int N, class V>
[[gnu::always_inline]] inline void exp2(V (&x)[N]) {
  using Bits = xsimd::batch<std::int32_t, typename V::arch_type>;
  // Adding 1.5 * 2^23 rounds to the nearest integer k and leaves k in the lowest bits.
  const V shifter(12582912.0f);
  V k[N], f[N], p[N];
  unroll<N>([&](auto i) { x[i] = xsimd::max(V(-60.0f), xsimd::min(V(60.0f), x[i])); });
  unroll<N>([&](auto i) { k[i] = x[i] + shifter; });
  unroll<N>([&](auto i) { f[i] = x[i] - (k[i] - shifter); });
  // 2^f on [-1/2, 1/2], from scripts/fit_exp2.py.
  unroll<N>([&](auto i) { p[i] = xsimd::fma(V(1.326697529e-03f), f[i], V(9.675464593e-03f)); });
  unroll<N>([&](auto i) { p[i] = xsimd::fma(p[i], f[i], V(5.550742522e-02f)); });
  unroll<N>([&](auto i) { p[i] = xsimd::fma(p[i], f[i], V(2.402212173e-01f)); });
  unroll<N>([&](auto i) { p[i] = xsimd::fma(p[i], f[i], V(6.931469440e-01f)); });
  unroll<N>([&](auto i) { p[i] = xsimd::fma(p[i], f[i], V(1.000000119e+00f)); });
  unroll<N>([&](auto i) {
    x[i] = xsimd::bitwise_cast<V>(xsimd::bitwise_cast<Bits>(p[i]) +
                                  (xsimd::bitwise_cast<Bits>(k[i]) << 23));
  });
}
}  // namespace
}  // namespace taugate::simd
