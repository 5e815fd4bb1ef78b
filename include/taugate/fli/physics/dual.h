#pragma once
// Dual numbers: a value together with its N partial derivatives, carried through the same lines of
// code that compute the value (forward-mode differentiation). What is written once for `double`
// gives exact derivatives for `Dual<N>`.

#include <array>
#include <cmath>
#include <cstddef>

namespace taugate {

template <int N>
struct Dual {
  double v = 0.0;
  std::array<double, static_cast<std::size_t>(N)> d{};  ///< by each of the N variables

  Dual() = default;
  /// A constant; implicit, as a double is in arithmetic.
  Dual(double value) : v(value) {}  // NOLINT(google-explicit-constructor)
  /// The variable number `index` at `value`; a constant for an index from N on.
  static Dual variable(double value, int index) {
    Dual x(value);
    if (index < N) x.d[static_cast<std::size_t>(index)] = 1.0;
    return x;
  }
  /// f(x) where f has the given value and derivative at x.
  Dual chain(double f, double derivative) const {
    Dual r(f);
    for (std::size_t i = 0; i < d.size(); ++i) r.d[i] = derivative * d[i];
    return r;
  }

  Dual& operator+=(const Dual& b) {
    v += b.v;
    for (std::size_t i = 0; i < d.size(); ++i) d[i] += b.d[i];
    return *this;
  }
  Dual& operator-=(const Dual& b) {
    v -= b.v;
    for (std::size_t i = 0; i < d.size(); ++i) d[i] -= b.d[i];
    return *this;
  }
  Dual& operator*=(const Dual& b) {
    for (std::size_t i = 0; i < d.size(); ++i) d[i] = d[i] * b.v + v * b.d[i];
    v *= b.v;
    return *this;
  }
  Dual& operator/=(const Dual& b) {
    const double inverse = 1.0 / b.v;
    v *= inverse;
    for (std::size_t i = 0; i < d.size(); ++i) d[i] = (d[i] - v * b.d[i]) * inverse;
    return *this;
  }
  Dual operator-() const { return chain(-v, -1.0); }

  friend Dual operator+(Dual a, const Dual& b) { return a += b; }
  friend Dual operator-(Dual a, const Dual& b) { return a -= b; }
  friend Dual operator*(Dual a, const Dual& b) { return a *= b; }
  friend Dual operator/(Dual a, const Dual& b) { return a /= b; }
  // A constant has no derivatives to multiply.
  friend Dual operator*(double a, const Dual& b) { return b.chain(a * b.v, a); }
  friend Dual operator*(const Dual& a, double b) { return a.chain(a.v * b, b); }
};

template <int N>
Dual<N> exp(const Dual<N>& x) {
  const double e = std::exp(x.v);
  return x.chain(e, e);
}
template <int N>
Dual<N> expm1(const Dual<N>& x) {
  const double e = std::expm1(x.v);
  return x.chain(e, e + 1.0);
}

/// The number without its derivatives.
inline double value_of(double x) { return x; }
template <int N>
double value_of(const Dual<N>& x) {
  return x.v;
}

}  // namespace taugate
