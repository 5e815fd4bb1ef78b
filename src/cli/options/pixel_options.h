#pragma once
// The options that say which pixels of an image become traces.

#include "cli/options/arguments.h"
#include "taugate/fli/io/measurement.h"

namespace taugate::cli {

/// --frames, --pile-up, --pulses, --dead-time, --roi, --bin-pixels, --sliding, --mask and --mask-pixels.
void add_pixel_options(Arguments& arguments);

/// UsageError for values that no file could make good.
void check_pixel_options(const Arguments& arguments);

/// Does what they ask for, in this order: pile-up, region, sums of neighbours, mask (of which the region is
/// taken, too). UsageError or Error where that cannot be.
void group_pixels(const Arguments& arguments, Measurement& measurement);

}  // namespace taugate::cli
