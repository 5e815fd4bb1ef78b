#pragma once
// Trained models on disk: safetensors with PyTorch's tensor names (encoder.0.weight_ih [3H][I],
// ..., head.bias [C]; gates r, z, n) and the configuration as JSON in the metadata entry
// "taugate.model".

#include <filesystem>
#include <map>
#include <string>

#include "taugate/nn/model.h"

namespace taugate {

/// Whatever else a model needs to be used (acquisition, normalisation, how it was trained), by key;
/// each becomes the metadata entry "taugate.<key>", or, where it begins with a zero byte, a tensor of bytes of that name. The network itself does not look at them.
using ModelNotes = std::map<std::string, std::string>;

struct StoredModel {
  Model model;
  ModelNotes notes;
};

/// In floats of 16 bits where the weights were rounded to such (Parameters::round_to_halves()), else of 32.
void save_model(const std::filesystem::path& path, const Model& model,
                const ModelNotes& notes = {});

/// Error for anything that does not fit: a missing, misshapen or unknown tensor, a value that is
/// not finite, a configuration out of range. Input weights of the zero-fed decoder are accepted and
/// dropped.
StoredModel load_model(const std::filesystem::path& path);

}  // namespace taugate
