#pragma once
// A command carried out for many files, one after the other, with a table of what it found.

#include <functional>
#include <string>
#include <vector>

#include "cli/results/table_rows.h"

namespace taugate::cli {

/// What files have in common: options for the single run of each, and values of columns that such a
/// run does not find itself.
struct SharedValues {
  std::vector<std::pair<std::string, std::string>> options;
  std::vector<std::pair<std::string, double>> values;
};

struct TableCommand {
  std::function<Arguments()> declare;
  std::vector<TableColumn> columns;
  /// One file by the options of a single run: adds its rows, and returns its exit code.
  std::function<int(const Arguments&, std::vector<TableRow>&)> run;
  /// Of --share-lifetimes frames or files: from the options of those that share.
  std::function<SharedValues(const std::vector<Arguments>&)> share = {};
};

/// Every file by the very command line of a single run with its own options, so that its figures
/// are those of that run. One that fails has a row that says why, and the others go on. The exit
/// code of the whole.
int run_table(const Arguments& arguments, const TableCommand& command);

}  // namespace taugate::cli
