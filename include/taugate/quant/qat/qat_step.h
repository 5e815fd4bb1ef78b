#pragma once
// The element-by-element part of a quantized GRU's step for training: Arithmetic's functions on
// blocks of traces, in floating point. A number k / 2^F of the integer arithmetic is held as just
// that, and every operation here is exact or rounds where the integers round, so values equal the
// integers times their grid to the last bit (tests/quant/test_qat.cpp).
//
// Rounding to a grid is one addition and one subtraction: next to 1.5 * 2^(52 - F) a double has F
// fraction bits left, and the processor rounds halves to even.

#include <cstddef>
#include <cstdint>

#include "taugate/core/gru_form.h"
#include "taugate/quant/integer/arithmetic.h"

namespace taugate {

/// Numbers k / 2^fraction from low to high.
struct QatGrid {
  double low = 0.0, high = 0.0;
  double magic = 0.0;       ///< 1.5 * 2^(52 - fraction)
  float float_magic = 0.0;  ///< 1.5 * 2^(23 - fraction)
};

/// The grids of a layer, from Widths.
struct QatGrids {
  GruForm form{};
  Activation activation{};
  bool narrow = false;  ///< floats hold all products; otherwise doubles must
  WriteBack write_back{};
  QatGrid gate_preact, candidate_preact, gate, candidate, product, state, output;
  QatGrid input;                                 ///< of the trace
  QatGrid operand;                               ///< of the state as multipliers read it
  double gate_last = 0.0, candidate_last = 0.0;  ///< largest arguments of tanh's table
};

/// One step. Planes are [H][lanes].
struct QatStep {
  const QatGrids* grids = nullptr;
  int hidden = 0, lanes = 0;
  /// [3H] or, for reset_after, [4H]: what one unit of each row's accumulator stands for.
  const double* row_scale = nullptr;
  float* gates = nullptr;          ///< four planes: accumulators -> r, z, n, s (or q: reset_before)
  const float* held = nullptr;     ///< the state as r*h and the blend read it
  const float* carried = nullptr;  ///< the state, whole
  const float* dither = nullptr;   ///< [H], in the state's own unit: of a stochastic write-back
  float* state = nullptr;          ///< the next carried state
  float* operand = nullptr;        ///< the same, as multipliers read it
  std::uint8_t* saturation_mask = nullptr;  ///< of GruSequence, or null
  /// Null, or room for the sums: those of r, z, W_n x (reset_after), and n's argument; four planes.
  float* preacts = nullptr;
};

struct QatKernels {
  /// reset_after: all of the step.
  void (*after)(const QatStep&);
  /// reset_before: accumulators of r and z -> r, z and q = r*h.
  void (*before_product)(const QatStep&);
  /// reset_before: accumulator of n -> n and the next state.
  void (*before_blend)(const QatStep&);
  /// values [n]: accumulators of the given unit -> numbers of the grid.
  void (*requantize)(const QatGrid&, double unit, std::size_t n, float* values);
};

/// Those for the architecture of simd::kernels<float>().
const QatKernels& qat_kernels();

}  // namespace taugate
