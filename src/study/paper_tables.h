#pragma once
// The paper's Tables 1 to 3 with its own figures beside ours.

#include "study/reproduction.h"

namespace taugate {

/// Tables 1 to 3 row by row and metric by metric, with the paper's figures: the columns that
/// docs/reproduction.md tells.
std::string paper_tables_csv(const Findings& found);
bool is_paper_table(const std::string& table);  ///< "1", "2", "3"
/// One of them as the paper prints it, and beside it on held-out traces of the prior.
ReportSection paper_section(const Findings& found, const std::string& table,
                            const std::string& title);

}  // namespace taugate
