#pragma once
// The inner loops of quantized GRUs, as tables of functions, one per instruction set. They know
// shifts, limits and a table of segments, and nothing of what these are for: quant/ defines the
// arithmetic, quant/integer_step.h is their slow twin, and they equal it exactly.
//
// Blocks of 16 or 32 traces, one a lane. There are two kinds of layer:
//   int32    reset_after with operands of at most 16 bits: integer products, sums and element-wise
//            operations all in 32 bits; these operations in 16 bits where fits_int16() says so
//   float64  everything else: whole numbers held in doubles, exact below 2^53
// And one trace alone, units in the lanes, for int32 layers whose operations fit 16 bits.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "taugate/core/gru_form.h"

namespace taugate::simd {

/// tanh over [0, 4) in 32 segments (quant/tables.h), as each kind of lane looks them up.
struct TanhSegments {
  alignas(64) std::int32_t words[32];               ///< base * 2^16 + slope
  alignas(64) std::uint16_t bases[32], slopes[32];  ///< slope * 2^4
  alignas(64) std::uint8_t base_low[32], base_high[32], slope_bytes[32];
};

/// The element-wise operations of a step; fields as in quant's Widths.
struct ElementwiseParams {
  GruForm form = GruForm::reset_after;
  Activation activation = Activation::smooth;
  int preact_bits = 16;
  int gate_preact_frac_bits = 12, candidate_preact_frac_bits = 12;
  int gate_frac_bits = 7, candidate_frac_bits = 15;
  int operand_frac_bits = 7, product_frac_bits = 7, state_frac_bits = 15;
  int read_frac_bits = 7;  ///< of the state, as operands have it
  bool blends_operand = false;
  bool feedback = false;  ///< the write-back
  const TanhSegments* segments = nullptr;
};

/// Whether the element-wise operations fit lanes of 16 bits: the default widths, with any fractions
/// of the sums.
constexpr bool fits_int16(const ElementwiseParams& w) {
  constexpr ElementwiseParams d{};
  return w.form == d.form && w.activation == d.activation && w.preact_bits == d.preact_bits &&
         w.gate_frac_bits == d.gate_frac_bits && w.candidate_frac_bits == d.candidate_frac_bits &&
         w.operand_frac_bits == d.operand_frac_bits && w.state_frac_bits == d.state_frac_bits &&
         w.read_frac_bits == d.read_frac_bits && w.blends_operand == d.blends_operand;
}

/// Requantizing in one fused multiply-add, exact for |accumulator| and |sum| below 2^22. The
/// accumulator starts from kOneAndAHalf's bits, so that its bits are those of the float
/// 1.5 * 2^23 + accumulator; times `gain`, plus `offset` = 1.5 * 2^23 * (1 - gain), is rounded once
/// to 1.5 * 2^23 + sum, whose neighbours are 1 apart.
struct FloatRequantizers {
  static constexpr float kOneAndAHalf = 12582912.0f;  // * 2^23
  static constexpr std::int32_t kStart = 0x4B400000;  // its bits
  const float* gain = nullptr;  ///< null: some accumulator is too large for it
  const float* offset = nullptr;
};

/// Units whose element-wise operations run together.
inline constexpr int kInt16Group = 8;

/// A reset_after layer in 32 bits. H is padded with units of zeros, which stay 0, to a multiple of
/// kInt16Group. A group is a tile of tile_units units or, for one trace alone, single_units units.
///   weights  groups of units, each [k][r,z,n][units of the group] words, k over words of inputs,
///            then of states; a word holds the weights of operands_per_word operands
///   bias     groups of [r,z,n,s][units of the group], made for the operands as the kernel holds
///            them, and for `floats` where there are any
///   scale, floats  likewise: from an accumulator to its sum
struct Int32Gru {
  ElementwiseParams elementwise;
  int units = 0;        ///< padded H
  int state_words = 0;  ///< that hold the operands of H units
  int input_words = 0;  ///< of the inputs
  const std::int32_t* weights = nullptr;
  const std::int32_t* bias = nullptr;
  const double* scale = nullptr;
  FloatRequantizers floats{};
  bool wide =
      false;  ///< states are words of 32 bits even where fits_int16(), so that a lane can be taken out
};

/// Where the units of a group lie for one trace alone, a register having `words` words: as the
/// 16-bit values that two registers become by saturating in each 16 bytes lie in their own order.
constexpr int single_unit(int lane, int words) {
  const int pair = lane / (2 * words), upper = lane / words % 2, word = lane % words;
  return 2 * words * pair + word / 4 * 8 + upper * 4 + word % 4;
}

/// A layer of whole numbers in doubles.
///   weights    [unit][k][r,z,n], k over states and then inputs
///   bias       [unit][r,z,n,s]; reset_before: s is 0 and n's sum joins both products
///   scale      [unit][r,z,n,s]
///   input_gain reset_before: what n's input products are multiplied by before they meet the others
struct Float64Gru {
  ElementwiseParams elementwise;
  int units = 0;
  int inputs = 0;
  const double* weights = nullptr;
  const double* bias = nullptr;
  const double* scale = nullptr;
  double input_gain = 1.0;
};

/// out [steps][rows][lanes] = scale * (bias + weights * operands), rounded, within the limits.
struct IntegerReadout {
  int rows = 0;
  int words = 0;  ///< of operands (int32), or units (float64)
  double lowest = 0.0, highest = 0.0;
  const std::int32_t* int32_weights = nullptr;  ///< [rows][words]
  const double* float64_weights = nullptr;      ///< [rows][units]
  const double* bias = nullptr;                 ///< [rows]
  const double* scale = nullptr;                ///< [rows]
  bool reads_state = false;                     ///< float64: the state instead of its operand
};

struct IntegerKernels {
  const char* name;
  int int32_lanes;   ///< traces of a block for int32 layers, "lanes" below; 16 for float64 ones
  int tile_units;    ///< a divisor of kInt16Group
  int single_units;  ///< of a group of a layer for one trace alone
  int single_lane_words;  ///< words of its registers, for single_unit()
  int operands_per_word;  ///< 2 of 16 bits, or 4 of 8 bits
  bool offset_operands;   ///< 8-bit operands are held as operand + 128
  bool fuses;             ///< has a fused multiply-add: FloatRequantizers may be used

  /// n values to the operands' grid of `fraction` bits, saturating, halves to even; false when one
  /// is not a number. n is a multiple of 16.
  bool (*quantize)(std::size_t n, const float* x, int fraction, std::int32_t* operands);
  /// x [steps] of [input_words][lanes]; operands [steps + 1] of [units][lanes] packed into words,
  /// the first given; state, in place: [units][lanes] as the kernel holds it, zeros being zeros.
  void (*int32_gru)(const Int32Gru&, int steps, const std::int32_t* x, std::size_t x_stride,
                    std::int32_t* operands, std::size_t stride, std::int32_t* state);
  void (*int32_readout)(const IntegerReadout&, int steps, const std::int32_t* operands,
                        std::size_t stride, double* out);
  /// One trace alone, for layers that fits_int16() and that have FloatRequantizers; null where
  /// there is no such kernel. x [steps] of [input_words]; operands [steps + 1] of [units], packed
  /// into words, the first given, at a stride of whole registers; state [units], in place.
  void (*single_gru)(const Int32Gru&, int steps, const std::int32_t* x, std::size_t x_stride,
                     std::int32_t* operands, std::size_t stride, std::int32_t* state);
  /// out [steps][rows]; whole registers of words.
  void (*single_readout)(const IntegerReadout&, int steps, const std::int32_t* operands,
                         std::size_t stride, double* out);
  /// x [steps] of [inputs][16]; states [steps + 1] of [units][16], the first given, and their
  /// operands alike.
  void (*float64_gru)(const Float64Gru&, int steps, const double* x, std::size_t x_stride,
                      double* operands, double* states, std::size_t stride, double* scratch);
  void (*float64_readout)(const IntegerReadout&, int steps, const double* values,
                          std::size_t stride, double* out);
};

/// The tables that this machine can run, slowest first; none without SIMD.
std::vector<const IntegerKernels*> integer_kernels();
/// The best of them that belongs to the active architecture (kernels.h), or null: then the scalar
/// twin runs.
const IntegerKernels* active_integer_kernels(int operand_bits, int weight_bits);

}  // namespace taugate::simd
