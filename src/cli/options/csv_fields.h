#pragma once
// The fields of a line of CSV.

#include <string>
#include <vector>

namespace taugate::cli {

/// In quotes where it needs them.
std::string csv_field(const std::string& text);

/// What stands between the commas; in double quotes, a field may hold commas, and quotes twice.
std::vector<std::string> csv_fields(const std::string& line);

}  // namespace taugate::cli
