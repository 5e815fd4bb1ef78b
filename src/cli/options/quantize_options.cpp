#include "cli/options/quantize_options.h"

#include "taugate/core/error.h"
#include "taugate/quant/ptq/bit_widths.h"

namespace taugate::cli {
namespace {

/// The bits that an option gives, or `otherwise`.
int bits(const Arguments& a, const std::string& name, int otherwise, int least = 2) {
  if (!a.has(name)) return otherwise;
  const std::uint64_t given = a.count(name);
  if (given < static_cast<std::uint64_t>(least) || given > 16)
    fail_usage("--", name, ": found ", given, " bits, wanted ", least, " to 16");
  return static_cast<int>(given);
}

}  // namespace

void add_quantize_options(Arguments& a) {
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group("Integers")("bits", "of weights, operand and gates together",
                      cxxopts::value<std::string>()->default_value("8"),
                      "N")("weight-bits", "of the weights (default: --bits)", value(), "N")(
      "operand-bits", "of what the weights multiply: input and state (default: --bits)", value(),
      "N")("gate-bits", "of the gates r and z (default: --bits)", value(), "N")(
      "candidate-bits", "of the candidate n (default: as the carried state)", value(), "N")(
      "state-bits", "of the carried state", cxxopts::value<std::string>()->default_value("16"),
      "N")("residual-bits",
           "of the carried state, its lowest: what no multiplier reads (default: 0)", value(), "N")(
      "write-back",
      "how a state is written: nearest, stochastic (dithered), or feedback (what was not read is "
      "added to the next state)",
      cxxopts::value<std::string>()->default_value("nearest"),
      "KIND")("head-reads-state", "the head multiplies the whole carried state, not the operand")(
      "scale",
      "units of the weights: symmetric (largest weight = largest integer), paper (Erbas et al.'s "
      "formula), power-of-two or grid (2^(1-bits), as QKeras)",
      cxxopts::value<std::string>()->default_value("symmetric"),
      "KIND")("per-tensor", "one unit for all weights of a layer, not one a row");
}

std::string described_write_back(const Widths& w) {
  return concat(
      w.residual_bits > 0 ? concat(", ", w.residual_bits, " of its bits a residual") : "",
      w.write_back != WriteBack::nearest ? concat(", ", name_of(w.write_back), " write-back") : "");
}

QuantizeOptions quantize_options_from(const Arguments& a) {
  BitWidths b = BitWidths::of(bits(a, "bits", 8));
  b.weight = bits(a, "weight-bits", b.weight);
  b.operand = bits(a, "operand-bits", b.operand);
  b.gate = bits(a, "gate-bits", b.gate, 3);
  b.candidate = bits(a, "candidate-bits", b.candidate);
  b.state = bits(a, "state-bits", b.state);
  b.residual = bits(a, "residual-bits", b.residual, 0);
  QuantizeOptions o;
  Widths& w = o.widths = widths_of(b);
  w.head_reads_state = a.has("head-reads-state");
  w.write_back = write_back_of(a.text("write-back"));
  if (w.write_back == WriteBack::feedback && w.read_frac_bits() == w.state_frac_bits)
    fail_usage("--write-back: found feedback of a state of ", b.state,
               " bits, all of which are read, wanted --residual-bits, or --operand-bits below ",
               b.state);

  const std::string scale = a.text("scale");
  o.per_row = !a.has("per-tensor");
  if (scale == "paper")
    o.scale = WeightScale::paper;
  else if (scale == "grid")
    o.scale = WeightScale::fixed_grid;
  else if (scale == "power-of-two")
    o.powers_of_two = true;
  else if (scale != "symmetric")
    fail_usage("--scale: found '", scale, "', wanted symmetric, paper, power-of-two or grid");
  return o;
}

}  // namespace taugate::cli
