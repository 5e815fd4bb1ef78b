#include "taugate/fli/estimation/levenberg_marquardt.h"

#include <Eigen/Cholesky>

namespace taugate {
namespace {

using Matrix = std::array<VariableVector, kMostVariables>;
using Whole = Eigen::Matrix<double, kMostVariables, kMostVariables, Eigen::RowMajor>;
// Of as many variables as there are, on the stack.
using Square = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor,
                             kMostVariables, kMostVariables>;
using Column = Eigen::Matrix<double, Eigen::Dynamic, 1, Eigen::ColMajor, kMostVariables, 1>;

/// L of S a S = L L^T with S = diag(1 / sqrt(a_ii)); false where a is not positive definite.
struct Factors {
  Eigen::LLT<Square> lower;
  Column scale;

  bool of(const Matrix& a, int n) {
    const auto part = Eigen::Map<const Whole>(a[0].data()).topLeftCorner(n, n);
    if (!(part.diagonal().array() > 0.0).all()) return false;
    scale = part.diagonal().cwiseSqrt().cwiseInverse();
    lower.compute(scale.asDiagonal() * part * scale.asDiagonal());
    return lower.info() == Eigen::Success &&
           (lower.matrixLLT().diagonal().array() > 1e-7).all();  // false for NaN
  }
};

}  // namespace

bool solve_positive(const Matrix& a, const VariableVector& b, int n, VariableVector& x) {
  Factors f;
  if (!f.of(a, n)) return false;
  x = {};
  Eigen::Map<Column>(x.data(), n) = f.scale.cwiseProduct(
      f.lower.solve(f.scale.cwiseProduct(Eigen::Map<const Column>(b.data(), n))));
  return true;
}

bool invert_positive(const Matrix& a, int n, Matrix& inverse) {
  Factors f;
  if (!f.of(a, n)) return false;
  inverse = {};
  Eigen::Map<Whole>(inverse[0].data()).topLeftCorner(n, n) =
      f.scale.asDiagonal() * f.lower.solve(Square::Identity(n, n)) * f.scale.asDiagonal();
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
    double by_curvature = 0.0;
    for (std::size_t j = 0; j < P; ++j) by_curvature += at.curvature[i][j] * step[j];
    gain -= step[i] * (2.0 * at.gradient[i] + by_curvature);
  }
  return true;
}

}  // namespace taugate
