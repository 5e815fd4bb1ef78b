#include "taugate/quant/ptq/bit_widths.h"

#include <algorithm>

#include "taugate/core/error.h"

namespace taugate {

BitWidths BitWidths::of(int bits) {
  BitWidths all;
  all.weight = all.operand = bits;
  all.gate = std::max(bits, 3);
  return all;
}

Widths widths_of(const BitWidths& b) {
  const auto check = [](const char* name, int bits, int least) {
    if (bits < least || bits > 16)
      fail_usage("--", name, ": found ", bits, " bits, wanted ", least, " to 16");
  };
  check("weight-bits", b.weight, 2);
  check("operand-bits", b.operand, 2);
  check("gate-bits", b.gate, 3);
  if (b.candidate != 0) check("candidate-bits", b.candidate, 2);
  check("state-bits", b.state, 2);
  check("residual-bits", b.residual, 0);
  if (b.residual > b.state - 2)
    fail_usage("--residual-bits: found ", b.residual, " bits of a state of ", b.state,
               ", wanted at most ", b.state - 2);
  Widths w;
  w.weight_bits = b.weight;
  w.operand_frac_bits = w.product_frac_bits = b.operand - 1;
  w.state_frac_bits = b.state - 1;
  w.residual_bits = b.residual;
  w.candidate_frac_bits = (b.candidate > 0 ? b.candidate : b.state) - 1;
  // A gate reaches 1 itself, and one that fits 16 bits with its sign leaves 14 to its fraction.
  w.gate_frac_bits = std::min(b.gate - 1, 14);
  w.accumulator_bits = b.weight + b.operand <= 24 ? 32 : 64;
  return w;
}

}  // namespace taugate
