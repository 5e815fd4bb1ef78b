#pragma once
// The notes of a model in its file: text in the metadata entry "taugate.<key>", bytes, which begin with a zero, in a
// tensor of that name.

#include <map>
#include <string>

#include "taugate/core/safetensors.h"

namespace taugate {

void add_notes(Safetensors& file, const std::map<std::string, std::string>& notes);
/// All but the entry `header`; tensors of notes are taken out of the file.
std::map<std::string, std::string> take_notes(Safetensors& file, const std::string& header);

}  // namespace taugate
