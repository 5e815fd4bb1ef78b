#pragma once
// Tables of `taugate fit` and `infer`, read again.

#include <map>

#include "program.h"

namespace taugate::testing {

using Row = std::map<std::string, std::string>;

inline std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  return fields;
}

inline std::vector<Row> read_table(const fs::path& path) {
  std::istringstream lines(read_all(path));
  std::string line;
  REQUIRE(std::getline(lines, line));
  const auto header = split(line);
  std::vector<Row> rows;
  while (std::getline(lines, line)) {
    const auto fields = split(line);
    REQUIRE(fields.size() == header.size());
    rows.emplace_back();
    for (std::size_t i = 0; i < fields.size(); ++i) rows.back()[header[i]] = fields[i];
  }
  return rows;
}

/// Each field of a row that a single run's lifetimes.csv has, too, is the same text (an empty field
/// there is nan).
inline void check_equal(const Row& row, const Row& single) {
  std::size_t compared = 0;
  for (const auto& field : single) {
    const std::string &name = field.first, &value = field.second;
    if (!row.contains(name) || name == "label") continue;
    CAPTURE(name);
    if (name == "counts")
      CHECK(std::stod(row.at(name)) == doctest::Approx(std::stod(value)).epsilon(1e-6));
    else
      CHECK((row.at(name).empty() ? "nan" : row.at(name)) == value);
    ++compared;
  }
  CHECK(compared >= 4);
}

}  // namespace taugate::testing
