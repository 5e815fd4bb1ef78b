#pragma once
// `taugate infer --photons`: lifetimes of pixels from single photons.

#include <optional>
#include <string>

#include "cli/options/arguments.h"

namespace taugate::cli {

/// `least_precision`: pixels whose relative standard deviation is larger are left out. Exit code.
int infer_photons(const Arguments& arguments, std::optional<double> least_precision);

/// `which`: the pixels or lists that have more photons than any list of the training.
void warn_of_many_photons(const std::string& which, int most_photons);

}  // namespace taugate::cli
