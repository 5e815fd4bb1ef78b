#pragma once
// What is trained and quantized to carry out the tables of Erbas et al. (NeurIPS 2024 workshop),
// their later setting, and the ablations that explain them: a list of rows, each a network and the
// way it comes about.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "taugate/nn/distill.h"
#include "taugate/quant/qat/qat.h"

namespace taugate {

/// How a row's network comes about.
enum class Origin {
  trained,   ///< on `samples` fresh traces, with floats or with integers
  quantized  ///< after training, without a trace of its own but for calibration
};

struct Experiment {
  std::string id;     ///< of letters, digits and '-': names its files
  std::string table;  ///< "1", "2", "3", "later", "ablations"
  std::string title;
  std::vector<int> hidden;  ///< units of each layer of a side
  std::string preset = "ss2-70";
  int outputs = 1;  ///< C
  GruForm form = GruForm::reset_after;
  Activation activation = Activation::smooth;

  Origin origin = Origin::trained;
  std::uint64_t samples = 0;
  double rate = 5e-3;
  std::string from = {};  ///< row whose network is quantized, or whose weights are the first; or ""
  std::string teacher = {};  ///< row to distill from; or ""
  DistillOptions distill = {};
  std::optional<QatOptions> integers = {};
  bool weights_only = false;  ///< quantized: everything else stays float

  /// The paper's figures for it, where they are known to us.
  std::optional<double> paper_rmse = {}, paper_r2 = {};
  /// RMSE of the short and of the long component, for three outputs.
  std::vector<double> paper_components = {};
  int most_seeds = 1 << 20;  ///< a teacher needs only one
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
  std::size_t test_traces = 0;

  const Experiment& find(const std::string& id) const;  ///< Error where there is none
  int seeds_of(const Experiment& row) const;
};

/// `scale`: "quick" (2 seeds), "full" (5 seeds, the same traces a row, so that a full run takes
/// over the runs of a quick one) or "smoke" (2 seeds, hardly a trace: to see that everything
/// works). `tables`: which of the five; what their rows need comes along. UsageError for an unknown
/// one.
ExperimentPlan plan_experiments(const std::string& scale, const std::vector<std::string>& tables);

/// What one seed of a row costs, in multiply-accumulates, to tell how much time is left.
double cost_of(const ExperimentPlan& plan, const Experiment& row);

}  // namespace taugate
