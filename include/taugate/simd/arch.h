#pragma once
// Which instruction set the kernels use. Executors and trainings that are made later take it; those that are there keep
// theirs.

#include <string>
#include <vector>

namespace taugate::simd {

/// The architectures that this machine can run, slowest first, "scalar" among them.
std::vector<std::string> available_archs();

/// The one in use: TAUGATE_ARCH of the environment, or the best.
std::string active_arch();

/// UsageError for a name that is not available.
void use_arch(const std::string& name);

}  // namespace taugate::simd
