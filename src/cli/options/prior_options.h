#pragma once
// The options that say what is simulated, shared by simulate, train and evaluate.

#include <optional>

#include "cli/options/arguments.h"
#include "taugate/fli/inference/trained_model.h"

namespace taugate::cli {

void add_prior_options(Arguments& arguments);

/// What a simulator needs, and where its window begins on the recorder's clock.
struct Prior {
  SimulatorConfig simulator;
  double first_gate_ns = 0.0;
};

/// `base` (where there is none: `ss2-70` with the prior `general`), or the preset or configuration
/// file that the options name, changed by the other options.
Prior prior_from(const Arguments& arguments, const std::optional<Prior>& base = {});

}  // namespace taugate::cli
