#pragma once
// What is trained and quantized to carry out the tables of Erbas et al. (NeurIPS 2024 workshop),
// their later setting, and what explains them: a list of rows, each a network and the way it comes
// about.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "study/recipe.h"

namespace taugate {

/// How a row's network comes about.
enum class Origin {
  trained,   ///< on `samples` fresh traces, with floats or with integers
  quantized  ///< after training, without a trace of its own but for calibration
};

/// The names of a row in the paper's Tables 1 to 3 and in paper_figures.h.
struct PaperName {
  std::string model;   ///< "seq2seq 64x64"
  int bits = 32;       ///< of a weight
  std::string method;  ///< "float", "PTQ", "QAT", "QAT+KD"; ours beside them: "PTQ (integers)", ...
};

struct Experiment {
  std::string id;     ///< of letters, digits and '-': names its files
  std::string table;  ///< one of kTableNames
  std::string title;
  std::vector<int> hidden;  ///< units of each layer of a side
  std::string preset = "ss2-70";
  int outputs = 1;  ///< C
  GruForm form = GruForm::reset_after;
  Activation activation = Activation::smooth;

  Origin origin = Origin::trained;
  std::uint64_t samples = 0;
  double rate = 5e-3;
  Schedule::Kind schedule = Schedule::Kind::cosine;
  double clip_norm = 1.0;
  Loss loss = Loss::mse;
  std::optional<FixedSet> fixed = {};  ///< trained on that set in place of fresh traces
  std::string from = {};  ///< row whose network is quantized, or whose weights are the first; or ""
  std::string teacher = {};  ///< row to distill from; or ""
  DistillOptions distill = {};
  std::optional<QatOptions> integers = {};
  bool weights_only = false;  ///< quantized: everything else stays float

  std::optional<PaperName> paper = {};  ///< of Tables 1 to 3
  /// Of the authors' later work: their figures.
  std::optional<double> paper_rmse = {}, paper_r2 = {};
  /// RMSE of the short and of the long component, for three outputs.
  std::vector<double> paper_components = {};
  int most_seeds = 1 << 20;  ///< a teacher needs only one
  bool last = false;         ///< after all seeds of the others: what is dropped first
};

/// Two rows to compare, seed by seed: is RMSE(row) / RMSE(other) at most `wanted`?
struct Comparison {
  std::string row, other, what;
  std::optional<double> wanted;
};

struct ExperimentPlan {
  std::vector<Experiment> rows;  ///< a row stands behind those that it needs
  std::vector<Comparison> comparisons;
  int seeds = 0;
  std::size_t test_traces = 0;  ///< held-out traces of the training's prior
  int plate_side = 512;         ///< pixels of the emulated plate, N x N ...
  int plate_stride = 1;         ///< ... of which every so many-th row and column is measured

  const Experiment& find(const std::string& id) const;  ///< Error where there is none
  int seeds_of(const Experiment& row) const;
};

/// The paper's tables, and ours: one layer a side with and without a teacher, students in integers,
/// the authors' later setting, what bit widths cost, what makes 8 bits collapse, what a teacher is
/// good for, and how the state is written back.
inline constexpr const char* kTableNames[] = {
    "1", "2", "3", "distillation", "students", "later", "ablations", "collapse", "kd", "state"};
std::string table_names();  ///< "1, 2, ..."

/// `scale`: "full" (the paper's budget of 3,920,000 traces a row of its tables, 3 seeds), "quick"
/// (fewer traces, 2 seeds) or "smoke" (2 seeds, hardly a trace: to see that everything works).
/// `tables`: which; what their rows need comes along. UsageError for an unknown one.
ExperimentPlan plan_experiments(const std::string& scale, const std::vector<std::string>& tables);

/// One run to be done.
struct Job {
  const Experiment* row;
  int seed;
};
/// Seed after seed, so that an unfinished reproduction has whole tables of fewer seeds, and behind
/// them the rows that are `last`.
std::vector<Job> jobs_of(const ExperimentPlan& plan);

/// How many traces its weights have been trained on, those of the row that it goes on from too.
std::uint64_t traces_behind(const ExperimentPlan& plan, const Experiment& row);

/// The network of a row.
Seq2SeqConfig network_of(const Experiment& row);

}  // namespace taugate
