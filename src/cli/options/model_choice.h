#pragma once
// Which model a command takes: a file, or one of those that come with the program (docs/models.md).

#include <memory>
#include <string>

#include "cli/options/arguments.h"
#include "taugate/fli/inference/inference.h"
#include "taugate/fli/inference/model_card.h"

namespace taugate::cli {

/// The models that come with the program: installed beside it, or, of a program in its build folder, in the source tree.
std::filesystem::path models_folder();

/// Whether `model` is "auto" or the name of a card, and not a file.
bool names_card(const std::string& model);

/// The card's model for this measurement, which it must fit; tells which one it is, and sets where gate 0 opens unless
/// --first does.
std::unique_ptr<TraceModel> model_of_card(const std::string& model, const Measurement& measurement,
                                          InferenceOptions& options);

}  // namespace taugate::cli
