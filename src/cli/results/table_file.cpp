#include "cli/results/table_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/options/csv_fields.h"
#include "fli/formats/hdf5_table.h"
#include "taugate/core/file.h"

namespace taugate::cli {
namespace {

using Rows = std::vector<std::string>;
constexpr auto kBetweenWrites = std::chrono::seconds(5);  // of a table that somebody may look at

std::string journal_line(const std::string& fingerprint, const Rows& rows) {
  return nlohmann::json{{"fingerprint", fingerprint}, {"rows", rows}}.dump() + '\n';
}

std::map<std::string, Rows> read_journal(const std::filesystem::path& path) {
  std::map<std::string, Rows> done;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return done;
  std::istringstream lines(read_file(path));
  for (std::string line; std::getline(lines, line);) {
    const auto entry = nlohmann::json::parse(line, nullptr, false);
    if (entry.is_object() && entry.contains("rows") && entry.contains("fingerprint"))
      done[entry["fingerprint"].get<std::string>()] = entry["rows"].get<Rows>();
  }
  return done;
}

/// Of a column, by its name; empty for texts and numbers that count nothing.
std::string units_of(const std::string& name) {
  if (name.find("_ns") != std::string::npos) return "ns";
  return name == "background_counts_per_gate" || name == "counts" ? "counts" : "";
}

bool holds_texts(const std::string& name) {
  return name == "file" || name == "channel" || name == "flag" || name == "reason";
}

std::string hdf5_of(const std::string& header, const std::vector<Rows>& files) {
  std::vector<Hdf5Column> columns;
  for (const std::string& name : csv_fields(header)) columns.push_back({name, units_of(name)});
  for (const Rows& rows : files)
    for (const std::string& row : rows) {
      const std::vector<std::string> fields = csv_fields(row);
      for (std::size_t i = 0; i < columns.size(); ++i)
        if (holds_texts(columns[i].name))
          columns[i].texts.push_back(fields[i]);
        else
          columns[i].numbers.push_back(fields[i].empty() ? std::numeric_limits<double>::quiet_NaN()
                                                         : std::stod(fields[i]));
    }
  return hdf5_table(columns);
}

}  // namespace

bool is_hdf5_table(const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  const bool hdf5 = ending == ".h5" || ending == ".hdf5";
  if (!hdf5 && ending != ".csv" && ending != ".txt" && !ending.empty())
    fail_usage("--table: found ", path.string(), ", wanted a name that ends in .csv, .h5 or .hdf5");
  return hdf5;
}

TableFile::TableFile(std::filesystem::path table, std::string header,
                     std::vector<std::string> fingerprints)
    : path_(std::move(table)),
      journal_path_(path_.string() + ".journal"),
      header_(std::move(header)),
      fingerprints_(std::move(fingerprints)),
      rows_(fingerprints_.size()),
      hdf5_(is_hdf5_table(path_)) {
  const std::map<std::string, Rows> done = read_journal(journal_path_);
  std::string kept;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const auto found = done.find(fingerprints_[i]);
    if (found == done.end()) continue;
    rows_[i] = found->second;
    kept += journal_line(fingerprints_[i], rows_[i]);
  }
  write_file(journal_path_, kept);
  journal_.reset(std::fopen(journal_path_.c_str(), "ae"));
  if (!journal_) fail(journal_path_.string(), ": cannot be written: ", std::strerror(errno));
}

std::size_t TableFile::done_count() const {
  return static_cast<std::size_t>(
      std::count_if(rows_.begin(), rows_.end(), [](const Rows& rows) { return !rows.empty(); }));
}

void TableFile::put(std::size_t file, Rows rows, bool keep) {
  rows_[file] = std::move(rows);
  if (keep) {
    const std::string line = journal_line(fingerprints_[file], rows_[file]);
    if (std::fwrite(line.data(), 1, line.size(), journal_.get()) != line.size() ||
        std::fflush(journal_.get()) != 0)
      fail(journal_path_.string(), ": cannot be written: ", std::strerror(errno));
  }
  if (std::chrono::steady_clock::now() - written_ > kBetweenWrites) write();
}

void TableFile::write() {
  written_ = std::chrono::steady_clock::now();
  if (hdf5_) return write_file(path_, hdf5_of(header_, rows_));
  std::string text = header_ + '\n';
  for (const Rows& rows : rows_)
    for (const std::string& row : rows) text += row + '\n';
  write_file(path_, text);
}

}  // namespace taugate::cli
