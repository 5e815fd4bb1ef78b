#pragma once
// An IRF in a few numbers, for a network that is told it: the times by which 10, 25, 50, 75 and 90 % of its area have
// come, its exponential tail included. Sharp in time whatever the gates, and little moved by noise or a far tail.

#include <array>

#include "taugate/fli/physics/irf.h"
#include "taugate/fli/physics/normalise.h"

namespace taugate {

inline constexpr std::array<double, 5> kIrfShares{0.1, 0.25, 0.5, 0.75, 0.9};
using IrfQuantiles = std::array<float, kIrfShares.size()>;  ///< ns, on the clock of the curve

/// Error for a curve without area.
IrfQuantiles irf_quantiles(const IrfCurve& irf);

/// Centre and unit of Normalisation for the IRFs of `prior`: what they vary by is then about 1.
void read_irf(const IrfPrior& prior, Normalisation& normalisation);

}  // namespace taugate
