#pragma once
// The ranks of a program that mpirun or srun has started, where it was built with TAUGATE_MPI.

#include <string>

#include "taugate/core/ranks.h"

namespace taugate::cli {

/// Joins them at its first call; the process alone where there is no launcher or no MPI. Ranks of one machine share
/// its processors, and all but the first one are quiet. Error where they have not all the same kernels, whose sums
/// differ in their last bits.
Ranks& ranks();
/// UsageError where there are several.
void require_one_rank(const std::string& command);

/// Before a failure is told: what to begin the line with. Nothing where another rank has told the same in the meantime,
/// for which all but the first one wait.
const char* rank_that_fails();

/// At the end of the program, with its exit code: where that tells of a failure, all ranks end.
void leave_ranks(int code);

}  // namespace taugate::cli
