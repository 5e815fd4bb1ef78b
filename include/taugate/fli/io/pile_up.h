#pragma once
// What single-photon counting loses at high rates: a recorder is blind after each photon, so that
// early photons hide late ones and decays look faster than they are.
//
// Of P laser pulses, the recorder was looking at time t of
//
//     P_t = P - (photons recorded that hid it),
//
// and n_t of these gave a photon. Photons come by Poisson's law, so the number that P looks would
// have had is, with no photon hidden,
//
//     n'_t = -P ln(1 - n_t / P_t)
//
// Which photons hide a time: those recorded earlier in the same period, where a period gives one
// photon at most (Coates, J. Phys. E 1, 1968); or those within the dead time before it, which may be
// of periods before (as in Isbaner et al., Opt. Express 24, 2016).
//
// A recorder whose sync is divided looks at a cycle of several laser periods. Its record is as long, and all of the
// above holds for cycles in the place of periods: P is then the number of cycles.

#include <optional>

#include "taugate/fli/io/measurement.h"

namespace taugate {

struct PileUp {
  std::optional<double> pulses;   ///< P of each trace; else what the file says
  std::optional<double> dead_ns;  ///< after a photon; else the rest of its laser period (or cycle)
};

/// Puts n' in the place of every count. Needs bin width and period. Error where the number of pulses
/// is unknown, where a trace has counts beyond one period and the record is not of a whole number of periods, to
/// half a percent, or where it has more counts than so many pulses can give.
void correct_pile_up(Measurement& measurement, const PileUp& pile_up);

}  // namespace taugate
