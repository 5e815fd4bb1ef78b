#pragma once
// What a narrow carried state does to a network of integers: which updates its write-back loses, and
// the rows that compare the kinds of write-back (docs/quantization.md, "The carried state").

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "taugate/quant/integer/integer_model.h"
#include "taugate/quant/qat/qat.h"

namespace taugate {

/// Updates d = (1 - z)(n - h) before they are written, against D, one unit of the stored state. The
/// reset gate writes no state and has no part in it but through n.
struct WriteMargin {
  double lost = 0.0;  ///< share with a write margin 2|d|/D < 1: to the nearest, nothing is written
  double mean_update = 0.0;  ///< mean of the update gate as it opens, 1 - z
  /// |n - h| below which nothing is written at that gate, D / (2 (1 - z)); infinite for a gate that
  /// never opened, beyond 2 where no update at all can be written.
  double dead_band = 0.0;
};

struct LayerMargins {
  std::string name;
  WriteMargin all;
  std::vector<WriteMargin> units;  ///< [H]
  std::vector<WriteMargin> steps;  ///< [T], over its units
};

struct WriteMargins {
  double unit = 0.0;  ///< D, as a real number
  WriteMargin all;
  double median_dead_band = 0.0;  ///< of all units
  std::vector<LayerMargins> layers;
};

/// Over every update of `traces` [N][T], normalised as in training. The same for any number of
/// threads. Errors as calibrate() for the traces and as IntegerModel::validate().
WriteMargins write_margins(const IntegerModel& model, std::span<const float> traces);
std::string to_json(const WriteMargins& margins);

/// A way to store the state, with names as tables show them.
struct StateStorage {
  std::string id;     ///< of letters, digits and '-'
  std::string title;  ///< "4 + 4 bits, feedback"
  int bits;           ///< b, of the state that multipliers read
  int residual = 0;   ///< r, stored beside them
  WriteBack write_back = WriteBack::nearest;
  bool head_reads_state = false;  ///< its residual, too

  int stored() const { return bits + residual; }
};

/// Plain rounding to 4, 6, 8, 10, 12 and 16 bits; and for a state of 4, 6 and 8 bits: stochastic
/// rounding, error feedback (16 bits stored), and residual memories of 2 and 4 bits, fed back or
/// carried wide (Widths::residual_bits of a state that is written to the nearest); both of 4 + 4
/// bits also with a head that reads all of them. States of 4 and 6 bits train better at a rate of
/// 5e-3 than at 1.5e-3.
std::vector<StateStorage> state_storages();

/// 8-bit weights, operands and gates, a candidate of 16 bits, and this state: only the state differs.
QatOptions state_options(const StateStorage& storage);

struct MarginPoint {
  double dead_band, rmse;  ///< median over units; error of the same network
  WriteBack write_back;
  std::string label;
};
/// Error against dead band, logarithmic both, a colour for each kind of write-back. Error without
/// gnuplot.
void draw_write_margin(const std::filesystem::path& path, const std::vector<MarginPoint>& points);

}  // namespace taugate
