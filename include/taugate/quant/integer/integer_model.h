#pragma once
// A quantized network: nothing but integers, and the version of the arithmetic that they were made
// for. What its layers read and start from is in its description, as of a float network; all have one
// form and one kind of activation.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "taugate/nn/network.h"
#include "taugate/quant/integer/arithmetic.h"

namespace taugate {

/// A matrix of integer weights.
struct IntegerRows {
  int rows = 0, cols = 0;             ///< cols = 0: rows that read only zeros
  std::vector<std::int16_t> weights;  ///< [rows][cols], row-major

  const std::int16_t* row(int r) const {
    return weights.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(cols);
  }
};

struct IntegerLayer {
  int inputs = 0;         ///< I; 0 where the input is zero
  int hidden = 0;         ///< H
  IntegerRows input;      ///< W [3H][I], gates r, z, n
  IntegerRows recurrent;  ///< U [3H][H]
  /// First operands of the accumulators, in their units: [3H], r and z with both biases; n's is
  /// that of W_n x (reset_after) or of all (reset_before).
  std::vector<std::int64_t> bias;
  std::vector<std::int64_t> recurrent_bias;  ///< [H], of U_n h; reset_after only
  /// [3H]: r, z (W x + U h), n (W_n x, and U_n (r*h) for reset_before); then for reset_after [H]
  /// more: U_n h.
  std::vector<Requantizer> requantizers;
};

/// A linear layer on operands.
struct IntegerHead {
  IntegerRows weights;                    ///< [E][H]
  std::vector<std::int64_t> bias;         ///< [E]
  std::vector<Requantizer> requantizers;  ///< [E]
};

struct IntegerModel {
  Network description;
  Widths widths;
  std::vector<IntegerLayer> layers;            ///< in the description's order
  IntegerRows head;                            ///< [C][H]
  std::vector<std::int64_t> head_bias;         ///< [C]
  std::vector<Requantizer> head_requantizers;  ///< [C]
  /// The second head, which always reads the operands of the encoder's last state; of no rows without one.
  IntegerHead encoder_head;
  /// What else is needed to use the model (acquisition, normalisation), by key, as ModelNotes.
  std::map<std::string, std::string> notes;

  GruForm form() const { return description.layers.at(0).form; }
  Activation activation() const { return description.layers.at(0).activation; }
  int gates() const { return description.gates; }        ///< T
  int outputs() const { return description.outputs(); }  ///< C
  /// Fraction bits of what layer k reads beyond those of the operand: the trace may have more.
  int input_extra(std::size_t k) const {
    return description.layers[k].reads == GruSpec::Reads::trace ? widths.input_extra : 0;
  }
  /// Throws Error, with the layer's name, unless all sizes fit together, every weight fits its bits
  /// and no accumulator can overflow.
  void validate() const;
};

/// The largest magnitude that one accumulator can reach, over all inputs and states.
struct AccumulatorBound {
  std::string layer;  ///< "encoder.0", ..., "head"
  char gate;          ///< 'r', 'z', 'n', 's' (U_n h + c_n of reset_after) or 'y' (the head)
  int row;            ///< within the gate
  std::int64_t most;  ///< saturates at 2^62
  Requantizer requantizer;
};
/// Interval arithmetic over the actual weights: |bias| + sum of |weight| * (largest operand), which
/// also bounds every partial sum in any order.
std::vector<AccumulatorBound> accumulator_bounds(const IntegerModel& model);

/// Error unless every accumulator stays within its bits, and 64 bits hold its requantization.
void check_accumulators(const IntegerModel& model);

/// Multiply-accumulates of the matrix products for one trace.
std::int64_t multiply_accumulates(const IntegerModel& model);

/// Weights, and the bytes that they take in a file.
std::size_t weight_count(const IntegerModel& model);
std::size_t weight_bytes(const IntegerModel& model);

}  // namespace taugate
