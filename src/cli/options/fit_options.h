#pragma once
// What the options of `taugate fit` ask for: the estimator, the IRFs and a phasor's reference.

#include <optional>

#include "cli/options/arguments.h"
#include "taugate/fli/inference/fit_irfs.h"

namespace taugate::cli {

Arguments fit_arguments();

/// UsageError for options that contradict each other.
ImageFitOptions fit_options_from(const Arguments& arguments);

/// UsageError where the options name no IRF and the estimator needs one.
void require_irf(const Arguments& arguments, const ImageFitOptions& options);

/// The measurement in its gates, and its IRFs on their clock. Without any IRF there is no shift to
/// be found; UsageError where the estimator needs one.
RecordedGates gates_and_irfs(const Arguments& arguments, Measurement measurement,
                             std::optional<double> first_gate_ns, ImageFitOptions& options,
                             FitIrfs& irfs);

/// The recording of --reference; nothing without the option.
std::optional<PhasorTransform> reference_from(const Arguments& arguments,
                                              const RecordedGates& gates);

}  // namespace taugate::cli
