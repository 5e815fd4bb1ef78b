#pragma once
// PicoQuant's histograms. Of the PicoHarp 300, .phd, file format 2.0 (layout: PicoHarp 300 manual,
// file format section): a text header, a binary header, one header a curve, then the channels as
// 32-bit counts.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace taugate {

struct PhdCurve {
  std::vector<std::uint32_t> counts;  ///< per channel
  double resolution_ns = 0.0;         ///< width of a channel
  double sync_rate_hz = 0.0;          ///< laser pulses a second
  double offset_ns = 0.0;             ///< how long after the pulse channel 0 opens
  double acquisition_s = 0.0;         ///< 0 where it was stopped before the time that was asked for
  std::int64_t integral_count = 0;    ///< the header's sum; equal to the sum of counts
  double period_ns() const { return 1e9 / sync_rate_hz; }
};

struct PhdFile {
  std::string comment;
  std::vector<PhdCurve> curves;  ///< at least one
};

/// Whether both have the same time axis and can be traces of one measurement.
bool same_settings(const PhdCurve& a, const PhdCurve& b);

/// Error for anything that is no complete PHD 2.0 file: every size is checked before memory is
/// asked for, and the counts of a curve must sum to what its header says.
PhdFile read_phd(const std::filesystem::path& path);
/// Whether a file that begins so is such a one, and not one of single photons (.pt3). 349 bytes tell.
bool is_phd(std::string_view start);

}  // namespace taugate
