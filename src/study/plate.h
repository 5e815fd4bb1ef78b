#pragma once
// An emulated well plate of AF700 under a gated SPAD camera: an image whose truth is known, for what
// Erbas et al. (2024) measured and do not publish. docs/plate.md has every constant with its reason.
//
//     dye in wells, soft edges, uneven illumination   -> peak counts of a pixel
//     mono-exponential of 1.0 ns * the pixel's IRF    -> gates, + background and dark counts
//     1023 one-bit frames a gate, pile-up undone      -> TPSF
//
// The IRF of a pixel is a Gaussian with an exponential tail. It comes later from the array's first
// column and row to its last (the gate signal's way through the chip), jitters in place and width,
// and is recorded once with shot noise; TPSFs are made with the IRF itself, not with its record.
//
// A pixel is a pure function of (seed, side, row, column), whatever the stride and the threads.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "study/evaluation.h"
#include "taugate/fli/physics/simulator.h"

namespace taugate {

struct PlateConfig {
  Acquisition acquisition = acquisition_preset("ss2-70");
  int channels = 1;  ///< C of the SFD, 1 or 3
  int side = 512;    ///< rows and columns of the image, 24..4096
  int stride = 1;    ///< of all pixels, those of every so many-th row and column are measured
  std::uint64_t seed = 1700;
};

/// What makes a pixel what it is, before any noise.
struct PlatePixel {
  double peak_counts = 0.0;                             ///< of the noise-free TPSF, dye alone
  double dark_counts = 0.0;                             ///< mean a gate
  double delay_ns = 0.0, fwhm_ns = 0.0, tail_ns = 0.0;  ///< of the IRF
};

class Plate {
 public:
  static constexpr double kLifetimeNs = 1.0;        ///< AF700 in PBS
  static constexpr double kBackgroundCounts = 1.0;  ///< mean a gate, in every pixel
  /// Foreground: pixels of at least so many true peak counts, the least that the prior `paper`
  /// knows...
  static constexpr double kLeastPeakCounts = 100.0;
  /// ...and of at most so many dark counts a gate: hotter ones, which a dark frame shows, are left
  /// out.
  static constexpr double kMostDarkCounts = 2.0;

  explicit Plate(const PlateConfig& config);  ///< UsageError for a configuration out of range

  const PlateConfig& config() const { return config_; }
  int gates() const { return config_.acquisition.gates; }

  /// Places (row * side + column) of the foreground pixels, ascending; with a stride, of those that
  /// it leaves.
  const std::vector<std::size_t>& foreground() const { return foreground_; }
  bool is_foreground(const PlatePixel& pixel) const {
    return pixel.peak_counts >= kLeastPeakCounts && pixel.dark_counts <= kMostDarkCounts;
  }

  PlatePixel pixel(std::size_t place) const;
  /// The pixel at any place, foreground or not. For many threads, and free of allocations but for
  /// a thread's first call.
  void sample(std::size_t place, Sample& out) const;
  /// The record of its IRF, in the same gates [T]: laser light from white paper.
  void record_irf(std::size_t place, std::span<float> counts) const;

  /// The foreground, for evaluate(); the plate must outlive it.
  TraceSource traces() const;
  /// All that decides the values of its pixels, as one JSON object.
  std::string identity() const;

 private:
  double peak_counts(std::size_t row, std::size_t column) const;
  PlatePixel draw(std::size_t place, Random& random) const;

  PlateConfig config_;
  Detector detector_;
  std::vector<std::size_t> foreground_;
};

}  // namespace taugate
