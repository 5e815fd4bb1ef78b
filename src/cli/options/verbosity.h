#pragma once
// How much a command says: --quiet, --verbose, and the progress of long work.

#include <string>

#include "core/progress.h"

namespace taugate::cli {

enum class Verbosity { quiet, normal, verbose };

/// Quiet: standard output goes nowhere from now on, and there is no progress. Error where it cannot.
void set_verbosity(Verbosity verbosity);

/// On standard error; nowhere where the command is quiet. `already_done`: where a resumed job starts.
Progress shown_progress(std::string label, std::string unit, double total,
                        double already_done = 0.0);

/// With --verbose, one line on standard error: version, instruction set of the kernels, threads,
/// time since the program's start and the most memory that it had.
void print_what_it_took();

}  // namespace taugate::cli
