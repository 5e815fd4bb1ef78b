#pragma once
// What the options of `taugate fit` ask for: the estimator, the IRFs and a phasor's reference.

#include <optional>

#include "cli/options/arguments.h"
#include "taugate/fli/inference/fit_irfs.h"

namespace taugate::cli {

Arguments fit_arguments();

/// UsageError for options that contradict each other.
ImageFitOptions fit_options_from(const Arguments& arguments);

/// The IRF that the options name; a record is of one trace unless each pixel has its own. UsageError where there is none
/// and the estimator needs one.
IrfChoice irf_choice_from(const Arguments& arguments, const Measurement& measurement,
                          const ImageFitOptions& options);

/// The recording of --reference; nothing without the option.
std::optional<PhasorTransform> reference_from(const Arguments& arguments,
                                              const RecordedGates& gates);

}  // namespace taugate::cli
