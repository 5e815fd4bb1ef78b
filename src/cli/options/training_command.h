#pragma once
// What `train` and `distill` share: their options, and the run from the first trace to the file.

#include <optional>

#include "cli/options/arguments.h"
#include "study/recipe.h"

namespace taugate::cli {

/// Gives the model the statistics by which infer tells what is unlike its training, from `traces`
/// fresh ones; false where Ctrl-C came first.
bool add_novelty(TraceModel& model, std::uint64_t traces = 360'000);

void add_training_options(Arguments& arguments);

/// Trains as the options say; with a teacher, from its outputs and features too, on the traces that
/// it was trained for unless options change them. Exit code.
int run_training(const Arguments& arguments, const TrainedModel* teacher = nullptr,
                 const std::optional<DistillOptions>& distill = {});

}  // namespace taugate::cli
