#include "study/paper_tables.h"

#include <limits>

#include "study/paper_figures.h"
#include "study/row_figures.h"
#include "taugate/core/error.h"

namespace taugate {
namespace {

using Channel = RunScores::Channel;

struct Metric {
  const char *key, *title;
  int digits;
  MeanStddev Channel::*of;
};
constexpr Metric kMetrics[] = {{"rmse", "RMSE", 4, &Channel::rmse},
                               {"r2", "R²", 3, &Channel::r2},
                               {"l2", "L2", 3, &Channel::l2},
                               {"dtw", "DTW", 3, &Channel::dtw}};

using Scores = RunScores RunResult::*;

/// One cell: the mean over seeds, its deviation over them, and the mean deviation over pixels.
struct Cell {
  OverSeeds seeds;
  double pixels;
};
Cell cell_of(const std::map<int, RunResult>& runs, Scores data, const Metric& metric) {
  const auto value = [&](const RunResult& r) {
    const MeanStddev& of = (r.*data).channels[0].*metric.of;
    // The paper's is a mean over pixels: its L2 is its RMSE times the root of T.
    return metric.of == &Channel::rmse ? rmse_of_traces(of) : of;
  };
  return {over_runs(runs, [&](const RunResult& r) { return value(r).mean; }),
          over_runs(runs, [&](const RunResult& r) { return value(r).deviation; }).mean};
}

const PaperFigure* paper_of(const Experiment& row, const Metric& metric) {
  return paper_figure(row.table, row.paper->model, row.paper->bits, row.paper->method, metric.key);
}

std::string in_words(const Cell& cell, int digits) {
  return formatted("%.*f ± %.*f", digits, cell.seeds.mean, digits, cell.pixels) +
         (cell.seeds.n > 1 ? formatted(" ± %.*f", digits + 1, cell.seeds.deviation) : "");
}

std::string number(double value, int digits) {
  return std::isfinite(value) ? formatted("%.*g", digits, value) : std::string();
}

}  // namespace

bool is_paper_table(const std::string& table) {
  return table == "1" || table == "2" || table == "3";
}

ReportSection paper_section(const Findings& found, const std::string& table,
                            const std::string& title) {
  ReportTable plate{"On the emulated plate of AF700", {"model", "bits", "method"}, {}};
  ReportTable held_out{
      "On held-out traces of the training's prior", {"model", "bits", "method"}, {}};
  for (const Metric& m : kMetrics) {
    plate.head.insert(plate.head.end(), {m.title, "paper", "ratio"});
    held_out.head.push_back(m.title);
  }
  plate.head.push_back("seeds");
  held_out.head.insert(held_out.head.end(), {"traces trained on", "seeds"});
  for (const Experiment& row : found.plan.rows) {
    if (row.table != table || !row.paper) continue;
    const auto& runs = found.runs.at(row.id);
    const std::vector<std::string> name{row.paper->model, concat(row.paper->bits),
                                        row.paper->method};
    plate.rows.push_back(name);
    held_out.rows.push_back(name);
    for (const Metric& m : kMetrics) {
      if (runs.empty()) break;
      const Cell ours = cell_of(runs, &RunResult::plate, m);
      const PaperFigure* paper = paper_of(row, m);
      plate.rows.back().insert(
          plate.rows.back().end(),
          {in_words(ours, m.digits), paper ? concat(paper->mean, " ± ", paper->deviation) : "",
           paper ? formatted("%.2f", ours.seeds.mean / paper->mean) : ""});
      held_out.rows.back().push_back(in_words(cell_of(runs, &RunResult::test, m), m.digits));
    }
    const std::string seeds = runs.empty() ? "not run yet" : concat(runs.size());
    plate.rows.back().resize(plate.head.size() - 1);
    plate.rows.back().push_back(seeds);
    held_out.rows.back().resize(held_out.head.size() - 2);
    held_out.rows.back().insert(held_out.rows.back().end(),
                                {concat(traces_behind(found.plan, row)), seeds});
  }
  return {title,
          {"Ours: mean ± standard deviation over pixels ± standard deviation over seeds. The "
           "paper's: as printed, measured on its plate. First the emulated plate, then held-out "
           "traces of the training's prior."},
          {std::move(plate), std::move(held_out)}};
}

std::string paper_tables_csv(const Findings& found) {
  std::string out =
      "table,model,bits,method,metric,paper,mean,deviation,seeds,paper_deviation,ratio,"
      "pixel_deviation,held_out_mean,held_out_deviation,held_out_pixel_deviation,traces\n";
  for (const Experiment& row : found.plan.rows) {
    const auto& runs = found.runs.at(row.id);
    if (!row.paper || runs.empty()) continue;
    for (const Metric& m : kMetrics) {
      const Cell plate = cell_of(runs, &RunResult::plate, m);
      const Cell test = cell_of(runs, &RunResult::test, m);
      const PaperFigure* paper = paper_of(row, m);
      out += concat(row.table, ',', row.paper->model, ',', row.paper->bits, ',', row.paper->method,
                    ',', m.key, ',', paper ? concat(paper->mean) : "", ',',
                    number(plate.seeds.mean, 6), ',', number(plate.seeds.deviation, 3), ',',
                    runs.size(), ',', paper ? concat(paper->deviation) : "", ',',
                    paper ? number(plate.seeds.mean / paper->mean, 4) : "", ',',
                    number(plate.pixels, 4), ',', number(test.seeds.mean, 6), ',',
                    number(test.seeds.deviation, 3), ',', number(test.pixels, 4), ',',
                    traces_behind(found.plan, row), '\n');
    }
  }
  return out;
}

}  // namespace taugate
