#pragma once
// Images of FLIM LABS, .json: a "header" with the laser period, the size and the channels, then "data" (of files with phasors,
// "intensities_data"), for each channel and pixel a list of [bin, count] of 256 bins that divide the laser period.

#include <string_view>

#include "taugate/fli/io/measurement.h"

namespace taugate {

bool looks_like_flim_labs(std::string_view start);
/// Error where the header does not come first, or claims pixels that the file cannot hold.
void read_flim_labs(Measurement& m, const MeasurementOptions& options);

}  // namespace taugate
