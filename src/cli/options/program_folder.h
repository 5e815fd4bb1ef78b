#pragma once
// What the program takes from beside itself.

#include <filesystem>
#include <string>

namespace taugate::cli {

/// The folder `name` of the source tree, for a program in its build folder; else the installed one.
std::filesystem::path shared_folder(const std::string& name);

}  // namespace taugate::cli
