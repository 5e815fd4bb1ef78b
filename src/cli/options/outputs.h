#pragma once
// The files that a command writes, looked at before it begins.

#include <filesystem>
#include <initializer_list>
#include <string>
#include <vector>

#include "cli/options/arguments.h"

namespace taugate::cli {

/// A file that a command writes, and the option that it comes from.
struct OutputPath {
  std::string option;
  std::filesystem::path path;
  bool in_new_folder = false;  ///< whose folder the command makes
};
/// Files in the folder of --output, where that was given.
std::vector<OutputPath> in_output_folder(const Arguments& arguments,
                                         std::initializer_list<const char*> names);

/// Whether all files that a command writes can be written: now, rather than after an hour of work.
/// Those of `options` that were given, and `others`. UsageError where one is a file that the
/// command reads (a file argument or an option that names an input) or that it writes, too, by
/// whatever name, or lies in a folder that it reads; Error where one cannot be written.
void check_outputs(const Arguments& arguments, std::initializer_list<const char*> options,
                   const std::vector<OutputPath>& others = {});

/// Error where pictures are wanted, for lack of --no-pictures, and gnuplot is not there.
void check_pictures(const Arguments& arguments);

}  // namespace taugate::cli
