#include "taugate/study/shape_mixture.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "taugate/study/six_digits.h"

namespace taugate {
namespace {

constexpr std::size_t kAxes = 6;    // that a prior's shapes vary in, near one of them
constexpr std::size_t kFewest = 8;  // points per component in a group that is halved

struct Group {
  std::vector<std::size_t> own;
  Eigen::VectorXd mean;
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> spread;  // eigenvalues ascend
  double widest = 0.0;  // the largest sum of squares along an axis; 0 where not to be halved
};

Group group_of(std::span<const float> points, std::size_t P, std::vector<std::size_t> own) {
  Group g{std::move(own), {}, {}, 0.0};
  Eigen::MatrixXd x(static_cast<Eigen::Index>(P), static_cast<Eigen::Index>(g.own.size()));
  for (std::size_t i = 0; i < g.own.size(); ++i)
    x.col(static_cast<Eigen::Index>(i)) =
        Eigen::Map<const Eigen::VectorXf>(&points[g.own[i] * P], x.rows()).cast<double>();
  g.mean = x.rowwise().mean();
  x.colwise() -= g.mean;
  g.spread.compute(x * x.transpose() / static_cast<double>(x.cols()));
  if (g.own.size() >= 2 * kFewest * P)
    g.widest = g.spread.eigenvalues()[x.rows() - 1] * static_cast<double>(x.cols());
  return g;
}

}  // namespace

ShapeMixture ShapeMixture::fit(std::span<const float> points, std::size_t P, std::size_t groups) {
  std::vector<std::size_t> all(points.size() / P);
  std::iota(all.begin(), all.end(), std::size_t{0});
  std::vector<Group> found{group_of(points, P, std::move(all))};
  while (found.size() < groups) {
    const auto widest = std::ranges::max_element(found, {}, &Group::widest);
    if (widest->widest <= 0.0) break;
    const Eigen::VectorXf axis = widest->spread.eigenvectors().rightCols(1).cast<float>();
    const float middle = axis.dot(widest->mean.cast<float>());
    const auto half = std::partition(widest->own.begin(), widest->own.end(), [&](std::size_t i) {
      return axis.dot(Eigen::Map<const Eigen::VectorXf>(&points[i * P], axis.size())) < middle;
    });
    std::vector<std::size_t> low(widest->own.begin(), half), high(half, widest->own.end());
    if (low.empty() || high.empty()) break;
    *widest = group_of(points, P, std::move(low));
    found.push_back(group_of(points, P, std::move(high)));
  }
  ShapeMixture m;
  const auto Q = static_cast<Eigen::Index>(std::min(kAxes, P));
  for (const Group& g : found) {
    append_six_digits(m.centre, g.mean);
    for (Eigen::Index k = 0; k < g.mean.size(); ++k)
      append_six_digits(m.axes, g.spread.eigenvectors().rightCols(Q).row(k));
    append_six_digits(m.variance, g.spread.eigenvalues().tail(Q).cwiseMax(0.0));
    m.rarity.push_back(six_digits(2.0 * std::log(static_cast<double>(points.size() / P) /
                                                 static_cast<double>(g.own.size()))));
  }
  return m;
}

ShapeMixture::Distance ShapeMixture::nearest(std::span<const float> a, double noise,
                                             std::span<float> scratch) const {
  const std::size_t P = a.size(), Q = variance.size() / rarity.size();
  const std::span from = scratch.first(P), b = scratch.subspan(P, Q);
  Distance best{std::numeric_limits<double>::infinity(), 0.0};
  for (std::size_t m = 0; m < rarity.size(); ++m) {
    std::fill(b.begin(), b.end(), 0.0f);
    const float *c = &centre[m * P], *axis = &axes[m * P * Q], *l = &variance[m * Q];
    double left = 0.0;
    for (std::size_t k = 0; k < P; ++k, axis += Q) {
      from[k] = a[k] - c[k];
      left += from[k] * from[k];
      for (std::size_t q = 0; q < Q; ++q) b[q] += from[k] * axis[q];
    }
    double chi2 = 0.0, volume = 1.0;
    for (std::size_t q = 0; q < Q; ++q) {
      const double square = b[q] * b[q];
      left -= square;
      chi2 += square / (l[q] + noise);
      volume *= 1.0 + l[q] / noise;
    }
    chi2 += std::max(left, 0.0) / noise;
    const double cost = chi2 + std::log(volume) + rarity[m];
    if (cost < best.cost) best = {cost, chi2};
  }
  return best;
}

bool ShapeMixture::fits(std::size_t P) const {
  const std::size_t M = rarity.size(), Q = M > 0 ? variance.size() / M : 0;
  return M > 0 && Q > 0 && Q <= P && variance.size() == M * Q && centre.size() == M * P &&
         axes.size() == M * P * Q;
}

}  // namespace taugate
