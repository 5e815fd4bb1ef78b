#include "taugate/quant/integer/arithmetic.h"

#include <algorithm>
#include <cmath>

#include "taugate/core/error.h"

namespace taugate {

WriteBack write_back_of(std::string_view name) {
  for (const WriteBack all : {WriteBack::nearest, WriteBack::stochastic, WriteBack::feedback})
    if (name == name_of(all)) return all;
  fail_usage("write-back: found '", name, "', wanted nearest, stochastic or feedback");
}

const char* name_of(WriteBack write_back) {
  return write_back == WriteBack::nearest      ? "nearest"
         : write_back == WriteBack::stochastic ? "stochastic"
                                               : "feedback";
}

Widths widths_8bit() { return {}; }

Widths widths_16bit() {
  Widths w;
  w.weight_bits = 16;
  w.operand_frac_bits = w.product_frac_bits = 15;
  w.accumulator_bits = 64;
  w.gate_frac_bits = 14;
  return w;
}

Widths widths_qkeras(int input_bits) {
  Widths w;
  w.input_extra = input_bits - 1 - w.operand_frac_bits;
  w.accumulator_bits = 64;
  w.preact_bits = w.output_bits = 48;               // wide enough to saturate nothing
  w.gate_preact_frac_bits = 7 + 7 + w.input_extra;  // weight, input
  w.gate_frac_bits = 1 + w.gate_preact_frac_bits;   // x/2 + 1/2 of such a sum
  w.product_frac_bits = w.gate_frac_bits + 7;       // gate, operand
  w.candidate_preact_frac_bits = 7 + w.product_frac_bits;
  w.candidate_frac_bits = 7;
  w.state_frac_bits = w.gate_frac_bits + 7;  // gate, operand or candidate
  w.step_reads_operand = w.head_reads_state = true;
  w.output_frac_bits = 7 + w.state_frac_bits;
  return w;
}

void Widths::validate(GruForm form, Activation activation) const {
  const auto within = [](const char* field, int value, int low, int high) {
    if (value < low || value > high)
      fail_usage("[arithmetic] ", field, ": found ", value, ", wanted ", low, "..", high);
  };
  within("weight_bits", weight_bits, 2, 16);
  within("operand_fraction", operand_frac_bits, 1, 15);
  within("input_extra", input_extra, 0, 15 - operand_frac_bits);
  if (accumulator_bits != 32 && accumulator_bits != 64)
    fail_usage("[arithmetic] accumulator_bits: found ", accumulator_bits, ", wanted 32 or 64");
  within("sum_bits", preact_bits, 8, 48);
  // r times a sum of 48 bits fits 64 bits; reset_before multiplies less.
  within("gate_fraction", gate_frac_bits, 2, form == GruForm::reset_before ? 23 : 15);
  within("candidate_fraction", candidate_frac_bits, 1, 22);
  // At most what a blend can make.
  within("state_fraction", state_frac_bits, 1,
         step_reads_operand
             ? std::min(30, std::max(operand_frac_bits, candidate_frac_bits) + gate_frac_bits)
             : 30);
  within("residual_bits", residual_bits, 0, state_frac_bits - 1);
  if (write_back == WriteBack::feedback &&
      (step_reads_operand || read_frac_bits() == state_frac_bits))
    fail_usage("[arithmetic] write_back: found feedback ",
               step_reads_operand ? "of a state that is quantized on entry to a step"
                                  : "of a state that the multipliers read whole",
               ", wanted a carried state with a residual that they do not read");
  // The table's segments need 8 fraction bits; a sum reaches at least -2.
  const bool smooth = activation == Activation::smooth;
  const int least = smooth ? 8 : 1, most = std::min(preact_bits - 2, smooth ? 16 : 40);
  within("gate_sum_fraction", gate_preact_frac_bits, least, most);
  within("candidate_sum_fraction", candidate_preact_frac_bits, least, most);
  if (form == GruForm::reset_before)
    within("product_fraction", product_frac_bits, operand_frac_bits + input_extra,
           std::min(30, gate_frac_bits + (blends_operand() ? operand_frac_bits : state_frac_bits)));
  within("output_bits", output_bits, 8, 48);
  within("output_fraction", output_frac_bits, 0, 40);
}

std::int64_t round_half_even(double value) {
  const double below = std::floor(value), rest = value - below;
  const auto integer = static_cast<std::int64_t>(below);
  return integer + (rest > 0.5 || (rest == 0.5 && (integer & 1)));
}

Requantizer nearest_requantizer(double ratio) {
  require(ratio >= 0x1p-46 && ratio < 65535.5, "[arithmetic] found a ratio of ", ratio,
          " between an accumulator and its sum, wanted one in [2^-46, 65535.5)");
  int shift = std::max(15 - std::ilogb(ratio), 0);  // so that the multiplier has 16 bits
  std::int64_t multiplier = round_half_even(std::ldexp(ratio, shift));
  for (; multiplier % 2 == 0 && shift > 0; --shift) multiplier /= 2;
  return {static_cast<std::uint16_t>(multiplier), static_cast<std::uint8_t>(shift)};
}

Arithmetic::Arithmetic(const Widths& widths, GruForm form, Activation activation)
    : w_(widths), form_(form), activation_(activation) {
  w_.validate(form, activation);
}

std::int64_t Arithmetic::input(float x) const {
  // Doubles hold the scaled value exactly; clipping first keeps it within an integer's range.
  const double scaled =
      static_cast<double>(x) * static_cast<double>(power_of_two(input_frac_bits()));
  const auto limit = static_cast<double>(power_of_two(input_frac_bits()) - 1);
  return round_half_even(std::clamp(scaled, -limit, limit));
}

std::int64_t Arithmetic::gate(std::int64_t preact) const {
  if (activation_ == Activation::hard) {
    const std::int64_t one = power_of_two(w_.gate_preact_frac_bits + 1);  // of x/2 + 1/2
    return rescale(clip(preact + one / 2, 0, one), w_.gate_preact_frac_bits + 1, w_.gate_frac_bits);
  }
  // x/2 is the same integer with one fraction bit more, and so is tanh(x/2)/2.
  const std::int64_t half = power_of_two(w_.gate_frac_bits - 1);
  const std::int64_t distance =
      rescale(table_tanh(preact < 0 ? -preact : preact, w_.gate_preact_frac_bits + 1),
              kTableFraction + 1, w_.gate_frac_bits);
  return preact < 0 ? half - distance : half + distance;
}

std::int64_t Arithmetic::candidate(std::int64_t preact) const {
  if (activation_ == Activation::hard) {
    const std::int64_t one = power_of_two(w_.candidate_preact_frac_bits);
    return saturate_fraction(
        rescale(clip(preact, -one, one), w_.candidate_preact_frac_bits, w_.candidate_frac_bits),
        w_.candidate_frac_bits);
  }
  const std::int64_t magnitude =
      table_tanh(preact < 0 ? -preact : preact, w_.candidate_preact_frac_bits);
  const std::int64_t n = saturate_fraction(
      rescale(magnitude, kTableFraction, w_.candidate_frac_bits), w_.candidate_frac_bits);
  return preact < 0 ? -n : n;
}

std::int64_t Arithmetic::exact_blend(std::int64_t z, std::int64_t n, std::int64_t held) const {
  const int common = std::max(w_.candidate_frac_bits, held_frac_bits());
  const std::int64_t from = rescale(n, w_.candidate_frac_bits, common);
  const std::int64_t to = rescale(held, held_frac_bits(), common);
  return from * power_of_two(w_.gate_frac_bits) + z * (to - from);
}

std::int64_t Arithmetic::blend(std::int64_t z, std::int64_t n, std::int64_t held) const {
  return saturate_fraction(rescale(exact_blend(z, n, held), exact_frac_bits(), w_.state_frac_bits),
                           w_.state_frac_bits);
}

std::int64_t Arithmetic::dither(std::size_t layer, std::size_t step, std::size_t unit) const {
  const int shift = exact_frac_bits() - w_.state_frac_bits;
  if (w_.write_back != WriteBack::stochastic || shift <= 0) return 0;
  const std::int64_t u =
      write_dither(static_cast<std::uint32_t>(layer), static_cast<std::uint32_t>(step),
                   static_cast<std::uint32_t>(unit));
  return shift >= 16 ? u * power_of_two(shift - 16) : u >> (16 - shift);
}

std::int64_t Arithmetic::next_state(std::int64_t z, std::int64_t n, std::int64_t state,
                                    std::int64_t dither) const {
  const std::int64_t read = held(state);
  const int shift = exact_frac_bits() - w_.state_frac_bits;
  if (w_.write_back == WriteBack::stochastic && shift > 0)
    return saturate_fraction((exact_blend(z, n, read) + dither) >> shift, w_.state_frac_bits);
  if (w_.write_back != WriteBack::feedback) return blend(z, n, read);
  const int sum_frac_bits = std::max(exact_frac_bits(), w_.state_frac_bits);
  const std::int64_t residual = state - rescale(read, w_.operand_frac_bits, w_.state_frac_bits);
  const std::int64_t sum = rescale(exact_blend(z, n, read), exact_frac_bits(), sum_frac_bits) +
                           rescale(residual, w_.state_frac_bits, sum_frac_bits);
  return saturate_fraction(rescale(sum, sum_frac_bits, w_.state_frac_bits), w_.state_frac_bits);
}

}  // namespace taugate
