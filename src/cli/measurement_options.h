#pragma once
// The options that say how a measured file is read, shared by infer and quantize.

#include "arguments.h"
#include "taugate/study/inference.h"

namespace taugate::cli {

void add_measurement_options(Arguments& arguments);

/// How its traces meet the model's gates. UsageError for a value that makes no sense.
InferenceOptions inference_options_from(const Arguments& arguments);
/// Reads the file as the options say.
Measurement measurement_from(const Arguments& arguments, const std::string& file);

}  // namespace taugate::cli
