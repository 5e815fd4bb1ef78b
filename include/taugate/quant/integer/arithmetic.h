#pragma once
// The integer arithmetic of a quantized GRU, defined once. Everything else that computes with these
// integers (the engines, fake quantization in training, the hardware) equals these functions
// exactly, on every value. docs/fixed-point.md derives them, with a worked step.
//
// Three kinds of number, each an integer k that stands for k / 2^F, F its fraction bits:
//   fraction  input, MAC operand, candidate, carried state: |k| <= 2^F - 1, so F + 1 bits. The
//             range is symmetric and 1 itself is not in it.
//   gate      0 <= k <= 2^F: 0 and 1 both exist, so that a closed gate forgets nothing.
//   word      pre-activations, outputs: two's complement of a stated number of bits, and
//             saturating: -2^(bits-1) <= k <= 2^(bits-1) - 1.
// Rounding is to the nearest, halves to the even neighbour, everywhere except inside the table.

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "taugate/core/gru_form.h"
#include "taugate/quant/integer/tables.h"

namespace taugate {

/// Rises whenever a model of the same numbers would compute something else.
inline constexpr int kArithmeticVersion = 1;

/// How the next state, an exact number between n and h, becomes a stored word of few bits.
enum class WriteBack {
  nearest,     ///< rounded to the nearest
  stochastic,  ///< rounded down after adding a uniform number below one unit, write_dither()
  /// The step reads the operand, and what the operand leaves out of the carried state, its
  /// residual, is added to the next one: no part of an update is lost before it counts.
  feedback
};
/// "nearest", "stochastic", "feedback". Throws UsageError for another name.
WriteBack write_back_of(std::string_view name);
const char* name_of(WriteBack write_back);

/// Every width of the arithmetic. The defaults are the 8-bit setting: weights, MAC operand and
/// gates of 8 bits, everything else 16.
struct Widths {
  int weight_bits = 8;             ///< 2..16, two's complement
  int operand_frac_bits = 7;       ///< 1..15; x and h as the multipliers read them
  int input_extra = 0;             ///< further fraction bits of the trace's x; 15 in all at most
  int accumulator_bits = 32;       ///< 32 or 64; never overflows, see check_accumulators()
  int preact_bits = 16;            ///< 8..48; pre-activations
  int gate_preact_frac_bits = 12;  ///< of those of r and z
  int candidate_preact_frac_bits = 12;  ///< of those of n
  int gate_frac_bits = 7;               ///< 2..15, reset_before: 2..23; r and z
  int candidate_frac_bits = 15;         ///< 1..22; n
  int product_frac_bits = 7;            ///< reset_before: r*h as U_n's multipliers read it
  int state_frac_bits = 15;             ///< 1..30; the carried state h
  int residual_bits = 0;  ///< of the carried state: its lowest ones, which no multiplier reads
  WriteBack write_back = WriteBack::nearest;
  /// r*h and the blend use the MAC operand instead of the carried state. (Where the state is
  /// quantized on entry to a step, as QKeras does.)
  bool step_reads_operand = false;
  bool head_reads_state = false;  ///< the head's multipliers read the carried state
  int output_bits = 16;           ///< 8..48
  int output_frac_bits = 14;

  /// Of the carried state as the multipliers read it; the operand has this many or more.
  constexpr int read_frac_bits() const {
    return std::min(operand_frac_bits, state_frac_bits - residual_bits);
  }
  /// r*h and the blend use the MAC operand: what is carried beside it is no part of the step.
  constexpr bool blends_operand() const {
    return step_reads_operand || write_back == WriteBack::feedback;
  }

  /// Throws UsageError, naming the field, what was found and what fits.
  void validate(GruForm form, Activation activation) const;

  bool operator==(const Widths&) const = default;
};

Widths widths_8bit();
/// Weights, operand and state of 16 bits, gates in [0, 2^14], 64-bit accumulators.
Widths widths_16bit();
/// The published 8-bit student's (reset_before, hard): weights and operand in 1/128, gates, r*h and
/// the carried state unrounded. Samples of the trace have `input_bits` bits, sign included, 8..16:
/// on an operand's grid, or finer. docs/fixed-point.md derives each.
Widths widths_qkeras(int input_bits = 8);

constexpr std::int64_t power_of_two(int exponent) { return std::int64_t{1} << exponent; }

/// value / 2^shift, halves to even; 0 <= shift <= 62.
constexpr std::int64_t round_shift(std::int64_t value, int shift) {
  if (shift == 0) return value;
  const std::int64_t below = value >> shift;  // rounded down
  const std::int64_t rest = value & (power_of_two(shift) - 1), half = power_of_two(shift - 1);
  return below + (rest > half || (rest == half && (below & 1)));
}

/// The same number with other fraction bits: rounded when it gets fewer, exact when more.
constexpr std::int64_t rescale(std::int64_t value, int from_fraction, int to_fraction) {
  return from_fraction >= to_fraction ? round_shift(value, from_fraction - to_fraction)
                                      : value * power_of_two(to_fraction - from_fraction);
}

constexpr std::int64_t clip(std::int64_t value, std::int64_t low, std::int64_t high) {
  return value < low ? low : value > high ? high : value;
}
constexpr std::int64_t saturate_word(std::int64_t value, int bits) {
  return clip(value, -power_of_two(bits - 1), power_of_two(bits - 1) - 1);
}
constexpr std::int64_t saturate_fraction(std::int64_t value, int fraction) {
  return clip(value, 1 - power_of_two(fraction), power_of_two(fraction) - 1);
}

/// value * 2^fraction as an integer, halves to even, whatever the processor's rounding mode. The
/// value is finite and fits.
std::int64_t round_half_even(double value);

/// What a stochastic write-back adds before it rounds down, in 2^-16 of a unit of the state: uniform
/// over the units of a layer (counted in the network's order) and its steps from 0 on. The same for
/// every trace, so that a trace's result depends on nothing but the trace and the model. In hardware
/// the first three products count up, and one multiplication is left.
constexpr std::uint32_t write_dither(std::uint32_t layer, std::uint32_t step, std::uint32_t unit) {
  std::uint32_t x = layer * 0xc2b2ae3du + step * 0x85ebca77u + unit * 0x9e3779b1u;
  x ^= x >> 15;
  x *= 0x2c1b3c6du;
  return (x ^ x >> 12) >> 16;
}

/// From an accumulator's unit to a pre-activation's: accumulator * multiplier / 2^shift. A power of two is
/// multiplier 1 (or a power of two with shift 0).
struct Requantizer {
  std::uint16_t multiplier = 1;  ///< at least 1
  std::uint8_t shift = 0;        ///< at most 62
  bool operator==(const Requantizer&) const = default;
};

/// The nearest requantizer to `ratio`, within 2^-16 of it; exact for a power of two. Error when the
/// ratio is not in [2^-46, 65535.5).
Requantizer nearest_requantizer(double ratio);

/// |accumulator| * multiplier stays within 2^62 (check_accumulators proves it), so 64 bits hold
/// every step of this.
constexpr std::int64_t requantize(std::int64_t accumulator, Requantizer by, int word_bits) {
  return saturate_word(round_shift(accumulator * by.multiplier, by.shift), word_bits);
}

/// The element-by-element operations of a step, for one choice of widths.
class Arithmetic {
 public:
  /// Validates the widths.
  Arithmetic(const Widths& widths, GruForm form, Activation activation);

  const Widths& widths() const { return w_; }
  GruForm form() const { return form_; }
  Activation activation() const { return activation_; }

  /// Fraction bits of the trace's samples.
  int input_frac_bits() const { return w_.operand_frac_bits + w_.input_extra; }
  /// An input sample on its grid; beyond its range, infinity included, saturates. Not for a NaN.
  std::int64_t input(float x) const;
  /// A word from outside on the same grid: saturates, so that -2^F becomes 1 - 2^F.
  std::int64_t input(std::int16_t x) const { return saturate_fraction(x, input_frac_bits()); }

  /// The carried state as the multipliers read it: rounded to read_frac_bits(), on their grid.
  std::int64_t operand(std::int64_t state) const {
    const int read = w_.read_frac_bits();
    return saturate_fraction(round_shift(state, w_.state_frac_bits - read), read) *
           power_of_two(w_.operand_frac_bits - read);
  }
  /// The state as r*h and the blend read it, held_frac_bits() fraction bits.
  std::int64_t held(std::int64_t state) const {
    return w_.blends_operand() ? operand(state) : state;
  }
  int held_frac_bits() const {
    return w_.blends_operand() ? w_.operand_frac_bits : w_.state_frac_bits;
  }

  /// r or z of its pre-activation: sigmoid = 1/2 + tanh(x/2)/2 by the table, or clip(x/2 + 1/2, 0, 1).
  std::int64_t gate(std::int64_t preact) const;
  /// n of its pre-activation: tanh by the table, or clip(x, -1, 1).
  std::int64_t candidate(std::int64_t preact) const;

  /// reset_after: n's pre-activation from W_n x + b_n and that of U_n h + c_n.
  std::int64_t candidate_preact(std::int64_t input_preact, std::int64_t r,
                                std::int64_t recurrent_preact) const {
    return saturate_word(input_preact + round_shift(r * recurrent_preact, w_.gate_frac_bits),
                         w_.preact_bits);
  }
  /// reset_before: r*h as U_n's multipliers read it.
  std::int64_t product(std::int64_t r, std::int64_t held) const {
    return saturate_fraction(
        rescale(r * held, w_.gate_frac_bits + held_frac_bits(), w_.product_frac_bits),
        w_.product_frac_bits);
  }

  /// n + z (h - n), rounded once, to the carried state's grid.
  std::int64_t blend(std::int64_t z, std::int64_t n, std::int64_t held) const;
  /// The same, exact: exact_frac_bits() fraction bits.
  std::int64_t exact_blend(std::int64_t z, std::int64_t n, std::int64_t held) const;
  int exact_frac_bits() const {
    return std::max(w_.candidate_frac_bits, held_frac_bits()) + w_.gate_frac_bits;
  }
  /// write_dither() in the unit of exact_blend(); 0 where nothing is to be added.
  std::int64_t dither(std::size_t layer, std::size_t step, std::size_t unit) const;
  /// h' from h as it is carried, as `write_back` says.
  std::int64_t next_state(std::int64_t z, std::int64_t n, std::int64_t state,
                          std::int64_t dither) const;

  /// Fraction bits of an accumulator whose weights count as integers.
  int accumulator_frac_bits(bool reads_product) const {
    return reads_product ? w_.product_frac_bits : w_.operand_frac_bits;
  }
  int head_frac_bits() const {
    return w_.head_reads_state ? w_.state_frac_bits : w_.operand_frac_bits;
  }

 private:
  Widths w_;
  GruForm form_;
  Activation activation_;
};

}  // namespace taugate
