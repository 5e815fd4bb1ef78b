#pragma once
// A table of results that grows file by file, and the journal that lets a stopped run go on.

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace taugate::cli {

/// Whether a table of this name is HDF5, not CSV. UsageError for a name that ends as tables of another format do.
bool is_hdf5_table(const std::filesystem::path& path);

/// TABLE, as CSV or, where its name ends in .h5 or .hdf5, as HDF5, and TABLE.journal, a line of JSON for each file that is done: its fingerprint, which says
/// what its rows depend on, and the rows. A line that was cut off is no line.
class TableFile {
 public:
  /// `fingerprints`: of the files, in the order of the table. Rows of the journal with the same
  /// fingerprint count as done; all others are dropped from it. UsageError as above.
  TableFile(std::filesystem::path table, std::string header, std::vector<std::string> fingerprints);

  bool done(std::size_t file) const { return !rows_[file].empty(); }
  std::size_t done_count() const;
  /// The rows of a file. `keep`: they count as done in the next run, too.
  void put(std::size_t file, std::vector<std::string> rows, bool keep);
  /// Writes the table whole, of all rows that there are.
  void write();

 private:
  struct Close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  std::filesystem::path path_, journal_path_;
  std::string header_;
  std::vector<std::string> fingerprints_;
  std::vector<std::vector<std::string>> rows_;  // [files], empty: not done
  bool hdf5_;
  std::unique_ptr<std::FILE, Close> journal_;
  std::chrono::steady_clock::time_point written_;
};

}  // namespace taugate::cli
