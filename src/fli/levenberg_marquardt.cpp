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
  std::array<std::size_t, kMostVariables> free{};
  std::size_t n = 0;
  step = {};
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool held = (x[i] <= bounds.low[i] && at.gradient[i] > 0.0) ||
                      (x[i] >= bounds.high[i] && at.gradient[i] < 0.0) ||
                      !(at.curvature[i][i] > 0.0);
    if (!held) free[n++] = i;
  }
  gain = 0.0;
  if (n == 0) return true;
  Matrix a{};
  VariableVector b{}, solution{};
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) a[i][j] = at.curvature[free[i]][free[j]];
    a[i][i] *= 1.0 + lambda;
    b[i] = -at.gradient[free[i]];
  }
  if (!solve_positive(a, b, static_cast<int>(n), solution)) return false;
  for (std::size_t i = 0; i < n; ++i) {
    step[free[i]] = solution[i];
    gain += solution[i] * b[i];
    for (std::size_t j = 0; j < n; ++j)
      gain += solution[i] *
              (b[j] * (i == j ? 1.0 : 0.0) - at.curvature[free[i]][free[j]] * solution[j]);
  }
  return true;
}

}  // namespace taugate
