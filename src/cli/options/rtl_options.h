#pragma once
// The options that say how a model becomes hardware, shared by export-rtl and cosim.

#include "cli/options/arguments.h"
#include "taugate/interchange/rtl_export.h"

namespace taugate::cli {

void add_rtl_options(Arguments& arguments);

/// The SystemVerilog: installed beside the program, or, of a program in its build folder, in the source tree.
std::filesystem::path rtl_folder();

/// UsageError for a value that makes no sense.
RtlOptions rtl_options_from(const Arguments& arguments);

/// The model with its parameters, in a few lines on standard output.
void print_parameters(const IntegerModel& model, const RtlParameters& parameters);

/// Input words [N][T] of a model: each sample on the operand's grid.
std::vector<std::vector<std::int16_t>> words_of(const IntegerModel& model,
                                                std::span<const float> traces);

}  // namespace taugate::cli
