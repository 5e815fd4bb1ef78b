#pragma once
// Widths of an integer network by the bits of its values, sign included, as a user names them.

#include "taugate/quant/integer/arithmetic.h"

namespace taugate {

struct BitWidths {
  int weight = 8;
  int operand = 8;    ///< what the weights multiply: input and state
  int gate = 8;       ///< the gates r and z
  int candidate = 0;  ///< n; 0: as the carried state
  int state = 16;     ///< the carried state
  int residual = 0;   ///< of the carried state, its lowest: what no multiplier reads

  /// Weights, operand and gates of `bits` (gates of 3 and more).
  static BitWidths of(int bits);
};

/// UsageError, named as the options of `taugate quantize`, for bits outside 2..16 (gates 3..16, residual 0..16), and
/// for a residual that leaves fewer than two bits of the state.
Widths widths_of(const BitWidths& bits);

}  // namespace taugate
