#pragma once
// The camera: from the mean number of detectable photons in a gate to what is read out. The noise
// is drawn after the convolution with the IRF, gate by gate and independently.
//
//   tcspc       n ~ Poisson(mu)
//   gated_spad  N = 2^frame_bits - 1 binary frames. A frame sees light of mean mu/N and fires with
//               probability 1 - exp(-mu/N), so k ~ Binomial(N, 1 - exp(-mu/N)) frames fire. What is
//               read out is the estimate of mu that undoes the pile-up, -N ln(1 - k/N); a pixel
//               whose N frames all fired is read as k = N - 1/2, N ln(2N).
//   iccd        gain * F * Poisson(mu/F): mean gain*mu, variance gain^2 * F * mu. F is the excess
//               noise of the multiplication (variance over mean, in photo-electrons; 1 = none).

#include <span>

#include "taugate/core/random.h"
#include "taugate/fli/physics/range.h"

namespace taugate {

enum class DetectorKind { tcspc, gated_spad, iccd };

struct Detector {
  DetectorKind kind = DetectorKind::tcspc;
  int frame_bits = 10;             ///< gated_spad, 1..20
  double excess_noise = 2.0;       ///< iccd: F >= 1
  double gain = 1.0;               ///< iccd: counts per photo-electron, > 0
  double dark_counts = 0.0;        ///< mean per gate, in every pixel
  double hot_probability = 0.0;    ///< of a pixel to be hot
  Range hot_counts{10.0, 1000.0};  ///< a hot pixel's additional mean per gate, log-uniform, > 0
};

/// Throws UsageError.
void validate(const Detector& detector);

/// The mean counts per gate that this pixel has without any light: dark counts, and those of a hot
/// pixel if it is drawn to be one.
double draw_dark_counts(const Detector& detector, Random& random);

/// counts[k] = a reading of mean[k] >= 0 photons; spans of equal size.
void detect(const Detector& detector, std::span<const double> mean, Random& random,
            std::span<float> counts);

}  // namespace taugate
