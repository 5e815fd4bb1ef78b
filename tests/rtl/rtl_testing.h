#pragma once
// What the tests of the RTL share: where it is, and pixels that lead it into its corners.

#include <filesystem>

#include "quant/quant_testing.h"
#include "taugate/study/cosimulation.h"

namespace taugate::testing {

inline CosimulationOptions simulation_options() {
  CosimulationOptions options;
  options.rtl = std::filesystem::path(TAUGATE_SOURCE_DIR) / "rtl";
  options.work = "cosim";  // below the folder that the tests run in
  return options;
}

/// Decays with noise, random words over the whole of 16 bits (most of which saturate), constants at
/// both ends, and silence; lengths 1, 2, the longest,
/// some between, and some longer ones.
inline std::vector<PixelSamples> corner_pixels(Random& rng, std::size_t count, int longest,
                                               int operand_fraction) {
  std::vector<PixelSamples> pixels;
  const double one = std::ldexp(1.0, operand_fraction);
  for (std::size_t i = 0; i < count; ++i) {
    const int lengths[] = {longest, 1, 2, longest, random_between(rng, 1, longest)};
    const int length = i % 11 == 7 ? longest + 3 : std::min(lengths[i % 5], longest);
    const int kind = random_between(rng, 0, 5);
    PixelSamples samples;
    for (int t = 0; t < length; ++t) {
      double value = 0.0;
      if (kind < 2) value = one * (std::exp(-0.1 * t) + 0.05 * rng.normal());
      if (kind == 2) value = random_between(rng, -32768, 32767);
      if (kind == 3) value = rng.uniform() < 0.5 ? 32767.0 : -32768.0;
      if (kind == 4) value = random_between(rng, -static_cast<int>(one), static_cast<int>(one));
      samples.push_back(static_cast<std::int16_t>(
          clip(round_half_even(std::clamp(value, -4e4, 4e4)), -32768, 32767)));
    }
    pixels.push_back(std::move(samples));
  }
  return pixels;
}

}  // namespace taugate::testing
