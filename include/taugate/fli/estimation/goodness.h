#pragma once
// Whether a fitted model can have given these counts, at any number of them.
//
// The gates are joined into at most 32 groups that expect equal counts, and 10 at least, so that
// Pearson's chi-square of the groups has its distribution however sparse the gates are, and sees
// the shape of the decay rather than the unequal widths of a converter's channels or what is left
// at the rise of an IRF that was measured imperfectly:
//
//     chi2 = sum_g (N_g - M_g)^2 / M_g,   freedom nu = groups - unknowns.
//
// A model is always a little wrong, and with counts enough that shows. So a fit is poor where the
// deviance_terms is significant, chi2 more than five deviations up (Wilson and Hilferty, Proc. Natl. Acad.
// Sci. 17, 1931), and of a size that matters: sqrt((chi2 - nu) / sum N), the
// root mean square of the relative deviance_terms over the photons, above 1 %.

#include <span>

namespace taugate {

struct Goodness {
  double significance = 0.0;    ///< in standard deviations of a good fit
  double deviance_terms = 0.0;  ///< relative, root mean square over the photons; 0 where none shows
  bool poor() const { return significance > 5.0 && deviance_terms > 0.01; }
};

/// counts and mu [gates fitted].
Goodness goodness_of_fit(std::span<const float> counts, std::span<const double> mu, int unknowns);

}  // namespace taugate
