#pragma once
// The files that `taugate fit` writes.

#include <filesystem>
#include <string>
#include <vector>

#include "cli/results/pixel_results.h"
#include "taugate/fli/inference/image_fit.h"

namespace taugate::cli {

/// lifetimes.csv, fit.npz and the stack of maps.
void write_results(const std::filesystem::path& folder, const RecordedGates& gates,
                   const Maps& maps);

/// (counts - expected) / sqrt(expected), [N][T] or [H][W][T]; 0 where nothing was fitted.
void write_residuals(const std::filesystem::path& path, const RecordedGates& gates,
                     const std::vector<float>& expected);

/// Of the decay summed over all pixels, and of one pixel: measured counts, those expected in the
/// gates that were fitted, what is left over there, and the decay that was found.
void draw_summed_decay(const RecordedGates& gates, const IrfCurve& irf, const ImageFit& fit,
                       const std::filesystem::path& target);
void draw_pixel(const RecordedGates& gates, const IrfCurve& irf, const ImageFit& fit,
                EstimatorKind kind, std::size_t pixel, const std::filesystem::path& target);

}  // namespace taugate::cli
