#include "cli/results/table_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

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

}  // namespace

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

TableFile::TableFile(std::filesystem::path table, std::string header,
                     std::vector<std::string> fingerprints)
    : path_(std::move(table)),
      journal_path_(path_.string() + ".journal"),
      header_(std::move(header)),
      fingerprints_(std::move(fingerprints)),
      rows_(fingerprints_.size()) {
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
  std::string text = header_ + '\n';
  for (const Rows& rows : rows_)
    for (const std::string& row : rows) text += row + '\n';
  write_file(path_, text);
  written_ = std::chrono::steady_clock::now();
}

}  // namespace taugate::cli
