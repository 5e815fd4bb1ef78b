#pragma once
// The options that say how a measured file is read, shared by all commands that take one.

#include <optional>
#include <span>
#include <string>

#include "cli/options/arguments.h"
#include "taugate/fli/inference/inference.h"

namespace taugate::cli {

/// --time-first, --member, --channel, --gates-per-frame: what measurement_from() looks at.
void add_reading_options(Arguments& arguments);
/// These, and what inference_options_from() looks at. `file`: the option that names the file, where
/// it is no argument of its own.
void add_measurement_options(Arguments& arguments, const char* file = nullptr);

/// UsageError for a --channel or --frames that no file could have, of a table of many files.
void check_reading_options(const Arguments& arguments);

/// How its traces meet the model's gates. UsageError for a value that makes no sense.
InferenceOptions inference_options_from(const Arguments& arguments);
/// --time-first, --member and --gates-per-frame, as read_measurement() wants them.
MeasurementOptions reading_options_from(const Arguments& arguments);

/// Reads the file as the options say, --bin, --period and those of pixel_options.h among them where
/// the command has them, and prints what there is to tell about it.
/// `any_way`: also with its axes exchanged, as it seems. Else that is a UsageError, unless the file
/// tells its bin width.
Measurement measurement_from(const Arguments& arguments, const std::string& file,
                             bool any_way = false);

/// --irf and how that file is read, under a title of --help.
void add_irf_options(Arguments& arguments, const std::string& title);
/// These, and --irf-align, for commands that take whole libraries.
void add_irf_library_options(Arguments& arguments, const std::string& title);
/// Tells how far the IRFs lay apart that --irf-align has moved. shift_ns: of each.
void print_alignment(const Arguments& arguments, std::span<const double> shift_ns);
/// Reads the file of --irf. Its bin width is what the file tells or --irf-bin, else that of a
/// measurement `beside` with as many bins, which is printed; Error where there is none, UsageError
/// for a library whose axes are exchanged.
Measurement irf_from(const Arguments& arguments, const Measurement* beside = nullptr);

}  // namespace taugate::cli
