#pragma once
// Running another program.

#include <filesystem>
#include <string>
#include <vector>

namespace taugate {

/// Runs command[0], found along PATH, with the rest as its arguments, in `folder` (empty: this
/// one), its output and its complaints into the file `log`, and waits for it. The exit status; 128
/// + the signal for a program that a signal ended. Error where it cannot be started.
int run_process(const std::vector<std::string>& command, const std::filesystem::path& log,
                const std::filesystem::path& folder = {});

}  // namespace taugate
