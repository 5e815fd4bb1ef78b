#pragma once
// The paper's tables as pictures, what a network costs beside what it is worth, and one decay as
// networks of several widths see it. Error without gnuplot, or where there is nothing to draw.

#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "study/plate.h"
#include "taugate/fli/estimation/metrics.h"

namespace taugate {

/// An RMSE, and its standard deviation over seeds (or pixels). A mean of NaN is not drawn, nor is a
/// deviation of NaN or 0.
struct PaperRow {
  std::string name;                 ///< as the paper calls it: "32×32 w/ KD, 8 bits"
  std::vector<MeanStddev> ours;     ///< one a series
  std::optional<MeanStddev> paper;  ///< its own figure
};
/// The RMSE of a table's rows, one below the other, on a logarithmic axis: ours, one point for each
/// of `series` (how it was quantized, say), and the paper's.
void draw_paper_table(const std::filesystem::path& path, const std::vector<std::string>& series,
                      std::span<const PaperRow> rows);

struct CostPoint {
  std::string kind;    ///< "two layers a side": a shape of points each, at most six of them
  int bits = 32;       ///< of the weights: a colour each
  MeanStddev rmse;     ///< over seeds
  double bytes = 0.0;  ///< of the model
  double multiply_accumulates = 0.0;  ///< a trace
  std::optional<double> cycles;       ///< of the RTL, a pixel: none where it does not run it
};
/// RMSE against bytes, multiply-accumulates and cycles, in three panels. One in which no point has
/// a figure is left out.
void draw_cost(const std::filesystem::path& path, std::span<const CostPoint> points);

/// A pixel: all curves [T], with peak 1.
struct DecayPicture {
  double gate_step_ns = 0.0;
  std::vector<float> tpsf, sfd;  ///< as recorded, and the truth
  struct Output {
    std::string name;  ///< "8 bits"
    int bits = 32;     ///< a colour each, as in draw_cost()
    std::vector<float> sfd;
  };
  std::vector<Output> outputs;
};
/// A pixel of a plate as models of its gates and channels see it.
struct NamedModel {
  std::string name;
  int bits = 32;
  const TraceModel* model = nullptr;
};
DecayPicture decay_picture(const Plate& plate, std::size_t place,
                           std::span<const NamedModel> models);
/// TPSF, true SFD and the networks' SFDs, and below what these are off.
void draw_decay(const std::filesystem::path& path, const DecayPicture& picture);

}  // namespace taugate
