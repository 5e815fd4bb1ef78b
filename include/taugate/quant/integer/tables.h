#pragma once
// tanh on the integers' grids: 32 straight segments over [0, 4), as data. The numbers were printed
// by scripts/fit_tanh_table.py and are never computed from a library's tanh, so every build, every
// instruction set and the hardware read the same ones.

#include <algorithm>
#include <cstdint>

namespace taugate {

inline constexpr int kTableFraction = 15;  ///< fraction bits of the table's values
inline constexpr int kTableSegments = 32;
/// Value at the start of a segment, in 2^-15: starts at 0, never falls, ends below 1.
inline constexpr std::uint16_t kTanhBase[kTableSegments] = {
    0,     4086,  8045,  11759, 15169, 18197, 20836, 23091, 24978, 26534, 27813,
    28841, 29672, 30327, 30854, 31269, 31594, 31853, 32049, 32212, 32330, 32425,
    32507, 32560, 32608, 32640, 32673, 32692, 32707, 32727, 32736, 32742};
/// Slope of a segment, in 2^-8.
inline constexpr std::uint8_t kTanhSlope[kTableSegments] = {
    255, 247, 232, 213, 189, 165, 141, 118, 97, 80, 64, 52, 41, 33, 26, 20,
    16,  12,  10,  7,   6,   5,   3,   3,   2,  2,  1,  1,  1,  0,  0,  1};

/// tanh(u) in 2^-15 for u = magnitude / 2^fraction >= 0; fraction in 7..20. At and beyond 4 the
/// last value is held. Largest error: 8.1e-4 at 12 fraction bits and more.
constexpr std::int64_t table_tanh(std::int64_t magnitude, int fraction) {
  const int length_bits = fraction - 3;  // a segment is 1/8 long
  const std::int64_t end = std::int64_t{kTableSegments} << length_bits;
  const std::int64_t u = std::min(magnitude, end - 1);
  const std::int64_t segment = u >> length_bits;
  const std::int64_t rest = u & ((std::int64_t{1} << length_bits) - 1);
  // slope * rest has 8 + fraction fraction bits; the table has 15. Rounded down.
  return kTanhBase[segment] + ((kTanhSlope[segment] * rest) >> (fraction - 7));
}

}  // namespace taugate
