#pragma once
// A quantized network in the order in which the SIMD kernels read it, run in blocks of 16 or 32
// traces.

#include <array>
#include <optional>

#include "runtime/integer_packing.h"

namespace taugate {

class IntegerPlan {
 public:
  /// Nothing where neither kind of kernel could hold every value that this model can reach.
  static std::optional<IntegerPlan> make(const IntegerModel& model,
                                         const simd::IntegerKernels& kernels);

  std::size_t lanes() const { return lanes_; }  ///< traces of a block

  /// Whether products, sums and gates run in 32 bits, or in doubles.
  bool narrow() const { return int32_; }

  struct Scratch {
    Buffer<float> values;                       ///< [T][lanes], to be quantized
    Buffer<std::int32_t> input;                 ///< [T][lanes], words on the input's grid
    Buffer<double> output;                      ///< [T][C][lanes]
    std::array<Buffer<std::int32_t>, 2> words;  ///< narrow
    Buffer<std::int32_t> state, operand;        ///< narrow
    std::array<Buffer<double>, 2> float64;        ///< wide
    Buffer<double> states, work;                ///< wide
    /// State and operands with which a decoder layer starts: a layer of the encoder each.
    std::vector<Buffer<std::int32_t>> final_words, final_state;
    std::vector<Buffer<double>> final_operands, final_states;
  };
  Scratch make_scratch() const;

  /// The first `count` of s.values to s.input; false when one is not a number.
  bool quantize(Scratch& s, std::size_t count) const;
  /// s.input to s.output: whole numbers, in units of the output's grid.
  void run(Scratch& s) const;

  /// The operands of the encoder's final states, as real numbers, of one of the `lanes` traces of
  /// the last run (1: of run_single()); layer by layer.
  void copy_final_operands(const Scratch& s, std::size_t lane, std::size_t lanes,
                           float* operands) const;

  /// Whether one trace alone can run with units in the lanes, several times sooner than a block.
  bool has_single() const { return !single_layers_.empty(); }
  /// s.input [T] to s.output [T][C].
  void run_single(Scratch& s) const;

 private:
  IntegerPlan() = default;
  const std::int32_t* pack_input(Scratch& s, std::size_t count) const;
  std::int32_t zeros() const;
  void pack_single(const IntegerModel& model);
  std::size_t words_of(const simd::Int32Gru& layer) const;
  std::size_t single_words_of(const simd::Int32Gru& layer) const;
  /// Layers whose operands are words of several: of a block of traces, or of a single one.
  void run_words(Scratch& s, const std::vector<simd::Int32Gru>& all, bool single) const;
  void run_wide(Scratch& s) const;

  const simd::IntegerKernels* kernels_ = nullptr;
  bool int32_ = false;
  std::size_t lanes_ = kLaneBlock;
  int steps_ = 0, widest_ = 0;  // widest: padded units
  int operand_frac_bits_ = 0;
  std::vector<int> encoder_units_;  // of each layer, not padded
  int input_fraction_ = 0;
  Arena memory_;
  std::vector<simd::Int32Gru> int32_layers_;  // encoder, then decoder
  std::vector<simd::Int32Gru> single_layers_;  // likewise, or none
  std::vector<simd::Float64Gru> float64_layers_;
  simd::IntegerReadout head_, single_head_;
};

}  // namespace taugate
