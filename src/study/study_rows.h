#pragma once
// The rows that explain the paper's tables: `collapse`, `kd` and `state`.

#include "study/experiment_builder.h"

namespace taugate {

/// They stand on rows of add_paper_tables().
void add_study_tables(ExperimentBuilder& b, const Budget& budget);

}  // namespace taugate
