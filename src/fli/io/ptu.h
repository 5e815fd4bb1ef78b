#pragma once
// Time-tagged photons, PicoQuant's .ptu, .pt3, .ht3 and .t3r and Becker & Hickl's .spc: a header, then records of 32 bits, one a
// photon, marker or overflow (layout: PicoQuant, "TTTR file formats" and the demos at
// github.com/PicoQuant/PicoQuant-Time-Tagged-File-Format-Demos).
//
//   T3  a photon carries the number of its laser pulse and the time since that pulse
//   T2  a photon carries its time since the start; laser pulses are photons of a channel of their
//       own, so the time since the last pulse is a difference

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fli/io/tttr_header.h"
#include "taugate/core/file.h"

namespace taugate {

/// One record, with overflows already added up.
struct PtuEvent {
  enum Kind : std::uint8_t { photon, sync, marker, none } kind = none;
  std::uint8_t channel = 0;  ///< detector of a photon
  std::uint8_t markers = 0;  ///< bits of a marker
  std::uint16_t dtime = 0;   ///< T3: since the pulse, in units of the resolution
  std::uint64_t time = 0;    ///< T3: number of the pulse; T2: in units of the global resolution
};

/// Turns records into events, in the order of the file.
class PtuDecoder {
 public:
  /// Error for a record type that is none of PicoHarp, HydraHarp (1, 2), TimeHarp 260 (N, P) or
  /// MultiHarp (which PicoHarp 330 shares), T2 or T3, kTimeHarp200 or kBeckerHickl.
  PtuDecoder(std::uint32_t record_type, const std::string& where);

  bool is_t3() const { return t3_; }
  PtuEvent decode(std::uint32_t record);

 private:
  PtuEvent pico_t3(std::uint32_t record);
  PtuEvent pico_t2(std::uint32_t record);
  PtuEvent hydra_t3(std::uint32_t record);
  PtuEvent hydra_t2(std::uint32_t record);
  PtuEvent time_harp_200(std::uint32_t record);
  PtuEvent becker_hickl(std::uint32_t record);

  std::uint32_t type_;
  bool t3_ = true, pico_ = false;
  bool counted_overflows_ = true;  // a record may stand for several; HydraHarp 1 knew only one
  std::uint64_t overflow_ = 0;
};

/// What one detector channel recorded; the counts of a reading are [height][width][bins].
struct PtuImage {
  int width = 1, height = 1, bins = 0;
  double bin_ns = 0.0;
  std::optional<double> period_ns;
  std::optional<double> pulses;  ///< of the laser in a pixel, in all frames, where that is known
  int frames = 0;                ///< that the lines make up; 0 of what is no image
  std::vector<double> photons;   ///< in the image, of each detector channel
  std::vector<std::string> notes{};  ///< what was left out or joined
};

/// A file whose records pass through in pieces, twice. An image takes the photons between the
/// markers of its lines, all frames added up; a point measurement takes all photons.
class PtuReader {
 public:
  /// Error for a file that is no PTU file, is cut short or damaged, tells no time axis, is an image
  /// without line markers, or has more counts than `largest_bytes` as floats.
  explicit PtuReader(const std::filesystem::path& path, std::uint64_t largest_bytes);

  const PtuHeader& header() const { return header_; }
  const PtuImage& image() const { return image_; }
  /// Adds the photons of a detector channel (from 0) to `counts`, [height][width][bins]: of one frame
  /// (from 1), or of all (0).
  void read(std::size_t channel, std::vector<float>& counts, int frame = 0) const;
  /// Calls each(pixel, ns since the laser pulse) for these photons, in the order of the file; the time is that of the
  /// middle of the instrument's own bin, whatever the image's.
  void photons(std::size_t channel,
               const std::function<void(std::uint64_t pixel, double since_ns)>& each) const;

 private:
  /// The lines of the image, as the markers cut them out of the recording.
  struct Lines {
    std::vector<std::uint64_t> lengths;  // in the order of the file
    std::uint64_t before_first_frame = 0, of_first_frame = 0;
    std::uint64_t skipped = 0;  // of a frame that had begun before the recording did
  };
  template <class Each>
  void each_event(Each&& each) const;
  template <class Each>
  std::uint64_t each_photon(Each&& each) const;
  void find_lines();
  void choose_bins(std::uint64_t largest_bytes);

  InputFile file_;
  PtuHeader header_;
  PtuImage image_;
  Lines lines_;
  double bins_per_unit_ = 1.0;  // of a photon's time since the pulse
  double period_units_ = 0.0;   // at which that time is folded; 0: it is not
};

}  // namespace taugate
