#pragma once
// The one door for measured traces, whatever file they are in.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace taugate {

inline constexpr float kLargestCount = 1e15f;  ///< sums and squares stay far from overflow

/// Photon counts of an image, or of N traces as an image of one row.
struct Measurement {
  std::filesystem::path path;
  int width = 0, height = 0;
  int bins = 0;
  std::vector<float> counts;        ///< [height][width][bins], finite, >= 0; exact up to 2^24
  std::optional<double> bin_ns;     ///< width of a bin, where the file says it
  std::optional<double> period_ns;  ///< between laser pulses, where the file says it

  std::string format = {};  ///< "Becker & Hickl SDT"
  /// Photons of each detector channel, where the file keeps channels apart; else empty.
  std::vector<double> channel_photons = {};
  int channel = 0;  ///< the one that `counts` holds, from 1; 0: their sum, or there are none
  /// Laser pulses of which each trace is, where the file says it.
  std::optional<double> pulses = {};
  /// Frames of a time series, where the file keeps them apart; else 0. `counts` has all of them.
  int frames = 0;
  std::vector<std::string> notes = {};  ///< what a program should tell its user about the reading
  /// Whether the file leaves to the options which axis is time, and which channel to take.
  bool either_way = false, many_channels = false;
  /// Whether its bins are taken to span one laser period where no bin width is given (SimFCS).
  bool bins_span_period = false;
  /// Of a mask (pixel_groups.h), else empty: the label of each trace, 0 for background; and, where
  /// traces are sums over a label, how many pixels each has. [traces]
  std::vector<int> labels = {}, label_pixels = {};
  /// In how many traces each photon counts: one, or where they are sums over neighbours (bin_pixels()) as many as one has.
  double photon_uses = 1.0;

  std::size_t traces() const { return static_cast<std::size_t>(width) * height; }
  std::span<const float> trace(std::size_t i) const {
    return {counts.data() + i * bins, static_cast<std::size_t>(bins)};
  }
};

/// An option that has nothing to choose in a file is a UsageError.
struct MeasurementOptions {
  /// Instead of a number in `channel`.
  static constexpr int kBrightest = 0, kSum = -1;

  bool time_first = false;    ///< arrays are [T][H][W] or [T][N], text has a trace a column
  std::string member;         ///< of an archive; empty: `tpsf`, or the only array
  int channel = kBrightest;   ///< detector channel, from 1
  int frame = 0;              ///< of a time series alone, from 1; 0: all added up
  int gates_per_frame = 0;    ///< of a TIFF file whose pages are frames of so many gates; 0: of one
  std::string prefix = "--";  ///< of the options' names in messages
  /// Of the counts in memory. Images of single photons are binned coarser to fit; others that are
  /// larger are an Error.
  std::uint64_t largest_bytes = std::uint64_t{1} << 32;
};

/// Reads, by content and not by name (docs/formats.md says what each tells of the acquisition):
///   NPY, NPZ, MATLAB, HDF5   an array [T], [N][T] or [H][W][T]
///   Photon-HDF5              a trace of each detector
///   TIFF, OME-TIFF           a gate a page; a single page is a list of traces [N][T]; times of an
///                            OME-TIFF or of an ImageJ stack that are not the gates are frames
///   a folder                 of TIFF images, one a gate, in the order of the numbers in their names
///   PHD, PHU                 each curve is a trace
///   SDT                      curves and images
///   FLIM LABS JSON           an image
///   SimFCS Z64, B64, BHZ, B&H  a square image; known by the ending of the name
///   PTU                      images and point measurements
///   PT3, HT3, T3R, SPC       point measurements; a .spc with the .set beside it
///   text                     see csv.h
/// Error for anything else, for NaN, infinite or negative counts (naming trace and gate, counted
/// from 0) and for a file without counts; UsageError for a channel or a frame that the file does not have.
Measurement read_measurement(const std::filesystem::path& path,
                             const MeasurementOptions& options = {});

/// Error for a count or a time that a measurement cannot have, as read_measurement(): for those made in memory.
void check_values(const Measurement& measurement);

/// Bin width and period from elsewhere, for a file that does not tell them; where its bins span the
/// period, the period alone gives both. UsageError where they contradict it: they are not equal
/// within 0.1 %, the file's own then counting.
void set_time_axis(Measurement& measurement, std::optional<double> bin_ns,
                   std::optional<double> period_ns, const std::string& prefix = "--");

/// Error where no bin of any trace has a count.
void require_counts(const Measurement& measurement);

}  // namespace taugate
