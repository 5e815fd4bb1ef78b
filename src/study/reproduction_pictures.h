#pragma once
// The pictures of a reproduction: each table, what a network costs, and one decay in several widths.

#include <functional>

#include "study/reproduction.h"

namespace taugate {

struct ReproductionPicture {
  std::string name;     ///< of the file: "table-1.png"
  std::string caption;  ///< in a report
  std::function<void(const std::filesystem::path&)> draw;
};

/// Those that there are results for. They refer to `found`. Drawing fails without gnuplot.
std::vector<ReproductionPicture> reproduction_pictures(const Findings& found,
                                                       ExperimentFolder& folder);

}  // namespace taugate
