#pragma once
// Becker & Hickl's measurements, .sdt: a file header, blocks that describe the measurements, and
// data blocks, plain or each a zip archive of one member (layout: "File structure of the SPC data
// files" in W. Becker, The bh TCSPC Handbook, and the header SPC_data_file_structure.h that comes
// with SPCM).

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "taugate/core/file.h"

namespace taugate {

class BinaryFields;

/// What one detector channel recorded: a data block, or one of the equal planes that it holds.
struct SdtChannel {
  int width = 0, height = 0;        ///< pixels; curves are an image of one row
  int bins = 0;                     ///< of each pixel, from the ADC's resolution
  double bin_ns = 0.0;              ///< TAC range / (TAC gain * ADC resolution)
  std::optional<double> period_ns;  ///< from the sync rate, where it was undivided and steady
};

/// Takes counts in the order of the image, [height][width][bins], a piece after the other.
using TakeCounts = std::function<void(std::span<const float>)>;

/// A file whose headers are read at once and whose counts pass through in small pieces. Decays,
/// pages of decays and images are channels; blocks of other content (FCS, MCS, intensity...) are
/// left out. Error for a file that is no SDT file, is damaged, or holds no decays.
class SdtReader {
 public:
  explicit SdtReader(const std::filesystem::path& path);

  const std::vector<SdtChannel>& channels() const { return channels_; }
  /// Error where the data is cut short or its checksum is wrong.
  void read(std::size_t channel, const TakeCounts& take) const;

 private:
  /// Where the counts of a channel are. Rows of `pitch` pixels are stored, of which the first
  /// `width` were measured.
  struct Place {
    std::uint64_t offset = 0, stored_bytes = 0;  // in the file
    std::uint64_t decoded_bytes = 0, first = 0;  // of the block; `first` counts elements
    int element_bytes = 2, pitch = 0;
    bool zipped = false;
  };
  struct Block;
  Block read_block_header(std::uint64_t offset, bool long_offsets) const;
  void add_channels(const Block& block, const BinaryFields& description);

  InputFile file_;
  std::vector<SdtChannel> channels_;
  std::vector<Place> places_;
};

}  // namespace taugate
