// The paper's figures are what the paper prints, each has a row in the plan, and what is written of
// them is all of them.

#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "study/paper_figures.h"
#include "study/paper_tables.h"
#include "study/reproduction.h"
#include "taugate/core/file.h"
#include "temporary_folder.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && line[0] != '#') lines.push_back(line);
  return lines;
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
  return cells;
}

/// table,model,bits,method,metric of a line of either file, and its paper's figure.
std::pair<std::string, std::string> key_and_figure(const std::string& line) {
  const std::vector<std::string> c = cells_of(line);
  REQUIRE(c.size() >= 6);
  return {c[0] + ',' + c[1] + ',' + c[2] + ',' + c[3] + ',' + c[4], c[5]};
}

}  // namespace

TEST_CASE("the paper's three tables have 112 figures, and each has a row in the plan") {
  CHECK(paper_figures().size() == 112);
  const ExperimentPlan plan = plan_experiments("full", {"1", "2", "3"});
  std::set<std::string> rows;
  for (const Experiment& row : plan.rows)
    if (row.paper)
      CHECK(rows.insert(concat(row.table, row.paper->model, row.paper->bits, row.paper->method))
                .second);
  for (const PaperFigure& f : paper_figures()) {
    CAPTURE(f.model);
    CHECK(rows.count(concat(f.table, f.model, f.bits, f.method)) == 1);
    CHECK(f.deviation >= 0.0);
  }
  // Three that the paper's text repeats.
  CHECK(paper_figure("1", "seq2seq 64x16", 32, "float", "r2")->mean == 0.96);
  CHECK(paper_figure("3", "seq2seqlite 32x32", 8, "QAT", "rmse")->mean == 0.138);
  CHECK(paper_figure("3", "seq2seqlite 32x32", 8, "QAT+KD", "rmse")->mean == 0.01);
  CHECK(paper_figure("1", "seq2seq 128x128", 32, "float", "rmse") == nullptr);
}

TEST_CASE("the paper's figures are those of the file that was made from it" *
          doctest::test_suite("measured")) {
  const auto data = data_folder();
  if (!data) return;
  const fs::path source = *data / ".." / "paper" / "tables.csv";
  if (!fs::exists(source)) {
    data_are_absent = true;
    return;
  }
  CHECK(lines_of(read_file(source)) ==
        lines_of(read_file(fs::path(TAUGATE_SOURCE_DIR) / "src/study/paper_tables.csv")));
}

TEST_CASE("the committed results have every figure of the paper, unchanged") {
  const auto ours =
      lines_of(read_file(fs::path(TAUGATE_SOURCE_DIR) / "docs/results/paper-tables.csv"));
  REQUIRE(ours.size() > 1);
  CHECK(ours[0].rfind("table,model,bits,method,metric,paper,mean,deviation,seeds", 0) == 0);
  std::map<std::string, std::string> figures;
  for (std::size_t i = 1; i < ours.size(); ++i) figures.insert(key_and_figure(ours[i]));
  CHECK(figures.size() == ours.size() - 1);
  const auto theirs =
      lines_of(read_file(fs::path(TAUGATE_SOURCE_DIR) / "src/study/paper_tables.csv"));
  for (std::size_t i = 1; i < theirs.size(); ++i) {
    const auto [key, figure] = key_and_figure(theirs[i]);
    CAPTURE(key);
    REQUIRE(figures.count(key) == 1);
    CHECK(std::stod(figures.at(key)) == std::stod(figure));
  }
  for (std::size_t i = 1; i < ours.size(); ++i) {
    const std::vector<std::string> cells = cells_of(ours[i]);
    CAPTURE(ours[i]);
    REQUIRE(cells.size() >= 9);
    CHECK(std::isfinite(std::stod(cells[6])));
    CHECK(std::stoi(cells[8]) >= 1);
  }
}

TEST_CASE("what is written of the tables is arithmetic on their runs") {
  ExperimentPlan plan = plan_experiments("smoke", {"1", "2"});
  const TemporaryFolder temporary;
  ExperimentFolder folder(temporary.path, plan);
  const auto always = [](std::uint64_t, std::uint64_t) { return true; };
  const Experiment& row = plan.find("t64x16-ptq8");
  for (const int seed : {1, 2}) REQUIRE(folder.run(row, seed, always));
  const Findings found = findings_of(folder);
  const double a = found.runs.at(row.id).at(1).plate.channels[0].l2.mean;
  const double b = found.runs.at(row.id).at(2).plate.channels[0].l2.mean;
  bool seen = false;
  for (const std::string& line : lines_of(paper_tables_csv(found))) {
    if (line.rfind("2,seq2seq 64x16,8,PTQ,l2,", 0) != 0) continue;
    seen = true;
    const auto cells = cells_of(line);
    CHECK(cells[5] == "0.27");
    CHECK(close(std::stod(cells[6]), (a + b) / 2, 0.0, 1e-5));
    CHECK(close(std::stod(cells[7]), std::abs(a - b) / std::sqrt(2.0), 0.0, 1e-2));
    CHECK(cells[8] == "2");
    CHECK(close(std::stod(cells[10]), (a + b) / 2 / 0.27, 0.0, 1e-3));
  }
  CHECK(seen);
  const ReportSection section = paper_section(found, "2", "Table 2");
  REQUIRE(section.tables.size() == 2);
  for (const ReportTable& table : section.tables)
    for (const auto& cells : table.rows) CHECK(cells.size() == table.head.size());
}
