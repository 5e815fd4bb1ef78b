#pragma once
// The density of a cloud of points that lie near a curved surface: a mixture of Gaussians, each
// wide along Q axes and as narrow across them as the noise that is added (mixture of probabilistic
// principal component analysers: Tipping and Bishop, Neural Computation 11, 1999).
//
//     C(a) = min_m [ (sum_q b_q^2 / (l_q + s) + |e|^2 / s) + sum_q ln(1 + l_q / s) - 2 ln w_m ]
//
// with b = U_m^T (a - c_m), e what b leaves of a - c_m, and s the noise's variance: -2 ln of the
// density, up to a constant, with the largest of the Gaussians for their sum.

#include <cstddef>
#include <span>
#include <vector>

namespace taugate {

struct ShapeMixture {
  std::vector<float> centre;    ///< [M][P] c
  std::vector<float> axes;      ///< [M][P][Q] U
  std::vector<float> variance;  ///< [M][Q] l
  std::vector<float> rarity;    ///< [M] -2 ln of the share w of the points

  struct Distance {
    double cost;  ///< C
    double chi2;  ///< its first parenthesis
  };
  /// a [P]; scratch [2 P].
  Distance nearest(std::span<const float> a, double noise, std::span<float> scratch) const;

  /// Of points [n][P], n >= 1: they are halved along the main axis of the widest group until there
  /// are `groups` (principal direction divisive partitioning: Boley 1998), or groups become small.
  static ShapeMixture fit(std::span<const float> points, std::size_t P, std::size_t groups);

  bool fits(std::size_t P) const;  ///< whether all sizes fit each other and P
};

}  // namespace taugate
