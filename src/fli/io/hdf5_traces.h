#pragma once
// HDF5: Photon-HDF5 (photon-hdf5.org, version 0.4 and 0.5), MATLAB's files of version 7.3, and
// arrays of counts in any other file.

#include "taugate/fli/io/measurement.h"

namespace taugate {

void read_hdf5_traces(Measurement& m, const MeasurementOptions& options);
/// MATLAB 7.3, which is HDF5 behind a header.
void read_mat73(Measurement& m, const MeasurementOptions& options);

}  // namespace taugate
