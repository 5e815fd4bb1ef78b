#pragma once
// The notes of a model in its file: text in the metadata entry "taugate.<key>", bytes, which begin with a zero, in a
// tensor of that name.

#include <string>

#include "taugate/core/safetensors.h"
#include "taugate/nn/model_file.h"

namespace taugate {

void add_notes(Safetensors& file, const ModelNotes& notes);
/// All but the entry `header`; tensors of notes are taken out of the file.
ModelNotes take_notes(Safetensors& file, const std::string& header);

}  // namespace taugate
