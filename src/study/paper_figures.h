#pragma once
// The figures that Erbas et al. (NeurIPS 2024 workshop) print in their Tables 1 to 3
// (src/study/paper_tables.csv).

#include <string>
#include <vector>

namespace taugate {

struct PaperFigure {
  std::string table;   ///< "1", "2", "3"
  std::string model;   ///< "seq2seq 64x64"
  int bits = 0;        ///< of a weight
  std::string method;  ///< "float", "PTQ", "QAT", "QAT+KD"
  std::string metric;  ///< "rmse", "r2", "l2", "dtw"
  double mean = 0.0, deviation = 0.0;
};

/// All of them, in the file's order.
const std::vector<PaperFigure>& paper_figures();

/// Null where the paper has none.
const PaperFigure* paper_figure(const std::string& table, const std::string& model, int bits,
                                const std::string& method, const std::string& metric);

}  // namespace taugate
