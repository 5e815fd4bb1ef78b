// The plan of experiments is sound, a folder of them remembers what is done, and what is printed of
// them is their arithmetic.

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "study/reproduction.h"
#include "taugate/core/file.h"
#include "temporary_folder.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> kAll(std::begin(kTableNames), std::end(kTableNames));

bool always(std::uint64_t, std::uint64_t) { return true; }

}  // namespace

TEST_CASE("every row stands behind those that it needs, and no two share a name") {
  for (const std::string scale : {"smoke", "quick", "full"}) {
    const ExperimentPlan plan = plan_experiments(scale, kAll);
    std::set<std::string> before;
    for (const Experiment& row : plan.rows) {
      CAPTURE(row.id);
      CHECK(row.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos);
      for (const std::string& needed : {row.from, row.teacher})
        if (!needed.empty()) CHECK(before.count(needed) == 1);
      CHECK(before.insert(row.id).second);
      CHECK((row.origin == Origin::quantized) == (row.samples == 0));
      for (const std::string& needed : {row.from, row.teacher})
        if (!needed.empty()) CHECK(plan.find(needed).last <= row.last);
    }
    CHECK(plan.comparisons.size() >= 10);
  }
  const ExperimentPlan quick = plan_experiments("quick", kAll);
  CHECK(quick.seeds_of(quick.find("t128x128")) == 1);
  CHECK(quick.seeds_of(quick.find("t64x64")) == 2);
  CHECK(plan_experiments("full", kAll).seeds == 3);
}

TEST_CASE("jobs come seed by seed, each behind what it needs, the widest networks at the end") {
  const ExperimentPlan plan = plan_experiments("full", {"1", "2", "3"});
  const std::vector<Job> jobs = jobs_of(plan);
  std::size_t wanted = 0;
  for (const Experiment& row : plan.rows) wanted += static_cast<std::size_t>(plan.seeds_of(row));
  REQUIRE(jobs.size() == wanted);
  std::set<std::pair<std::string, int>> done;
  bool last = false;
  for (const auto& [row, seed] : jobs) {
    CAPTURE(row->id);
    CHECK(row->last >= last);
    last = row->last;
    if (!row->from.empty()) CHECK(done.count({row->from, seed}) == 1);
    if (!row->teacher.empty()) CHECK(done.count({row->teacher, 1}) == 1);
    CHECK(done.insert({row->id, seed}).second);
  }
  CHECK(last);
}

TEST_CASE("a row of the full tables has the paper's budget") {
  const ExperimentPlan plan = plan_experiments("full", {"1", "2", "3"});
  for (const Experiment& row : plan.rows)
    if (row.paper) {
      CAPTURE(row.id);
      CHECK(traces_behind(plan, row) == 3'920'000);
      for (const Experiment* e = &row; e; e = e->from.empty() ? nullptr : &plan.find(e->from))
        CHECK((!e->fixed || e->fixed->traces == 3'920'000));
    }
}

TEST_CASE("a table brings along what its rows need, and nothing more") {
  const ExperimentPlan plan = plan_experiments("quick", {"ablations"});
  std::set<std::string> tables;
  for (const Experiment& row : plan.rows) tables.insert(row.table);
  CHECK(tables == std::set<std::string>{"distillation", "students", "ablations"});
  CHECK_THROWS_AS(plan.find("t64x64"), Error);
  CHECK(plan.find("f32-start").table == "students");
  CHECK(plan.find("teacher").table == "distillation");
  CHECK_THROWS_AS(plan_experiments("quick", {"4"}), UsageError);
  CHECK_THROWS_AS(plan_experiments("huge", {"1"}), UsageError);
}

TEST_CASE("the sizes of the paper's networks") {
  const ExperimentPlan plan = plan_experiments("quick", {"1", "distillation"});
  const auto parameters = [&](const std::string& id) {
    const Experiment& row = plan.find(id);
    return Model({.gates = 70, .outputs = 1, .hidden = row.hidden}).published_parameter_count();
  };
  CHECK(parameters("t128x128") == 298881);
  // DESIGN's claim: 98 % fewer parameters.
  CHECK(parameters("s32") < 0.023 * static_cast<double>(parameters("t128x128")));
}

TEST_CASE("a folder does each run once, goes on after an interruption, and to the same figures") {
  const ExperimentPlan plan = plan_experiments("smoke", {"distillation"});
  TemporaryFolder a, b;
  ExperimentFolder whole(a.path, plan), halved(b.path, plan);
  const Experiment& row = plan.find("s16-kd");
  const auto result = whole.run(row, 1, always);
  REQUIRE(result.has_value());
  CHECK(whole.results(row).size() == 1);
  CHECK(whole.result(plan.find("teacher"), 1).has_value());  // it was needed
  CHECK(fs::exists(a.path / "models" / "s16-kd-1.safetensors"));

  int calls = 0;
  CHECK_FALSE(halved.run(row, 1, [&](std::uint64_t, std::uint64_t) { return ++calls < 2; }));
  CHECK(fs::exists(b.path / "models" / "teacher-1.checkpoint") !=
        halved.result(plan.find("teacher"), 1).has_value());
  std::optional<RunResult> again;
  for (int tries = 0; tries < 40 && !again; ++tries) {
    int left = 2 + tries;  // a validation is looked at more often than twice
    again = halved.run(row, 1, [&](std::uint64_t, std::uint64_t) { return --left > 0; });
  }
  REQUIRE(again.has_value());
  CHECK(again->test.channels[0].rmse.mean == result->test.channels[0].rmse.mean);
  CHECK(again->plate.channels[0].rmse.mean == result->plate.channels[0].rmse.mean);
  CHECK(read_file(a.path / "models" / "s16-kd-1.safetensors") ==
        read_file(b.path / "models" / "s16-kd-1.safetensors"));

  // Another recipe under the same name is not taken for this one's result.
  ExperimentPlan other = plan;
  for (Experiment& e : other.rows)
    if (e.id == "s16-kd") e.samples *= 2;
  CHECK_FALSE(ExperimentFolder(a.path, other).result(other.find("s16-kd"), 1).has_value());
  // Measured in another way, it is measured again and not trained again.
  other = plan;
  other.test_traces += 64;
  const auto time = fs::last_write_time(a.path / "models" / "s16-kd-1.safetensors");
  ExperimentFolder measured(a.path, other);
  CHECK_FALSE(measured.result(other.find("s16-kd"), 1).has_value());
  const auto once_more = measured.run(other.find("s16-kd"), 1, always);
  REQUIRE(once_more.has_value());
  CHECK(once_more->test.channels[0].rmse.mean != result->test.channels[0].rmse.mean);
  CHECK(once_more->seconds > result->seconds);
  CHECK(fs::last_write_time(a.path / "models" / "s16-kd-1.safetensors") == time);
  std::ofstream(a.path / "runs" / "s16-kd-1.json") << "{\"recipe\": ";
  CHECK_THROWS_WITH_AS((void)whole.result(row, 1), doctest::Contains("s16-kd-1.json"), Error);
}

TEST_CASE("means, deviations and intervals over seeds") {
  const OverSeeds s = over_seeds({1.0, 2.0, 6.0});
  CHECK(s.mean == 3.0);
  CHECK(close(s.deviation, std::sqrt(7.0), 0.0, 1e-14));
  CHECK(std::isnan(over_seeds({1.0}).deviation));

  ExperimentPlan plan = plan_experiments("smoke", {"distillation"});
  TemporaryFolder folder;
  ExperimentFolder runs(folder.path, plan);
  const Comparison comparison{"s16-kd", "s16", "", {}};
  CHECK(compare_rows(findings_of(runs), comparison).seeds == 0);
  for (const int seed : {1, 2})
    for (const char* id : {"s16-kd", "s16"}) REQUIRE(runs.run(plan.find(id), seed, always));
  const RatioOfRows r = compare_rows(findings_of(runs), comparison);
  CHECK(r.seeds == 2);
  const auto rmse = [&](const char* id, int seed) {
    return runs.result(plan.find(id), seed)->test.channels[0].rmse.mean;
  };
  const double d1 = rmse("s16-kd", 1) - rmse("s16", 1), d2 = rmse("s16-kd", 2) - rmse("s16", 2);
  const double base = (rmse("s16", 1) + rmse("s16", 2)) / 2, mean = (d1 + d2) / 2;
  // t(0.975, 1) = 12.706; the deviation of a mean of two is half their distance.
  const double half = 12.706 * std::abs(d1 - d2) / 2;
  CHECK(close(r.ratio, 1 + mean / base, 0.0, 1e-12));
  CHECK(close(r.low, 1 + (mean - half) / base, 1e-12, 1e-9));
  CHECK(close(r.high, 1 + (mean + half) / base, 1e-12, 1e-9));

  const std::string text =
      to_markdown(kReproductionTitle, reproduction_sections(findings_of(runs), "here"));
  CHECK(text.find("KD, 16 units, float | ") != std::string::npos);
  CHECK(text.find("| 32x32 | not run yet") != std::string::npos);
  const std::string csv = reproduction_csv(findings_of(runs));
  CHECK(csv.find("distillation,s16-kd,\"16x16, KD\",2,") != std::string::npos);
}
