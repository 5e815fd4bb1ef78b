#pragma once
// Quantization-aware training: a network whose forward pass computes what the integer executor will,
// value by value (with 16-bit operands: but for the rounding of sums), and whose backward pass is the float GRU's, straight through every rounding.
// docs/quantization.md explains the choices.

#include <vector>

#include "taugate/quant/ptq/quantize.h"
#include "taugate/quant/qat/qat_step.h"

namespace taugate {

struct QatOptions {
  QuantizeOptions quantize;  ///< widths; scales as observed in the weights of each step, or fixed
  /// The scales are parameters, trained with the weights from where `quantize` starts them (Esser
  /// et al., "Learned step size quantization", ICLR 2020); not with a fixed grid.
  bool learned_scales = false;
};

/// Every value of a forward pass, each the integers' value times its grid. Views into the arena,
/// good until the tape runs back.
struct QatRecord {
  struct Layer {
    /// [T][4H][B]: of r and z, of W_n x (reset_after), and the argument of n.
    Sequence<float> preacts;
    Sequence<float> gates;     ///< [T][4H][B]: r, z, n, and U_n h + c_n or r*h
    Sequence<float> states;    ///< [T+1][H][B]: the carried state
    Sequence<float> operands;  ///< [T+1][H][B]: the same as the multipliers read it
  };
  std::vector<Layer> layers;  ///< in the description's order
};

/// A network in training with integers. Its parameters are the model's, at the same places, then
/// the logarithms of learned scales.
class QatNetwork {
 public:
  /// Copies the model's parameters. UsageError for widths that do not fit together or that floats
  /// cannot hold: sums, states and outputs of more than 24 bits.
  QatNetwork(const Model& model, const QatOptions& options);

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  const QatOptions& options() const { return options_; }

  /// SFD [T][C][B] and features from TPSF [T][1][B], as Model. Error, from any thread, when an
  /// accumulator of 32 bits could reach beyond 2^24, which floats hold. Those of 64 bits (operands of
  /// 16) may: their sums are rounded to 24 bits, so that a value differs from the integers' by a unit
  /// now and then. Allocates nothing without a record.
  NetworkOutput<float> run(Tape<float>& tape, Var<float> tpsf, QatRecord* record = nullptr) const;
  Var<float> operator()(Tape<float>& tape, Var<float> tpsf) const { return run(tape, tpsf).output; }

  /// The float network with the current parameters, from which `integers` come.
  Model master() const;
  WeightScales scales() const;
  /// quantize() with the same parameters and scales: computes exactly what run() does.
  IntegerModel integers() const { return quantize(master(), options_.quantize.widths, scales()); }

 private:
  struct Layer {
    GruParameters at;  ///< of the head: recurrent is its weight, input_bias its bias
    ParameterRef log2_scales;
  };
  struct LayerOutput {
    Var<float> operands, states;  ///< [T][H][B]; one gradient for both
  };
  LayerOutput run_layer(Tape<float>& tape, std::size_t k, Var<float> x, Var<float> h0, int steps,
                        QatRecord* record) const;
  /// `widths` say which grid x [steps][H][B] is on.
  Var<float> run_head(Tape<float>& tape, const Layer& head, const Widths& widths,
                      Var<float> x) const;
  ParameterRef add_scales(const std::string& name, const std::vector<double>& initial);

  Network description_;
  GruForm form_ = GruForm::reset_after;
  Activation activation_ = Activation::smooth;
  QatOptions options_;
  QatGrids grids_;
  Parameters parameters_;
  std::vector<Layer> layers_;  // in the description's order
  Layer head_, encoder_head_;  // the latter of no rows without a second head
};

/// The grids of `widths`, for kernels of qat_step.h.
QatGrids qat_grids(const Widths& widths, GruForm form, Activation activation);

}  // namespace taugate
