#pragma once
// Stacks of gate images: TIFF, OME-TIFF, and folders with a file a gate.

#include "taugate/fli/io/measurement.h"

namespace taugate {

void read_tiff_stack(Measurement& m, const MeasurementOptions& options);
/// TIFF images, one a gate, in the order of the numbers in their names.
void read_gate_folder(Measurement& m, const MeasurementOptions& options);

}  // namespace taugate
