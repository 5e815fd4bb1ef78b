#pragma once
// What the lists of rows (experiments.cpp, paper_rows.h, study_rows.h) are made with.

#include "study/experiments.h"

namespace taugate {

std::string times(const std::vector<int>& hidden);  ///< "64x32"

/// Widths of that many bits for weights, operand and carried state; gates of 8 bits with operands of
/// 8, else of 15.
QatOptions integers_of(int weights, int operand = 8, int state = 16);
/// The same on QKeras' fixed grid.
QatOptions on_grid(QatOptions integers);

class ExperimentBuilder {
 public:
  Experiment& add(Experiment e);
  Experiment& trained(const char* table, std::string id, std::string title, std::vector<int> hidden,
                      std::uint64_t samples);
  /// The same network as `from`, with integers after training.
  Experiment& quantized(const char* table, std::string id, std::string title,
                        const std::string& from, const QatOptions& integers);
  /// Trained on with integers, for `samples` traces at a rate of 1.5e-3.
  Experiment& tuned(const char* table, std::string id, std::string title, const std::string& from,
                    std::uint64_t samples, const QatOptions& integers, const char* teacher = "",
                    double alpha = 0.6, double beta = 0.0);
  std::vector<Experiment> rows;

 private:
  Experiment like(const char* table, std::string id, std::string title,
                  const std::string& from) const;
};

/// How much a scale spends on a row.
struct Budget {
  std::uint64_t set;          ///< of the fixed set of traces
  std::uint64_t two_layers;   ///< traces a row of table 1 ...
  std::uint64_t one_layer;    ///< ... and of table 3, all in all
  std::uint64_t fine_tuning;  ///< of those the last ones with integers
  std::uint64_t collapse;     ///< of a long row of the table of that name
  std::uint64_t kd;           ///< of a row of that table, however often each trace is seen
};

/// The teacher of all students that train on a fixed set.
inline constexpr const char* kFixedSetTeacher = "t64x64";

/// Our training on a fixed set: the defaults with shorter gradients.
void set_own_recipe(Experiment& e, const FixedSet& set);
/// The paper's, as far as it tells: Adam at a constant 0.001, the "mixed" loss (losses.h).
void set_paper_recipe(Experiment& e, const FixedSet& set);

}  // namespace taugate
