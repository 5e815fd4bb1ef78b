#include "study/reproduction.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/progress.h"
#include "study/paper_tables.h"
#include "study/row_figures.h"
#include "taugate/core/error.h"

namespace taugate {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Table {
  const char *name, *title;
};
constexpr Table kTables[] = {
    {"1", "Table 1: weight reduction, two layers a side"},
    {"2", "Table 2: the same networks quantized after training"},
    {"3", "Table 3: one layer a side, trained with integers"},
    {"distillation", "One layer a side, without and with distillation"},
    {"students", "Students in integers"},
    {"later", "The authors' later setting: T = 135, full, short and long component"},
    {"ablations", "Ablations: 32 units, 8 bits, QAT from the start of the students"},
    {"collapse", "What makes 8 bits collapse: 32 units from scratch"},
    {"kd", "What a teacher is good for: 32 units on fixed sets of traces"},
    {"state", "How the state is written back: 32 units"}};

/// Two-sided 95 % quantile of Student's t.
double student_t(int freedom) {
  constexpr double quantiles[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262};
  return freedom <= 9 ? quantiles[freedom - 1] : 1.96 + 2.4 / freedom;
}

std::string known(const std::optional<double>& paper, int digits) {
  return paper ? formatted("%.*f", digits, *paper) : "";
}

std::vector<std::string> row_of(const Findings& found, const Experiment& row) {
  const auto& runs = found.runs.at(row.id);
  const int wanted = found.plan.seeds_of(row);
  if (runs.empty()) return {row.title, "not run yet"};
  const auto cell = [&](const char* key, bool sign = false) {
    const Column& c = column(key);
    return mean_stddev(over_runs(runs, c.get), c.digits, sign);
  };
  const RunResult& one = runs.begin()->second;
  return {
      row.title,
      cell("rmse"),
      known(row.paper_rmse, 4),
      cell("r2"),
      known(row.paper_r2, 3),
      cell("l2"),
      cell("dtw"),
      cell("lifetime_bias_ns", true) + "; " + cell("lifetime_deviation_ns"),
      cell("plate_rmse"),
      cell("plate_r2"),
      cell("plate_lifetime_bias_ns", true) + "; " + cell("plate_lifetime_deviation_ns"),
      concat(one.parameters),
      concat(one.file_bytes),
      concat(one.multiply_accumulates),
      concat(runs.size(), static_cast<int>(runs.size()) < wanted ? concat(" of ", wanted) : "")};
}

/// Short and long component, for rows with three outputs.
void append_components(ReportTable& table, const Findings& found, const Experiment& row) {
  const auto& runs = found.runs.at(row.id);
  if (runs.empty() || runs.begin()->second.test.channels.size() < 3) return;
  const char* names[] = {"full", "short", "long"};
  std::vector<std::optional<double>> paper{row.paper_rmse};
  paper.insert(paper.end(), row.paper_components.begin(), row.paper_components.end());
  paper.resize(3);
  for (std::size_t c = 0; c < 3; ++c) {
    const OverSeeds rmse =
        over_runs(runs, [&](const RunResult& r) { return r.test.channels[c].rmse.mean; });
    table.rows.push_back({row.title, names[c], mean_stddev(rmse, 5), known(paper[c], 4)});
  }
}

/// What the write-back of a row loses.
void append_margins(ReportTable& table, const Findings& found, const Experiment& row) {
  const auto& runs = found.runs.at(row.id);
  if (runs.empty() || !runs.begin()->second.dead_band) return;
  const OverSeeds lost =
      over_runs(runs, [](const RunResult& r) { return 100.0 * *r.lost_updates; });
  const OverSeeds band = over_runs(runs, [](const RunResult& r) { return *r.dead_band; });
  table.rows.push_back({row.title, concat(row.integers->quantize.widths.state_frac_bits + 1),
                        mean_stddev(lost, 1), mean_stddev(band, 4)});
}

ReportSection section_of(const Findings& found, const Table& table) {
  ReportTable rows{
      "",
      {"model", "RMSE", "paper", "R²", "paper", "L2", "DTW", "lifetime bias; deviation (ns)",
       "plate RMSE", "plate R²", "plate lifetime bias; deviation (ns)", "parameters",
       "file (bytes)", "MACs a trace", "seeds"},
      {}};
  ReportTable components{"", {"model", "channel", "RMSE", "paper"}, {}};
  ReportTable margins{"What the write-back loses",
                      {"model", "bits stored", "updates with a margin below 1 (%)",
                       "dead band of |n - h|, median unit"},
                      {}};
  for (const Experiment& row : found.plan.rows) {
    if (row.table != table.name) continue;
    rows.rows.push_back(row_of(found, row));
    rows.rows.back().resize(rows.head.size());
    append_components(components, found, row);
    append_margins(margins, found, row);
  }
  ReportSection section{table.title, {}, {std::move(rows)}};
  for (ReportTable* more : {&components, &margins})
    if (!more->rows.empty()) section.tables.push_back(std::move(*more));
  return section;
}

ReportSection comparisons_of(const Findings& found) {
  ReportTable rows{"", {"what", "ratio", "95 % interval", "aim", "seeds"}, {}};
  for (const Comparison& c : found.plan.comparisons) {
    const RatioOfRows r = compare_rows(found, c);
    if (r.seeds == 0) continue;
    rows.rows.push_back({c.what, formatted("%.4f", r.ratio),
                         r.seeds > 1 ? formatted("%.4f to %.4f", r.low, r.high) : std::string(),
                         c.wanted ? formatted("at most %.2f", *c.wanted) : std::string(),
                         concat(r.seeds)});
  }
  return {"Comparisons",
          {"RMSE of one row over that of another, mean over the seeds that both have; 95 % "
           "confidence interval of the mean difference, paired by seed."},
          {std::move(rows)}};
}

bool in_plan(const ExperimentPlan& plan, const char* table) {
  return std::any_of(plan.rows.begin(), plan.rows.end(),
                     [&](const Experiment& row) { return row.table == table; });
}

/// How long all runs took.
std::string time_taken(const Findings& found) {
  double seconds = 0.0, processor = 0.0;
  std::size_t runs = 0;
  for (const Experiment& row : found.plan.rows)
    for (const auto& [seed, run] : found.runs.at(row.id)) {
      seconds += run.seconds;
      processor += run.processor_seconds;
      ++runs;
    }
  return concat(runs, " runs, ", format_seconds(seconds), " by the clock, ",
                format_seconds(processor), " of processor time.");
}

}  // namespace

Findings findings_of(ExperimentFolder& folder) {
  Findings found{folder.plan(), {}};
  for (const Experiment& row : found.plan.rows) found.runs[row.id] = folder.results(row);
  return found;
}

OverSeeds over_seeds(const std::vector<double>& values) {
  OverSeeds s{0.0, kNaN, static_cast<int>(values.size())};
  for (const double v : values) s.mean += v / s.n;
  if (s.n < 2) return s;
  double squares = 0.0;
  for (const double v : values) squares += (v - s.mean) * (v - s.mean);
  s.deviation = std::sqrt(squares / (s.n - 1));
  return s;
}

RatioOfRows compare_rows(const Findings& found, const Comparison& comparison) {
  const auto& ours = found.runs.at(comparison.row);
  const auto& theirs = found.runs.at(comparison.other);
  std::vector<double> differences, others;
  for (const auto& [seed, run] : ours)
    if (const auto it = theirs.find(seed); it != theirs.end()) {
      const double a = run.test.channels[0].rmse.mean, b = it->second.test.channels[0].rmse.mean;
      differences.push_back(a - b);
      others.push_back(b);
    }
  const int n = static_cast<int>(others.size());
  if (n == 0) return {kNaN, kNaN, kNaN, 0};
  const OverSeeds difference = over_seeds(differences);
  const double base = over_seeds(others).mean;
  const double half = n > 1 ? student_t(n - 1) * difference.deviation / std::sqrt(n) : kNaN;
  return {1.0 + difference.mean / base, 1.0 + (difference.mean - half) / base,
          1.0 + (difference.mean + half) / base, n};
}

std::vector<ReportSection> reproduction_sections(const Findings& found, const std::string& origin) {
  std::vector<ReportSection> sections{
      {"",
       {origin + ' ' + time_taken(found),
        "Mean ± standard deviation over seeds. Test: simulated traces of the training's prior that "
        "no training saw. Plate: an emulated well plate of AF700, mono-exponential with 1.0 ns, "
        "with IRFs, counts and noise of its own. \"paper\": the authors' figure for that network, "
        "on their data, where there is one."}}};
  for (const Table& table : kTables)
    if (in_plan(found.plan, table.name))
      sections.push_back(is_paper_table(table.name) ? paper_section(found, table.name, table.title)
                                                    : section_of(found, table));
  sections.push_back(comparisons_of(found));
  return sections;
}

std::string reproduction_csv(const Findings& found) {
  std::string out = "table,id,title,seeds,parameters,file_bytes,multiply_accumulates,samples";
  for (const Column& c : kColumns) out += concat(',', c.key, ',', c.key, "_deviation");
  out += ",paper_rmse,paper_r2\n";
  for (const Experiment& row : found.plan.rows) {
    const auto& runs = found.runs.at(row.id);
    if (runs.empty()) continue;
    const RunResult& one = runs.begin()->second;
    out += concat(row.table, ',', row.id, ",\"", row.title, "\",", runs.size(), ',', one.parameters,
                  ',', one.file_bytes, ',', one.multiply_accumulates, ',', row.samples);
    for (const Column& c : kColumns) {
      const OverSeeds s = over_runs(runs, c.get);
      out += formatted(",%.8g,", s.mean) + (s.n > 1 ? formatted("%.4g", s.deviation) : "");
    }
    out += ',' + known(row.paper_rmse, 4) + ',' + known(row.paper_r2, 3) + '\n';
  }
  return out;
}

std::string reproduction_json(const Findings& found, const std::string& origin) {
  nlohmann::json all{{"origin", origin}};
  for (const Experiment& row : found.plan.rows) {
    nlohmann::json entry{{"table", row.table}, {"id", row.id}, {"title", row.title}};
    entry["samples"] = row.samples;
    if (row.paper)
      entry.update(
          {{"model", row.paper->model}, {"bits", row.paper->bits}, {"method", row.paper->method}});
    if (row.paper_rmse) entry["paper_rmse"] = *row.paper_rmse;
    if (row.paper_r2) entry["paper_r2"] = *row.paper_r2;
    entry["runs"] = nlohmann::json::array();
    for (const auto& [seed, run] : found.runs.at(row.id)) {
      nlohmann::json figures{
          {"seed", seed}, {"seconds", run.seconds}, {"processor_seconds", run.processor_seconds}};
      for (const Column& c : kColumns) figures[c.key] = c.get(run);  // NaN becomes null
      if (run.dead_band)
        figures.update({{"dead_band", *run.dead_band}, {"lost_updates", *run.lost_updates}});
      entry["parameters"] = run.parameters;
      entry["file_bytes"] = run.file_bytes;
      entry["multiply_accumulates"] = run.multiply_accumulates;
      entry["runs"].push_back(figures);
    }
    all["rows"].push_back(entry);
  }
  for (const Comparison& c : found.plan.comparisons)
    if (const RatioOfRows r = compare_rows(found, c); r.seeds > 0) {
      nlohmann::json entry{
          {"row", c.row}, {"other", c.other}, {"ratio", r.ratio}, {"seeds", r.seeds}};
      if (r.seeds > 1) entry["interval"] = {r.low, r.high};
      if (c.wanted) entry["wanted"] = *c.wanted;
      all["comparisons"].push_back(entry);
    }
  return all.dump(1) + "\n";
}

}  // namespace taugate
