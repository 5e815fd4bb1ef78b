#pragma once
// The estimates of an image as maps, one a number: what tables, archives and Python show.

#include <string>
#include <utility>
#include <vector>

#include "taugate/fli/inference/image_fit.h"

namespace taugate {

/// Maps by name, in the order of the tables; each [height][width].
using Maps = std::vector<std::pair<std::string, std::vector<float>>>;

/// The maps of all pixels, NaN for what was not found: counts (those that were fitted), amplitude_weighted_ns,
/// intensity_weighted_ns, tau1_ns, tau2_ns, fraction, photons, background, shift_ns, chi2_reduced, status (FitStatus),
/// the standard deviations as in LifetimeBound, and, where the traces are those of a mask, the label of each.
Maps maps_of(const RecordedGates& gates, const ImageFit& fit);
/// The same of the summed decay alone: one value each.
Maps maps_of_sum(const RecordedGates& gates, const ImageFit& fit);

}  // namespace taugate
