#pragma once
// Files of integer models.

#include <filesystem>

#include "taugate/core/safetensors.h"
#include "taugate/quant/integer/integer_model.h"

namespace taugate {

/// Safetensors with integer tensors under PyTorch's names and the metadata entry
/// "taugate.integer_model"; docs/fixed-point.md lists them. Weights of up to 4 bits lie two in a
/// byte.
void save_integer_model(const std::filesystem::path& path, const IntegerModel& model);

/// Whether load_integer_model would take it for one of its own: a file of the program's, or of the
/// published student's form.
bool is_integer_model(const Safetensors& content);

/// Reads that, or the published student's form (metadata "form": "qkeras"). Error for anything that
/// does not fit: another version of the arithmetic, a missing, misshapen or unknown tensor, a value
/// off its grid, an accumulator that could overflow.
IntegerModel load_integer_model(const std::filesystem::path& path);

}  // namespace taugate
