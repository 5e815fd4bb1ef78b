#include "taugate/quant/integer/arithmetic.h"

#include <algorithm>
#include <cmath>

#include "taugate/core/error.h"

namespace taugate {

Widths widths_8bit() { return {}; }

Widths widths_16bit() {
  Widths w;
  w.weight_bits = 16;
  w.operand_fraction = w.product_fraction = 15;
  w.accumulator_bits = 64;
  w.gate_fraction = 14;
  return w;
}

Widths widths_qkeras(int input_bits) {
  Widths w;
  w.input_extra = input_bits - 1 - w.operand_fraction;
  w.accumulator_bits = 64;
  w.sum_bits = w.output_bits = 48;              // wide enough to saturate nothing
  w.gate_sum_fraction = 7 + 7 + w.input_extra;  // weight, input
  w.gate_fraction = 1 + w.gate_sum_fraction;    // x/2 + 1/2 of such a sum
  w.product_fraction = w.gate_fraction + 7;     // gate, operand
  w.candidate_sum_fraction = 7 + w.product_fraction;
  w.candidate_fraction = 7;
  w.state_fraction = w.gate_fraction + 7;  // gate, operand or candidate
  w.step_reads_operand = w.head_reads_state = true;
  w.output_fraction = 7 + w.state_fraction;
  return w;
}

void Widths::validate(GruForm form, Activation activation) const {
  const auto within = [](const char* field, int value, int low, int high) {
    if (value < low || value > high)
      fail_usage("[arithmetic] ", field, ": found ", value, ", wanted ", low, "..", high);
  };
  within("weight_bits", weight_bits, 2, 16);
  within("operand_fraction", operand_fraction, 1, 15);
  within("input_extra", input_extra, 0, 15 - operand_fraction);
  if (accumulator_bits != 32 && accumulator_bits != 64)
    fail_usage("[arithmetic] accumulator_bits: found ", accumulator_bits, ", wanted 32 or 64");
  within("sum_bits", sum_bits, 8, 48);
  // r times a sum of 48 bits fits 64 bits; reset_before multiplies less.
  within("gate_fraction", gate_fraction, 2, form == GruForm::reset_before ? 23 : 15);
  within("candidate_fraction", candidate_fraction, 1, 22);
  // At least what its operand shows, at most what a blend can make.
  within("state_fraction", state_fraction, operand_fraction,
         step_reads_operand
             ? std::min(30, std::max(operand_fraction, candidate_fraction) + gate_fraction)
             : 30);
  // The table's segments need 8 fraction bits; a sum reaches at least -2.
  const bool smooth = activation == Activation::smooth;
  const int least = smooth ? 8 : 1, most = std::min(sum_bits - 2, smooth ? 16 : 40);
  within("gate_sum_fraction", gate_sum_fraction, least, most);
  within("candidate_sum_fraction", candidate_sum_fraction, least, most);
  if (form == GruForm::reset_before)
    within("product_fraction", product_fraction, operand_fraction + input_extra,
           std::min(30, gate_fraction + (step_reads_operand ? operand_fraction : state_fraction)));
  within("output_bits", output_bits, 8, 48);
  within("output_fraction", output_fraction, 0, 40);
}

std::int64_t round_half_even(double value) {
  const double below = std::floor(value), rest = value - below;
  const auto integer = static_cast<std::int64_t>(below);
  return integer + (rest > 0.5 || (rest == 0.5 && (integer & 1)));
}

Requantiser nearest_requantiser(double ratio) {
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
      static_cast<double>(x) * static_cast<double>(power_of_two(input_fraction()));
  const auto limit = static_cast<double>(power_of_two(input_fraction()) - 1);
  return round_half_even(std::clamp(scaled, -limit, limit));
}

std::int64_t Arithmetic::gate(std::int64_t sum) const {
  if (activation_ == Activation::hard) {
    const std::int64_t one = power_of_two(w_.gate_sum_fraction + 1);  // of x/2 + 1/2
    return rescale(clip(sum + one / 2, 0, one), w_.gate_sum_fraction + 1, w_.gate_fraction);
  }
  // x/2 is the same integer with one fraction bit more, and so is tanh(x/2)/2.
  const std::int64_t half = power_of_two(w_.gate_fraction - 1);
  const std::int64_t distance = rescale(table_tanh(sum < 0 ? -sum : sum, w_.gate_sum_fraction + 1),
                                        kTableFraction + 1, w_.gate_fraction);
  return sum < 0 ? half - distance : half + distance;
}

std::int64_t Arithmetic::candidate(std::int64_t sum) const {
  if (activation_ == Activation::hard) {
    const std::int64_t one = power_of_two(w_.candidate_sum_fraction);
    return saturate_fraction(
        rescale(clip(sum, -one, one), w_.candidate_sum_fraction, w_.candidate_fraction),
        w_.candidate_fraction);
  }
  const std::int64_t magnitude = table_tanh(sum < 0 ? -sum : sum, w_.candidate_sum_fraction);
  const std::int64_t n = saturate_fraction(
      rescale(magnitude, kTableFraction, w_.candidate_fraction), w_.candidate_fraction);
  return sum < 0 ? -n : n;
}

std::int64_t Arithmetic::blend(std::int64_t z, std::int64_t n, std::int64_t held) const {
  const int common = std::max(w_.candidate_fraction, held_fraction());
  const std::int64_t from = rescale(n, w_.candidate_fraction, common);
  const std::int64_t to = rescale(held, held_fraction(), common);
  const std::int64_t exact = from * power_of_two(w_.gate_fraction) + z * (to - from);
  return saturate_fraction(rescale(exact, common + w_.gate_fraction, w_.state_fraction),
                           w_.state_fraction);
}

}  // namespace taugate
