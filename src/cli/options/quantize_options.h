#pragma once
// The options that say which integers a network becomes.

#include "cli/options/arguments.h"
#include "taugate/quant/ptq/quantize.h"

namespace taugate::cli {

void add_quantize_options(Arguments& arguments);

/// UsageError for bits outside 2..16, for bits that do not fit together, and for an unknown scale.
QuantizeOptions quantize_options_from(const Arguments& arguments);

}  // namespace taugate::cli
