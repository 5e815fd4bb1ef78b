#pragma once
// One row of a table for a file, or for each label of its mask.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/results/pixel_results.h"

namespace taugate::cli {

struct TableRow {
  std::string channel = {}, frame = {}, label = {};  ///< empty where there are none
  std::size_t pixels = 0;
  std::vector<double> values = {};  ///< of the columns of the table; NaN: an empty field
  std::string flag = {};            ///< "ok", or a word for what is the matter
  std::string reason = {};          ///< of "failed"
};

/// A column of the table, and the map that it is taken from; the unit is in the name.
struct TableColumn {
  TableColumn(const char* column) : name(column), map(column) {}
  TableColumn(const char* column, const char* from) : name(column), map(from) {}

  const char* name;
  const char* map;
};

/// What a command found of each trace of a file.
struct TraceResults {
  Maps maps;
  std::vector<std::string> flags;  ///< [N]
  std::vector<std::uint8_t> used;  ///< [N] whether statistics over pixels count it
};

inline constexpr const char* kTooFewCounts = "too few counts";

/// Names of the values of a row: the columns, then how many pixels have a lifetime that counts, and
/// their median and percentiles.
std::vector<std::string> value_names(const std::vector<TableColumn>& columns);

/// A row for each label where there is a mask: of its summed decay, or, where its pixels were kept
/// apart (no label_pixels), means over them with deviations over them; its flag is then the
/// commonest of its pixels. Else one row, of the only trace, or of `summed`, the decay of all of them.
/// `channel`: of the detector, from 1; 0: none.
std::vector<TableRow> rows_of(const std::vector<TableColumn>& columns, const TraceResults& traces,
                              const std::vector<int>& labels, const std::vector<int>& label_pixels,
                              const std::optional<TraceResults>& summed, int channel);

}  // namespace taugate::cli
