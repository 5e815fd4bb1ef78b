#pragma once
// Text: traces as other programs export them, and tables of results.

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "taugate/core/file.h"
#include "taugate/fli/formats/npy.h"

namespace taugate {

struct TextOptions {
  bool columns_are_traces = false;  ///< a line is a gate, each column a trace
};

/// What a file of text holds.
struct TextTraces {
  Array<float> traces;              ///< [traces][bins]
  std::optional<double> bin_ns;     ///< of a column of times, Horiba's, or of `taugate convert`
  std::optional<double> period_ns;  ///< of `taugate convert`
  double start_ns = 0.0;            ///< the first value of a column of times
  int width = 0;                    ///< of an image by `taugate convert`; 0: a list of traces
  bool horiba = false;
  bool either_way = false;  ///< nothing but the options says whether a line or a column is a trace
};

/// Counts from text: one trace a line; values separated by ';', ',', a tab or blanks (the first of
/// these that a line has); '#' begins a comment; a first line without any number, or a comment
/// before the numbers, names the columns. Error, with line and field, for anything that is not a
/// number, for NaN, infinite and negative counts, for lines of different lengths and for a file
/// without values.
///   Horiba DataStation   "Time calibration: 2.74E-02ns/ch", then a line "Chan Data" and a line a
///                        channel: its number and the counts of each curve
///   a column of times    "time_ns,counts" or "t [ps];A;B": each other column is a trace. Error for
///                        times that do not rise evenly or whose unit the name does not tell
///   a column of numbers  "channel,counts": the same, with bins of unknown width
///   taugate convert      a first line "# bin_ns=0.04 period_ns=12.5 width=128", each where known
///   one value a line     one trace, whatever the options say; a first value that is the number of
///                        the others is left out (FLIMLib's .dat)
/// Error also for a table that may be meant either way: many lines of few values, or a first column
/// without a name that rises evenly.
TextTraces read_text_file(const std::filesystem::path& path, const TextOptions& options = {});

/// Writes a table as comma-separated text with a header line. NaN is written as "nan".
class CsvWriter {
 public:
  CsvWriter(const std::filesystem::path& path, std::span<const std::string> column_names);

  void row(std::span<const double> values);  ///< one value a column
  void row(std::initializer_list<double> values) { row({values.begin(), values.size()}); }
  /// Rows 0 to count - 1, as values(row, to) gives them; called by several threads at once.
  void rows(std::size_t count,
            const std::function<void(std::size_t row, std::span<double> to)>& values);
  void finish();

 private:
  OutputFile file_;
  std::size_t columns_;
  std::string line_;
};

}  // namespace taugate
