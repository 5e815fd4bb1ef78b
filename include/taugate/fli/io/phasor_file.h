#pragma once
// Phasor coordinates as the OME-TIFF file that phasorpy and napari-phasors open (phasorpy.io.phasor_from_ometiff): images "Phasor
// mean", "Phasor real" and "Phasor imag", the last two with a plane for each harmonic, then "Phasor frequency" and "Phasor harmonic",
// numbers.

#include <filesystem>
#include <span>
#include <vector>

#include "taugate/fli/io/measurement.h"

namespace taugate {

/// As phasorpy.phasor.phasor_from_signal() defines them, uncalibrated: with K bins a turn, bin k from 0 and harmonic h
///
///     real + i imag = sum_k n_k exp(2 pi i h k / K) / sum_k n_k
///
/// A record that spans the laser period within a bin, or less, is one turn; of a longer one the whole periods are taken, each a
/// turn of period / bin width bins.
struct PhasorImages {
  int width = 0, height = 0;
  double frequency_mhz = 0.0;  ///< of a turn: the laser's, where the record spans its period
  std::vector<int> harmonics;
  std::vector<float> mean;        ///< counts of a bin, [height][width]
  std::vector<float> real, imag;  ///< [harmonics][height][width]; NaN where there are no counts
};

/// UsageError for no harmonic, or one below 1 or above half the bins of a turn; Error without a bin width.
PhasorImages phasor_images(const Measurement& measurement, std::span<const int> harmonics);

void write_phasors(const std::filesystem::path& path, const PhasorImages& phasors);

}  // namespace taugate
