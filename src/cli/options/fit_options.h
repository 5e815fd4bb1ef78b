#pragma once
// What the options of `taugate fit` ask for: the estimator, the IRFs and a phasor's reference.

#include <optional>
#include <vector>

#include "cli/options/arguments.h"
#include "taugate/fli/inference/image_fit.h"

namespace taugate::cli {

Arguments fit_arguments();

/// UsageError for options that contradict each other.
ImageFitOptions fit_options_from(const Arguments& arguments);

/// The IRF's curves and what their samples lie in.
struct FitIrfs {
  std::optional<Measurement> record;  ///< of --irf; of one trace unless each pixel has its own
  std::optional<MeasuredIrfs> measured;
  std::vector<double> buffer;
  std::vector<IrfCurve> curves;

  std::size_t index_of(std::size_t pixel) const { return curves.size() > 1 ? pixel : 0; }
};
std::optional<Measurement> recorded_irf(const Arguments& arguments, const Measurement& measurement);
/// Makes the curves of the record or of the options, on the gates' clock.
void make_curves(const Arguments& arguments, const RecordedGates& gates,
                 const ImageFitOptions& options, FitIrfs& irfs);

/// The measurement in its gates, and its IRFs on their clock. Without any IRF there is no shift to
/// be found.
RecordedGates gates_and_irfs(const Arguments& arguments, Measurement measurement,
                             std::optional<double> first_gate_ns, ImageFitOptions& options,
                             FitIrfs& irfs);

/// The recording of --reference; nothing without the option.
std::optional<PhasorTransform> reference_from(const Arguments& arguments,
                                              const RecordedGates& gates);

}  // namespace taugate::cli
