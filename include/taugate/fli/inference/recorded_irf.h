#pragma once
// A measured IRF on the clock of the gates: an instrument's record starts anywhere in the laser
// period, a network's gates should open shortly before the decay rises.

#include <optional>
#include <vector>

#include "taugate/fli/io/measurement.h"
#include "taugate/fli/physics/acquisition.h"
#include "taugate/fli/physics/irf.h"
#include "taugate/fli/physics/range.h"

namespace taugate {

/// The times at which a recording has data, on its own clock: without the ends that its recorder
/// never fills (valid_gates.h). Nothing where it covers the laser period. It must know its bins.
std::optional<Range> recorded_times(const Measurement& recording, double period_ns);

/// Where, on the record's clock, gate 0 should open so that the IRF rises 6 % into the window. A
/// whole number of bins, in [0, period). Where a recording has data at `recorded` only, all gates
/// lie there, if they fit.
double first_gate_before_rise(const Measurement& irf, const Acquisition& acquisition,
                              std::optional<Range> recorded = {});

/// The IRFs of a record whose bins are `irf.bin_ns` wide (Error where that is unknown), folded at
/// the laser period where the record is longer, with time 0 at `first_gate_ns` on its clock.
MeasuredIrfs irfs_on_gates(const Measurement& irf, const Acquisition& acquisition,
                           double first_gate_ns);

/// A library of such records as one IRF, and how far its pixels' gates opened apart.
struct AlignedIrf {
  MeasuredIrfs sum;              ///< of all records on one time, that of their mean; one curve
  std::vector<double> shift_ns;  ///< by how much each lay later, [traces]
};
/// Records are moved by fractions of a bin (MeasuredIrfs::align) and added up before the sum is cut
/// to where its signal is: a tail that one record hides in its noise is kept.
AlignedIrf aligned_irf_on_gates(const Measurement& irf, const Acquisition& acquisition,
                                double first_gate_ns);

/// What hardly decays, as the gates see it [T], shows where the IRF is: for pictures.
std::vector<float> irf_in_gates(const Acquisition& acquisition, const IrfCurve& irf);

}  // namespace taugate
