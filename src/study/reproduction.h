#pragma once
// What a folder of experiments has shown so far: the paper's tables with the paper's figures beside
// ours, comparisons with confidence intervals, for Markdown and reports, as CSV, JSON and pictures.

#include <map>
#include <string>
#include <vector>

#include "study/experiment_run.h"
#include "study/report.h"

namespace taugate {

/// The results of a plan's runs that are done, by row and seed; an entry for every row.
struct Findings {
  ExperimentPlan plan;
  std::map<std::string, std::map<int, RunResult>> runs;
};
/// Error for a damaged file.
Findings findings_of(ExperimentFolder& folder);

/// Mean and standard deviation (divisor n - 1; NaN for one value) over seeds.
struct OverSeeds {
  double mean = 0.0, deviation = 0.0;
  int n = 0;
};
OverSeeds over_seeds(const std::vector<double>& values);

/// The ratio of two rows' RMSE on the seeds that both have. `low` and `high`: 95 % confidence
/// interval of the mean difference (Student's t, paired by seed), as a ratio; NaN for one seed.
struct RatioOfRows {
  double ratio = 0.0, low = 0.0, high = 0.0;
  int seeds = 0;
};
RatioOfRows compare_rows(const Findings& found, const Comparison& comparison);

inline constexpr const char* kReproductionTitle = "The paper's tables, reproduced";
/// All tables, for to_markdown() and reports; `origin` (command, commit) stands at the top.
std::vector<ReportSection> reproduction_sections(const Findings& found, const std::string& origin);
/// One line a row: means and deviations over seeds.
std::string reproduction_csv(const Findings& found);
std::string reproduction_json(const Findings& found, const std::string& origin);

}  // namespace taugate
