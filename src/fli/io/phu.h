#pragma once
// PicoQuant's histograms of later recorders, .phu: a header of tags (ptu_header.h), then channels as 32-bit counts.

#include "fli/io/phd.h"

namespace taugate {

/// Its curves; those of a sync rate of 0, which had no laser, are left out. Error as read_phd().
PhdFile read_phu(const std::filesystem::path& path);

}  // namespace taugate
