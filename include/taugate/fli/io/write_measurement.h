#pragma once
// Measurements as files that other programs open.

#include <filesystem>

#include "taugate/fli/io/measurement.h"

namespace taugate {

/// Writes what read_measurement() reads again, as the path's ending says: .npy, .npz, .tif, .tiff
/// (OME-TIFF), .mat (MATLAB 7.3), .h5, .csv or .txt. All but .npy keep bin width and period. Or a picture for the eye,
/// .png: of an image the counts of its pixels with their scale, of up to 8 traces their decays, of
/// more the decay of their sum. UsageError for other endings.
void write_measurement(const std::filesystem::path& path, const Measurement& measurement);

}  // namespace taugate
