#include "cli/results/table_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/options/csv_fields.h"
#include "core/hash.h"
#include "fli/formats/hdf5_table.h"
#include "taugate/core/file.h"

namespace taugate::cli {
namespace {

using Rows = std::vector<std::string>;
constexpr auto kBetweenWrites = std::chrono::seconds(5);  // of a table that somebody may look at

/// In one piece, so that lines of several processes do not mix.
void append(const std::filesystem::path& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  const ssize_t written = file < 0 ? -1 : ::write(file, text.data(), text.size());
  const int error = errno;
  if (file >= 0) ::close(file);
  if (written != static_cast<ssize_t>(text.size()))
    fail(path.string(),
         ": cannot be written: ", written < 0 ? std::strerror(error) : "the disk is full");
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
      failed_(fingerprints_.size()),
      hdf5_(is_hdf5_table(path_)),
      claims_(journal_path_) {
  look();
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (failed_[i]) rows_[i].clear(), failed_[i] = false;
}

void TableFile::look() {
  std::ifstream journal(journal_path_, std::ios::binary);
  journal.seekg(static_cast<std::streamoff>(read_));
  std::map<std::string, std::pair<Rows, bool>> found;
  for (std::string line; std::getline(journal, line) && !journal.eof();) {
    read_ += line.size() + 1;
    const auto entry = nlohmann::json::parse(line, nullptr, false);
    if (entry.is_object() && entry.contains("rows") && entry.contains("fingerprint"))
      found[entry["fingerprint"].get<std::string>()] = {entry["rows"].get<Rows>(),
                                                        entry.value("failed", false)};
  }
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (const auto it = found.find(fingerprints_[i]); it != found.end()) {
      rows_[i] = it->second.first;
      failed_[i] = it->second.second;
    }
}

std::size_t TableFile::done_count() const {
  return static_cast<std::size_t>(
      std::count_if(rows_.begin(), rows_.end(), [](const Rows& rows) { return !rows.empty(); }));
}

std::size_t TableFile::failed_count() const {
  return static_cast<std::size_t>(std::count(failed_.begin(), failed_.end(), true));
}

bool TableFile::claim(std::size_t file) {
  if (done(file) || !claims_.take(fnv1a(fingerprints_[file]))) return false;
  look();  // it may have been done in the meantime
  return !done(file);
}

void TableFile::put(std::size_t file, const Rows& rows, bool failed) {
  look();
  const bool cut_off = std::filesystem::file_size(journal_path_) > read_;  // by a kill
  const std::string line = nlohmann::json{
      {"fingerprint", fingerprints_[file]},
      {"rows", rows},
      {"failed", failed}}.dump();
  append(journal_path_, concat(cut_off ? "\n" : "", line, '\n'));
  look();
  if (std::chrono::steady_clock::now() - written_ > kBetweenWrites) write();
}

void TableFile::finish() {
  look();
  std::size_t written = 0;
  do {  // again where the table of another process, with more rows, may have been replaced
    written = done_count();
    write();
    look();
  } while (done_count() > written);
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
