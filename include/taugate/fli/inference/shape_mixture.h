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

/// The Gaussians lie in the SIMD lanes.
struct ShapeMixture {
  std::vector<float> centre;    ///< [P][M] c
  std::vector<float> axes;      ///< [P][Q][M] U
  std::vector<float> variance;  ///< [Q][M] l
  std::vector<float> rarity;    ///< [M] -2 ln of the share w of the points

  struct Distance {
    double cost;  ///< C
    double chi2;  ///< its first parenthesis
  };
  /// a [P]; scratch [scratch_size()].
  Distance nearest(std::span<const float> a, float noise, std::span<float> scratch) const;
  std::size_t scratch_size() const { return rarity.size(); }

  /// Of points [n][P], n >= 1: they are halved along the main axis of the widest group until there
  /// are `groups` (principal direction divisive partitioning: Boley 1998), or groups become small.
  static ShapeMixture fit(std::span<const float> points, std::size_t P, std::size_t groups);

  bool fits(std::size_t P) const;  ///< whether all sizes fit each other and P
};

}  // namespace taugate
