#pragma once
// A table of results that grows file by file, and the journal that lets a stopped run go on.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/claims.h"

namespace taugate::cli {

/// Whether a table of this name is HDF5, not CSV. UsageError for a name that ends as tables of another format do.
bool is_hdf5_table(const std::filesystem::path& path);

/// TABLE, as CSV or, where its name ends in .h5 or .hdf5, as HDF5, and TABLE.journal, a line of JSON for each file that is
/// done: its fingerprint, which says what its rows depend on, the rows, and whether it failed. Several processes may add to
/// one journal, each the files that it has claimed. A line that was cut off is no line.
class TableFile {
 public:
  /// `fingerprints`: of the files, in the order of the table. Rows of the journal with the same fingerprint count as done, but for those
  /// of files that failed before. UsageError as above.
  TableFile(std::filesystem::path table, std::string header, std::vector<std::string> fingerprints);

  bool done(std::size_t file) const { return !rows_[file].empty(); }
  std::size_t done_count() const;
  std::size_t failed_count() const;
  /// To be this process' to do; false where it is done, or another process has it.
  bool claim(std::size_t file);
  /// The rows of a file that was claimed. Those that failed are for this table alone, and done anew by the next run.
  void put(std::size_t file, const std::vector<std::string>& rows, bool failed);
  /// Writes the table whole, of all rows that there are, those of other processes, too.
  void finish();

 private:
  /// Takes in what other processes have done since.
  void look();
  void write();

  std::filesystem::path path_, journal_path_;
  std::string header_;
  std::vector<std::string> fingerprints_;
  std::vector<std::vector<std::string>> rows_;  // [files], empty: not done
  std::vector<bool> failed_;
  std::uintmax_t read_ = 0;  // bytes of the journal
  bool hdf5_;
  Claims claims_;  // on the journal
  std::chrono::steady_clock::time_point written_;
};

}  // namespace taugate::cli
