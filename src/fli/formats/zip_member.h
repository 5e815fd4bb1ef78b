#pragma once
// The first member of a zip archive that lies inside another file, unpacked piece by piece.

#include <cstdint>
#include <functional>
#include <span>

#include "taugate/core/file.h"

namespace taugate {

/// Hands the unpacked bytes to `take`, in pieces of 64 KiB but for the last. The archive begins at
/// `offset` and ends before `offset + stored`. Error unless the member holds exactly `decoded`
/// bytes and, where the archive tells one, its checksum is right. `where` stands in front.
void read_zip_member(const InputFile& file, std::uint64_t offset, std::uint64_t stored,
                     std::uint64_t decoded, const std::string& where,
                     const std::function<void(std::span<const char>)>& take);

}  // namespace taugate
