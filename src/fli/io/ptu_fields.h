#pragma once
// For .cpp files only: the parts of the PTU reader.

#include "taugate/core/file.h"
#include "fli/io/ptu.h"

namespace taugate {

/// The tags that matter. Error for what no instrument writes, and where the file ends before the
/// records that it announces.
PtuHeader read_ptu_header(const InputFile& file);

}  // namespace taugate
