#pragma once
// The options that say what is simulated, shared by simulate, train and evaluate.

#include "arguments.h"
#include "taugate/study/trained_model.h"

namespace taugate::cli {

void add_prior_options(Arguments& arguments);

/// What a simulator needs, and where its window begins on the recorder's clock.
struct Prior {
  SimulatorConfig simulator;
  double first_gate_ns = 0.0;
};

/// `base`, or the preset or configuration file that the options name, changed by the other options.
Prior prior_from(const Arguments& arguments, Prior base = {simulator_preset("ss2-70"), 0.0});

}  // namespace taugate::cli
