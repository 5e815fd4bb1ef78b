#pragma once
// What several tests share: the data folder, random fills, and a comparison with absolute and
// relative tolerance (doctest's Approx counts errors relative to 1, which hides small gradients).

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "taugate/core/arena.h"
#include "taugate/core/random.h"

namespace taugate::testing {

/// Whether a test asked for data that are not there; main() then returns 77, "skipped".
inline bool data_are_absent = false;

/// The folder of measured data (TAUGATE_DATA, or ../shared/data beside the sources), if it is
/// there. Cases that ask belong to the suite "measured", which ctest runs by itself.
inline std::optional<std::filesystem::path> data_folder() {
  const char* given = std::getenv("TAUGATE_DATA");
  const std::filesystem::path folder =
      given && *given ? given : std::filesystem::path(TAUGATE_SOURCE_DIR) / "../shared/data";
  if (std::filesystem::is_directory(folder)) return folder;
  MESSAGE("skipped: no measured data (set TAUGATE_DATA)");
  data_are_absent = true;
  return std::nullopt;
}

inline bool close(double a, double b, double absolute, double relative = 0.0) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= absolute + relative * std::max(std::abs(a), std::abs(b));
}

template <class S>
void fill_normal(S* data, std::size_t n, Random& rng, double deviation = 1.0) {
  for (std::size_t i = 0; i < n; ++i) data[i] = static_cast<S>(deviation * rng.normal());
}

/// A sequence that owns its memory, filled with normal numbers; padding lanes too.
template <class S>
struct OwnedSequence {
  Buffer<S> memory;
  Sequence<S> view;
  OwnedSequence(int steps, int features, int batch, Random& rng, double deviation = 1.0)
      : memory(Sequence<S>{nullptr, steps, features, batch}.size()),
        view{memory.data(), steps, features, batch} {
    fill_normal(memory.data(), memory.size(), rng, deviation);
  }
};

}  // namespace taugate::testing
