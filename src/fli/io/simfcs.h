#pragma once
// Counts of SimFCS: square images, a bin each, and no more, as the endings of the names tell (after lfdfiles' documentation).
//   .b64        the side as int32, then images of int16; also used for series of images, lines of a scan, or a stream
//   .z64        a zlib stream of the side and the number of images as int32, then images of float32
//   .b&h, .bhz  images of 256 x 256 float32; .bhz is a zip archive of one such file

#include "taugate/fli/io/measurement.h"

namespace taugate {

/// Error for sizes that do not fit together, or that the file cannot hold. A note says that images are taken for bins.
void read_simfcs(Measurement& m, const MeasurementOptions& options);

}  // namespace taugate
