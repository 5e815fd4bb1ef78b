#include "taugate/fli/inference/shape_mixture.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "fli/inference/column_loops.h"
#include "fli/inference/stored_statistics.h"

namespace taugate {
namespace {

constexpr std::size_t kAxes = 6;    // that a prior's shapes vary in, near one of them
constexpr std::size_t kFewest = 8;  // points per component in a group that is halved

struct Group {
  std::vector<std::size_t> own;
  Eigen::VectorXd mean;
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen;  // eigenvalues ascend
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
  g.eigen.compute(x * x.transpose() / static_cast<double>(x.cols()));
  if (g.own.size() >= 2 * kFewest * P)
    g.widest = g.eigen.eigenvalues()[x.rows() - 1] * static_cast<double>(x.cols());
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
    const Eigen::VectorXf axis = widest->eigen.eigenvectors().rightCols(1).cast<float>();
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
  const auto columns = static_cast<Eigen::Index>(P),
             Q = static_cast<Eigen::Index>(std::min(kAxes, P));
  const auto put = [&](std::vector<float>& to, auto&& value) {
    for (const Group& g : found) to.push_back(static_cast<float>(value(g)));
  };
  for (Eigen::Index k = 0; k < columns; ++k) {
    put(m.centre, [&](const Group& g) { return rounded_to_half(static_cast<float>(g.mean[k])); });
    for (Eigen::Index q = columns - Q; q < columns; ++q)
      put(m.axes,
          [&](const Group& g) { return from_axis_byte(axis_byte(g.eigen.eigenvectors()(k, q))); });
  }
  for (Eigen::Index q = columns - Q; q < columns; ++q)
    put(m.variance, [&](const Group& g) { return std::max(g.eigen.eigenvalues()[q], 0.0); });
  put(m.rarity, [&](const Group& g) {
    return 2.0 *
           std::log(static_cast<double>(points.size() / P) / static_cast<double>(g.own.size()));
  });
  return m;
}

ShapeMixture::Distance ShapeMixture::nearest(std::span<const float> a, float noise,
                                             std::span<float> scratch) const {
  const std::size_t M = rarity.size(), Q = variance.size() / M;
  const std::span<float> chi2 = scratch.first(M);
  column_loops().squares({centre.data(), axes.data(), variance.data(), M, a.size(), Q}, a.data(),
                         noise, chi2.data());
  Distance best{std::numeric_limits<double>::infinity(), 0.0};
  for (std::size_t m = 0; m < M; ++m) {
    const double square = std::max(chi2[m], 0.0f);
    if (square + rarity[m] >= best.cost) continue;  // ln volume is at least 0
    float volume = 1.0f;
    for (std::size_t q = 0; q < Q; ++q) volume *= 1.0f + variance[q * M + m] / noise;
    const double cost = square + rarity[m] + std::log(double{volume});
    if (cost < best.cost) best = {cost, square};
  }
  return best;
}

bool ShapeMixture::fits(std::size_t P) const {
  const std::size_t M = rarity.size(), Q = M > 0 ? variance.size() / M : 0;
  return M > 0 && Q > 0 && Q <= P && variance.size() == M * Q && centre.size() == M * P &&
         axes.size() == M * P * Q;
}

}  // namespace taugate
