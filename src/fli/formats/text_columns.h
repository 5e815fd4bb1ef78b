#pragma once
// What the names of a text table's columns say.

#include <string>
#include <string_view>
#include <vector>

namespace taugate {

/// What the name of a column says of it: a time with its unit, a number that counts lines (a
/// channel or a bin), or, as all columns without a name, counts.
struct TextColumn {
  enum Kind { counts, time, number } kind = counts;
  double unit_ns = 0.0;  ///< of a time; 0: the name tells none
  std::string name;
};

/// The columns that a first line names. Where blanks separate them, a unit in brackets belongs to
/// the name before it.
std::vector<TextColumn> text_columns_of(const std::vector<std::string_view>& fields);

}  // namespace taugate
