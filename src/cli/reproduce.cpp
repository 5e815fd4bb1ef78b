#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <thread>

#include "cli/commands.h"
#include "cli/options/outputs.h"
#include "cli/options/ranks.h"
#include "cli/options/report_options.h"
#include "cli/options/verbosity.h"
#include "core/claims.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "study/paper_tables.h"
#include "study/reproduction_pictures.h"
#include "taugate/core/file.h"
#include "taugate/core/parallel.h"

namespace taugate::cli {
namespace {

namespace fs = std::filesystem;

/// What it wrote besides the tables: pictures or none.
bool write_results(const fs::path& output, ExperimentFolder& folder, const Arguments& a) {
  const Findings found = findings_of(folder);
  const std::string origin = concat("`taugate reproduce --tables ", a.text("tables"), " --scale ",
                                    a.text("scale"), "`, seeds 1 to ", found.plan.seeds,
                                    a.has("commit") ? ", commit " + a.text("commit") : "", ", ",
                                    found.plan.test_traces, " test traces.");
  const std::vector<ReportSection> tables = reproduction_sections(found, origin);
  write_file(output / "tables.md", to_markdown(kReproductionTitle, tables));
  write_file(output / "tables.csv", reproduction_csv(found));
  write_file(output / "paper-tables.csv", paper_tables_csv(found));
  write_file(a.maybe("json").value_or((output / "tables.json").string()),
             reproduction_json(found, origin));
  std::vector<ReproductionPicture> pictures;
  if (!a.has("no-pictures") && !interrupted()) pictures = reproduction_pictures(found, folder);
  for (const ReproductionPicture& picture : pictures) picture.draw(output / picture.name);
  if (!a.has("report") || interrupted()) return !pictures.empty();
  Report report = report_of(a, kReproductionTitle);
  for (const ReportSection& section : tables) report.section(section);
  if (!pictures.empty()) report.section("Pictures");
  for (const ReproductionPicture& picture : pictures) report.picture(picture.caption, picture.draw);
  report.provenance("folder of runs", output.string());
  report.write(a.text("report"));
  return !pictures.empty();
}

/// The runs of a plan, of which several processes on one folder each do some.
class Jobs {
 public:
  Jobs(ExperimentFolder& folder, const fs::path& output)
      : folder_(folder),
        jobs_(jobs_of(folder.plan())),
        seconds_(estimated_seconds(folder.plan())),
        claims_(output / "runs" / ".claims"),
        done_(jobs_.size()) {
    double total = 0.0;
    for (const Job& job : jobs_) total += seconds_.at(job.row->id);
    look();
    std::printf(
        "%zu runs, some %s on this machine with %d threads; %td of them are done, %s are left\n",
        jobs_.size(), format_seconds(total).c_str(), thread_count(),
        std::count(done_.begin(), done_.end(), true),
        format_seconds(total - seconds_done_).c_str());
    std::fflush(stdout);
    progress_.emplace(shown_progress("reproduce", "s of work", total, seconds_done_));
  }

  /// Does what nobody else does, in order, until nothing is left to begin. False where Ctrl-C came first.
  bool run() {
    while (true) {
      bool worked = false, waits = false;
      for (std::size_t i = 0; i < jobs_.size(); ++i) {
        if (done(i)) continue;
        if (!folder_.ready(*jobs_[i].row, jobs_[i].seed)) {
          waits = true;  // for a run of another process, or one further down
          continue;
        }
        const std::uint64_t piece = fnv1a(name_of(jobs_[i]));
        if (!claims_.take(piece)) continue;
        if (!done(i) && !run(i)) return false;
        claims_.release(piece);
        worked = true;
      }
      if (!waits) return !interrupted();
      if (interrupted()) return false;
      if (!worked) std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  }

  /// How many nobody has done yet.
  std::ptrdiff_t left() {
    look();
    return std::count(done_.begin(), done_.end(), false);
  }

 private:
  static std::string name_of(const Job& job) { return concat(job.row->id, ", seed ", job.seed); }

  bool done(std::size_t i) {
    const auto& [row, seed] = jobs_[i];
    if (!done_[i] && folder_.result(*row, seed)) {
      done_[i] = true;
      seconds_done_ += seconds_.at(row->id);
    }
    return done_[i];
  }
  void look() {
    for (std::size_t i = 0; i < jobs_.size(); ++i) done(i);
  }

  bool run(std::size_t i) {
    const auto& [row, seed] = jobs_[i];
    const double cost = seconds_.at(row->id);
    const auto result = folder_.run(*row, seed, [&](std::uint64_t traces, std::uint64_t of) {
      progress_->update(
          seconds_done_ + cost * static_cast<double>(traces) / static_cast<double>(of),
          name_of(jobs_[i]));
      return !interrupted();
    });
    if (!result || interrupted()) return false;
    std::printf("%3zu/%zu  %-20s seed %d  RMSE %.5f  R2 %.4f  plate %.5f  %s\n", i + 1,
                jobs_.size(), row->id.c_str(), seed, result->test.channels[0].rmse.mean,
                result->test.channels[0].r2.mean, result->plate.channels[0].rmse.mean,
                format_seconds(result->seconds).c_str());
    std::fflush(stdout);
    return done(i);
  }

  ExperimentFolder& folder_;
  std::vector<Job> jobs_;
  std::map<std::string, double> seconds_;
  Claims claims_;
  std::vector<bool> done_;
  double seconds_done_ = 0.0;
  std::optional<Progress> progress_;
};

}  // namespace

int reproduce(int argc, char** argv) {
  Arguments a("reproduce", "[--tables LIST] [--scale quick|full] [-o FOLDER]",
              "Trains, distills and quantizes every row of the paper's tables and writes them with "
              "the paper's figures beside. What a folder already holds is not done again.");
  const auto otherwise = [](const char* text) {
    return cxxopts::value<std::string>()->default_value(text);
  };
  a.group("")("o,output", "folder of runs, models, tables and pictures", otherwise("reproduction"),
              "FOLDER")("tables", "some of " + table_names(), otherwise("1,2,3"), "LIST")(
      "scale",
      "quick (2 seeds), full (the paper's budget, 3 seeds) or smoke (to see that it works)",
      otherwise("quick"), "SCALE")("json", "write all figures here (default: FOLDER/tables.json)",
                                   cxxopts::value<std::string>(), "FILE")(
      "seeds", "how many a row, whatever the scale", cxxopts::value<std::string>(), "N")(
      "commit", "to note in the results", cxxopts::value<std::string>(), "NAME")(
      "no-pictures", "draw nothing")("tables-only", "run nothing; write what there is");
  add_report(a);
  add_threads(a);
  if (!a.parse(argc, argv)) return kSuccess;
  Ranks& all = ranks();
  use_threads(a);
  ExperimentPlan plan = plan_experiments(a.text("scale"), a.texts("tables"));
  if (a.has("seeds")) {
    const std::uint64_t seeds = a.count("seeds");
    if (seeds < 1 || seeds > 100) fail_usage("--seeds: found ", seeds, ", wanted 1 to 100");
    plan.seeds = static_cast<int>(seeds);
  }
  check_outputs(a, {"json", "report"},
                in_output_folder(a, {"tables.md", "tables.csv", "paper-tables.csv"}));
  check_pictures(a);
  const fs::path output = a.text("output");
  if (a.has("tables-only") && !fs::exists(output / "runs"))
    fail(output.string(), ": holds no runs; leave out --tables-only");
  ExperimentFolder folder(output, plan);
  bool finished = true;
  std::ptrdiff_t left = 0;
  if (!a.has("tables-only")) {
    Jobs jobs(folder, output);
    finished = !all.any(!jobs.run());  // the first rank waits for the others
    if (all.rank() > 0) return finished ? kSuccess : kInterrupted;
    left = finished ? jobs.left() : 0;
  }
  const bool pictures = write_results(output, folder, a);
  if (!finished) {
    std::cout << "stopped; the same command goes on. Tables so far: "
              << (output / "tables.md").string() << '\n';
    return kInterrupted;
  }
  if (left > 0) std::cout << "other processes still do " << left << " runs; without them:\n";
  std::cout << "wrote " << (output / "tables.md").string()
            << ", tables.csv, paper-tables.csv, tables.json" << (pictures ? " and pictures" : "")
            << '\n';
  return kSuccess;
}

}  // namespace taugate::cli
