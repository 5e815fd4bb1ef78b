#pragma once
// The IRF of a simulator from measured ones: what a network for an own instrument is trained on.

#include <optional>
#include <vector>

#include "taugate/fli/estimation/irf_fit.h"
#include "taugate/fli/io/measurement.h"
#include "taugate/fli/physics/range.h"
#include "taugate/fli/physics/simulator_config.h"

namespace taugate {

struct MeasuredPrior {
  /// Draw from the range of such fits of the curves; none: draw the curves themselves.
  std::optional<IrfShape> shape;
  bool align = false;  ///< the curves are moved onto one time first
  std::optional<Range>
      within;  ///< times at which recordings have data, where that is not all of the period
};

/// What has been found of the curves.
struct MeasuredPriorResult {
  double first_gate_ns = 0.0;    ///< where gate 0 is to open on the recorder's clock
  std::vector<double> shift_ns;  ///< of aligned curves: by how much each lay later
};

/// Sets config.irf. With a record on the recorder's clock (its period is known) the gates open shortly
/// before it rises, as far as the recording goes; a library in camera gates is taken as it is, from
/// `first_gate_ns` on. Error as irfs_on_gates().
MeasuredPriorResult set_measured_irf(SimulatorConfig& config, const Measurement& irf,
                                     const MeasuredPrior& options, double first_gate_ns = 0.0);

/// "exgauss" or "gate"; nothing for "measured". UsageError for anything else.
std::optional<IrfShape> irf_shape(const std::string& name);

}  // namespace taugate
