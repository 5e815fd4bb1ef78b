#pragma once
// The header of a PTU file: tags of 48 bytes, some followed by data of their own. PHU files have such tags, too.

#include <cstdint>
#include <map>
#include <string>

#include "taugate/core/file.h"

namespace taugate {

/// What the header tells. Times in seconds, as there.
struct PtuHeader {
  std::uint32_t record_type = 0;                 ///< TTResultFormat_TTTRRecType
  std::uint64_t records = 0;                     ///< that the file holds
  std::uint64_t first_record = 0;                ///< byte
  double resolution_s = 0.0;                     ///< of the time since the pulse
  double global_resolution_s = 0.0;              ///< of the time tags; in T3 the laser period
  double sync_rate_hz = 0.0;                     ///< TTResult_SyncRate; 0: not told
  double acquisition_s = 0.0;                    ///< that it took; 0: not told
  int dimensions = 1;                            ///< 1 point, 2 line, 3 image
  int width = 1, height = 1;                     ///< pixels
  int line_start = 0, line_stop = 0, frame = 0;  ///< marker masks; 0: none
  bool bidirectional = false;                    ///< every second line runs backwards
  double sine_amplitude = 0.0;  ///< of a swinging mirror, the share that a line uses; 0: steady
  int bins = 0;                 ///< of the recorder, which then tells no laser period; 0: it does
};

/// Record types that no PTU file has.
inline constexpr std::uint32_t kTimeHarp200 = 0x200, kBeckerHickl = 0x300;

/// The numbers among a file's tags. A tag of index i (from 0) has the name "name[i]" and, of index 0 or without one, its own.
class PicoQuantTags {
 public:
  /// Error where the file does not begin with `magic` or its header does not end.
  PicoQuantTags(const InputFile& file, const std::string& magic);

  std::uint64_t end() const { return end_; }  ///< byte behind the header
  bool has(const std::string& name) const { return values_.contains(name); }
  double get(const std::string& name, double otherwise) const;
  /// Error for one that is not in [low, high].
  double number(const std::string& name, double low, double high, double otherwise) const;
  int whole(const std::string& name, int low, int high, int otherwise) const {
    return static_cast<int>(number(name, low, high, otherwise));
  }

 private:
  std::string where_;
  std::uint64_t end_ = 0;
  std::map<std::string, double> values_;
};

/// The tags that matter. Error for what no instrument writes, and where the file ends before the
/// records that it announces.
PtuHeader read_ptu_header(const InputFile& file);

}  // namespace taugate
