#pragma once
// Text: traces as other programs export them, and tables of results.

#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "taugate/core/file.h"
#include "taugate/fli/io/npy.h"

namespace taugate {

struct TextOptions {
  bool columns_are_traces = false;  ///< a line is a gate, each column a trace
};

/// Counts from text, [traces][bins]. One trace a line; values separated by ';', ',', a tab or
/// blanks (the first of these that a line has); '#' begins a comment; a first line without any
/// number is a header. Error, with line and field, for anything that is not a number, for NaN,
/// infinite and negative values, for lines of different lengths and for a file without values.
Array<float> read_text_traces(const std::filesystem::path& path, const TextOptions& options = {});

/// Writes a table as comma-separated text with a header line. NaN is written as "nan".
class CsvWriter {
 public:
  CsvWriter(const std::filesystem::path& path, std::span<const std::string> column_names);

  void row(std::span<const double> values);  ///< one value a column
  void row(std::initializer_list<double> values) { row({values.begin(), values.size()}); }
  void finish();

 private:
  OutputFile file_;
  std::size_t columns_;
  std::string line_;
};

}  // namespace taugate
