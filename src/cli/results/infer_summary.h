#pragma once
// What `taugate infer` found in an image or a list of traces, in figures.

#include <nlohmann/json.hpp>
#include <vector>

#include "taugate/fli/inference/inference.h"

namespace taugate::cli {

/// summary.json. `truth`: lifetimes [N] of a simulated archive, or empty.
nlohmann::json infer_summary(const Inference& result, const std::vector<float>& truth,
                             double first_gate_ns);

/// In words: the lifetimes, and which of them are to be doubted; warns where these are many.
void print_inference(const Inference& result, const nlohmann::json& summary);

}  // namespace taugate::cli
