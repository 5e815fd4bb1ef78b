#include "taugate/fli/physics/detector.h"

#include <cmath>

#include "taugate/core/error.h"

namespace taugate {

void validate(const Detector& detector) {
  check_within("frame bits", detector.frame_bits, 1, 20);
  check_within("excess noise", detector.excess_noise, 1.0, 100.0);
  check_within("gain", detector.gain, 1e-6, 1e6);
  check_within("dark counts", detector.dark_counts, 0.0, 1e9);
  check_within("probability of a hot pixel", detector.hot_probability, 0.0, 1.0);
  if (detector.hot_probability > 0.0)
    check_range("counts of a hot pixel", detector.hot_counts, 1e-6, 1e9);
}

double draw_dark_counts(const Detector& detector, Random& random) {
  if (detector.hot_probability > 0.0 && random.uniform() < detector.hot_probability)
    return detector.dark_counts + detector.hot_counts.draw_log(random);
  return detector.dark_counts;
}

void detect(const Detector& detector, std::span<const double> mean, Random& random,
            std::span<float> counts) {
  require(mean.size() == counts.size(), "detector: found room for ", counts.size(),
          " counts, wanted ", mean.size());
  switch (detector.kind) {
    case DetectorKind::tcspc:
      for (std::size_t k = 0; k < mean.size(); ++k)
        counts[k] = static_cast<float>(random.poisson(mean[k]));
      break;
    case DetectorKind::gated_spad: {
      const std::int64_t frames = (std::int64_t{1} << detector.frame_bits) - 1;
      const double n = static_cast<double>(frames);
      for (std::size_t k = 0; k < mean.size(); ++k) {
        const std::int64_t fired = random.binomial(frames, -std::expm1(-mean[k] / n));
        const double seen = fired == frames ? n - 0.5 : static_cast<double>(fired);
        counts[k] = static_cast<float>(-n * std::log1p(-seen / n));
      }
      break;
    }
    case DetectorKind::iccd: {
      const double factor = detector.gain * detector.excess_noise;
      for (std::size_t k = 0; k < mean.size(); ++k)
        counts[k] = static_cast<float>(
            factor * static_cast<double>(random.poisson(mean[k] / detector.excess_noise)));
      break;
    }
  }
}

}  // namespace taugate
