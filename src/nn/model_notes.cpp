#include "nn/model_notes.h"

#include <utility>

namespace taugate {
namespace {

const std::string kPrefix = "taugate.";

}  // namespace

void add_notes(Safetensors& file, const std::map<std::string, std::string>& notes) {
  for (const auto& [key, value] : notes) {
    if (value.starts_with('\0'))
      file.add_integers(kPrefix + key, {value.size()},
                        reinterpret_cast<const std::uint8_t*>(value.data()));
    else
      file.metadata[kPrefix + key] = value;
  }
}

std::map<std::string, std::string> take_notes(Safetensors& file, const std::string& header) {
  std::map<std::string, std::string> notes;
  for (const auto& [key, value] : file.metadata)
    if (key.starts_with(kPrefix) && key != header) notes[key.substr(kPrefix.size())] = value;
  std::erase_if(file.tensors, [&](StoredTensor& tensor) {
    if (!tensor.name.starts_with(kPrefix) || tensor.dtype != "U8") return false;
    notes[tensor.name.substr(kPrefix.size())] = std::move(tensor.bytes);
    return true;
  });
  return notes;
}

}  // namespace taugate
