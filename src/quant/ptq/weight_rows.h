#pragma once
// How a float weight becomes an integer: shared by quantize(), which makes a model of the integers,
// and by training with them (qat.h). What works on single rows does not allocate.

#include <span>
#include <vector>

#include "taugate/quant/ptq/quantize.h"

namespace taugate {

/// A row of accumulators in real numbers: bias + sum of weights times operands.
struct WeightRow {
  const float* input = nullptr;  ///< [inputs]
  int inputs = 0;
  const float* recurrent = nullptr;  ///< [fan_in]
  int fan_in = 0;                    ///< recurrent operands
  double bias = 0.0;
  int fraction = 0;          ///< fraction bits of what the weights multiply
  int preact_frac_bits = 0;  ///< of what the accumulator becomes

  double largest_weight() const;
};

/// A GRU layer's weights, gates in the order r, z, n.
struct LayerWeights {
  Matrix<const float> input, recurrent;   ///< [3H][I] or none, [3H][H]
  const float* bias = nullptr;            ///< [3H]
  const float* recurrent_bias = nullptr;  ///< [3H]; reset_after only

  int hidden() const { return recurrent.cols; }
  int row_count(GruForm form) const {
    return (form == GruForm::reset_after ? 4 : 3) * recurrent.cols;
  }
  /// Row i of WeightScales::layers.
  WeightRow row(int i, GruForm form, const Widths& widths) const;
};

WeightRow head_row(Matrix<const float> weights, const float* bias, int c, const Widths& widths);

/// Of a model: its layer k (encoder first; Error for a weight that is not finite), and all rows of
/// it and of its head, in WeightScales' order.
LayerWeights layer_weights(const Model& model, std::size_t k);
std::vector<WeightRow> layer_rows(const Model& model, std::size_t k, const Widths& widths);
std::vector<WeightRow> head_rows(const Model& model, const Widths& widths);
/// Of the second head; empty without one.
std::vector<WeightRow> encoder_head_rows(const Model& model, const Widths& widths);
/// The same widths with a head that reads operands, as the second one always does.
Widths reading_operands(Widths widths);

/// The scales that the options ask for: one a row.
void find_scales(std::span<const WeightRow> rows, const QuantizeOptions& options,
                 std::span<double> scales);

/// Scales of learned base-2 logarithms (one a row, or one for all), raised where a row needs it and
/// rounded as the options ask.
void learned_scales(std::span<const WeightRow> rows, const float* log2_scales, bool per_row,
                    const QuantizeOptions& options, std::span<double> scales);

/// The smallest scale that the row's bias and the pre-activation's precision allow.
double least_scale(const WeightRow& row, const Widths& widths);

/// weight / scale, halves to even, saturating at +-(2^(bits-1) - 1).
std::int16_t integer_weight(double weight, double scale, int bits);
/// The bias in units of the row's accumulator. Error beyond 2^62 of them.
std::int64_t integer_bias(const WeightRow& row, double scale);
Requantizer requantizer_of(const WeightRow& row, double scale);

}  // namespace taugate
