#pragma once
// Which gates of a record can hold counts at all: a time-to-amplitude converter leaves the ends of
// its range empty, whatever arrives, and records its last gates before them in part.

#include <cstddef>
#include <span>

namespace taugate {

struct ValidGates {
  std::size_t first = 0, end = 0;
};

/// All gates but runs of zeros at either end that no Poisson process would leave: where the
/// neighbouring gates hold an even level of which such a run should have had 20 counts. Up to four
/// gates beside such a run go with it where they are three deviations off that level.
ValidGates valid_gates(std::span<const double> counts);

}  // namespace taugate
