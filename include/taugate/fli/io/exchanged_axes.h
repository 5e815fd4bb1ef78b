#pragma once
// Which axis of an array is that of time, where the file does not tell.

#include "taugate/fli/io/measurement.h"

namespace taugate {

/// True where another axis (of 16 pixels and more) than the last one is likely that of time: bright
/// traces have their peaks all over the bins, while lines along that axis have theirs in one place.
bool lies_on_its_side(const Measurement& measurement);

}  // namespace taugate
