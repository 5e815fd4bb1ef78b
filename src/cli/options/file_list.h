#pragma once
// The files of a run over many: arguments, folders, and lists with options of each file's own.

#include <string>
#include <utility>
#include <vector>

#include "cli/options/arguments.h"

namespace taugate::cli {

/// A file, and the options that hold for it alone: name and value.
struct ListedFile {
  std::string file;
  std::vector<std::pair<std::string, std::string>> options;
};

/// --table and --files. The last file argument may then come several times.
void add_table_options(Arguments& arguments);

/// UsageError where there are several files and no table.
void require_one_file(const Arguments& arguments);

/// The files of the command line, of a folder those whose names are measurements' in natural order,
/// then those of --files. Whatever a folder holds besides is printed as left out, and so are the
/// IRF, the mask and the reference of the command line. None of them can be written from now on.
/// Error where there is none, or where a list cannot be read.
std::vector<ListedFile> listed_files(const Arguments& arguments);

}  // namespace taugate::cli
