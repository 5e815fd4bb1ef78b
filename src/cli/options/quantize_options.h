#pragma once
// The options that say which integers a network becomes.

#include "cli/options/arguments.h"
#include "taugate/quant/ptq/quantize.h"

namespace taugate::cli {

void add_quantize_options(Arguments& arguments);

/// ", 4 of its bits a residual, feedback write-back"; nothing where all is read and rounded to the
/// nearest.
std::string described_write_back(const Widths& widths);

/// UsageError for bits outside 2..16, for bits that do not fit together, and for an unknown scale or
/// write-back.
QuantizeOptions quantize_options_from(const Arguments& arguments);

}  // namespace taugate::cli
