#include "taugate/fli/levenberg_marquardt.h"

namespace taugate {
namespace {

using Matrix = std::array<VariableVector, kMostVariables>;

/// L of a = D L L^T D with D = diag(sqrt(a_ii)); false where a is not positive definite.
struct Factors {
  Matrix lower{};
  VariableVector scale{};

  bool of(const Matrix& a, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      if (!(a[i][i] > 0.0)) return false;
      scale[i] = std::sqrt(a[i][i]);
    }
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = a[i][j] / (scale[i] * scale[j]);
        for (std::size_t k = 0; k < j; ++k) sum -= lower[i][k] * lower[j][k];
        if (i != j) {
          lower[i][j] = sum / lower[j][j];
        } else {
          if (!(sum > 1e-14)) return false;
          lower[i][i] = std::sqrt(sum);
        }
      }
    return true;
  }

  VariableVector solve(const VariableVector& b, std::size_t n) const {
    VariableVector x{};
    for (std::size_t i = 0; i < n; ++i) {
      double sum = b[i] / scale[i];
      for (std::size_t k = 0; k < i; ++k) sum -= lower[i][k] * x[k];
      x[i] = sum / lower[i][i];
    }
    for (std::size_t i = n; i-- > 0;) {
      double sum = x[i];
      for (std::size_t k = i + 1; k < n; ++k) sum -= lower[k][i] * x[k];
      x[i] = sum / lower[i][i];
    }
    for (std::size_t i = 0; i < n; ++i) x[i] /= scale[i];
    return x;
  }
};

}  // namespace

bool solve_positive(const Matrix& a, const VariableVector& b, int n, VariableVector& x) {
  Factors factors;
  if (!factors.of(a, static_cast<std::size_t>(n))) return false;
  x = factors.solve(b, static_cast<std::size_t>(n));
  return true;
}

bool invert_positive(const Matrix& a, int n, Matrix& inverse) {
  Factors factors;
  if (!factors.of(a, static_cast<std::size_t>(n))) return false;
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
    VariableVector unit{};
    unit[i] = 1.0;
    inverse[i] = factors.solve(unit, static_cast<std::size_t>(n));
  }
  return true;
}

bool detail::damped_step(const NormalEquations& at, std::span<const double> x, const Bounds& bounds,
                         double lambda, VariableVector& step, double& gain) {
  const std::size_t P = x.size();
  std::array<bool, kMostVariables> free{};
  step = {};
  for (std::size_t i = 0; i < P; ++i)
    free[i] = at.curvature[i][i] > 0.0 && !(x[i] <= bounds.low[i] && at.gradient[i] > 0.0) &&
              !(x[i] >= bounds.high[i] && at.gradient[i] < 0.0);
  // The variable that meets its bound first stays there, and the others are solved for again.
  for (bool crossed = true; crossed;) {
    crossed = false;
    std::array<std::size_t, kMostVariables> index{};
    std::size_t n = 0;
    for (std::size_t i = 0; i < P; ++i)
      if (free[i]) index[n++] = i;
    Matrix a{};
    VariableVector b{}, solution{};
    for (std::size_t i = 0; i < n; ++i) {
      b[i] = -at.gradient[index[i]];
      for (std::size_t j = 0; j < P; ++j)
        if (!free[j]) b[i] -= at.curvature[index[i]][j] * step[j];
      for (std::size_t j = 0; j < n; ++j) a[i][j] = at.curvature[index[i]][index[j]];
      a[i][i] *= 1.0 + lambda;
    }
    if (n > 0 && !solve_positive(a, b, static_cast<int>(n), solution)) return false;
    double nearest = 1.0;  // of the bounds on the way, as a share of it
    std::size_t first = P;
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t v = index[i];
      step[v] = solution[i];
      const double inside = std::clamp(x[v] + step[v], bounds.low[v], bounds.high[v]) - x[v];
      if (inside == step[v] || std::abs(inside) >= nearest * std::abs(step[v])) continue;
      nearest = inside / step[v];
      first = v;
    }
    if (first < P) {
      step[first] *= nearest;
      free[first] = false;
      crossed = true;
    }
  }
  gain = 0.0;
  for (std::size_t i = 0; i < P; ++i) {
    double bent = 0.0;
    for (std::size_t j = 0; j < P; ++j) bent += at.curvature[i][j] * step[j];
    gain -= step[i] * (2.0 * at.gradient[i] + bent);
  }
  return true;
}

}  // namespace taugate
