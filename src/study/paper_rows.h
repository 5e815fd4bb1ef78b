#pragma once
// The rows of the paper's Tables 1 to 3.

#include "study/experiment_builder.h"

namespace taugate {

/// By our recipe first: an unfinished reproduction then has all three tables by one recipe.
void add_paper_tables(ExperimentBuilder& b, const Budget& budget);

}  // namespace taugate
