#pragma once
// `taugate infer --photons`: lifetimes of pixels from single photons.

#include <optional>

#include "cli/options/arguments.h"

namespace taugate::cli {

/// `least_precision`: pixels whose relative standard deviation is larger are left out. Exit code.
int infer_photons(const Arguments& arguments, std::optional<double> least_precision);

}  // namespace taugate::cli
