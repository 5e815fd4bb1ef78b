#pragma once
// Export to ONNX, for runtimes that know nothing of taugate. docs/interchange.md has the graph.

#include <string>

#include "taugate/nn/model_file.h"

namespace taugate {

/// The bytes of an .onnx file (IR version 7, operator set 13): input "tpsf" [N][T], normalised as
/// in training, to output "sfd" [N][T][C] and, of a network with a second head, "lifetimes"
/// [N][1][E]. Smooth GRUs become ONNX's operator GRU, whose gates are
/// in the order z, r, h and whose linear_before_reset is 1 for reset_after; hard ones, which that
/// operator lacks, become Scans of their equations. `notes` become metadata under "taugate.<key>".
std::string onnx_model(const Model& model, const ModelNotes& notes = {});

}  // namespace taugate
