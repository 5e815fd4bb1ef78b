#include "taugate/nn/model_file.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "taugate/core/safetensors.h"

namespace taugate {
namespace {

using Json = nlohmann::json;
constexpr int kFormatVersion = 1;
const std::string kPrefix = "taugate.";

std::vector<std::size_t> shape_on_disk(const Parameters::Entry& entry) {
  std::vector<std::size_t> shape{static_cast<std::size_t>(entry.at.rows)};
  const bool bias = entry.name.find("bias") != std::string::npos;
  if (!bias) shape.push_back(static_cast<std::size_t>(entry.at.cols));
  return shape;
}

/// A whole number; the JSON library alone would cut 2.5 or 2^32 + 2 down to 2.
int whole_number(const std::string& file, const Json& value) {
  require(value.is_number_integer() && std::in_range<int>(value.get<std::int64_t>()), file,
          ": its entry taugate.model: found ", value.dump(), ", wanted a whole number");
  return value.get<int>();
}

Seq2SeqConfig parse_config(const std::string& file, const std::string& text) {
  Seq2SeqConfig config;
  try {
    const Json json = Json::parse(text);
    const int version = whole_number(file, json.at("version"));
    require(version == kFormatVersion, file, ": found a model of format version ", version,
            ", wanted ", kFormatVersion);
    config.gates = whole_number(file, json.at("gates"));
    config.outputs = whole_number(file, json.at("outputs"));
    for (const Json& units : json.at("hidden")) config.hidden.push_back(whole_number(file, units));
    config.form = gru_form(json.at("form"));
    config.activation = activation(json.at("activation"));
    config.validate();
  } catch (const Json::exception&) {
    fail(file, ": its entry taugate.model is damaged");
  } catch (const UsageError& e) {
    fail(file, ": ", e.what());
  }
  return config;
}

/// Refuses sizes that the file's tensors cannot fill, before room is made for them.
void check_affordable(const std::string& file, const Seq2SeqConfig& config,
                      const Safetensors& content) {
  std::size_t wanted = 0, found = 0;
  for (int units : config.hidden) wanted += 2 * std::size_t{3} * units * units;
  for (const StoredTensor& tensor : content.tensors) found += tensor.count();
  require(wanted <= found, file, ": found ", found, " values, wanted at least the ", wanted,
          " recurrent weights of its configuration");
}

}  // namespace

void save_model(const std::filesystem::path& path, const Seq2Seq& model, const ModelNotes& notes) {
  const Seq2SeqConfig& config = model.config();
  Safetensors file;
  file.metadata[kPrefix + "model"] =
      Json{{"version", kFormatVersion},    {"gates", config.gates},
           {"outputs", config.outputs},    {"hidden", config.hidden},
           {"form", name_of(config.form)}, {"activation", name_of(config.activation)}}
          .dump();
  for (const auto& [key, value] : notes) file.metadata[kPrefix + key] = value;
  for (const auto& entry : model.parameters().entries())
    file.add_floats(entry.name, shape_on_disk(entry), model.parameters().data() + entry.at.offset);
  write_safetensors(path, file);
}

StoredModel load_model(const std::filesystem::path& path) {
  const std::string name = path.string();
  const Safetensors file = read_safetensors(path);
  const auto entry = file.metadata.find(kPrefix + "model");
  require(entry != file.metadata.end(), name,
          ": a safetensors file, but not a taugate model: it has no ", kPrefix, "model entry");
  Seq2SeqConfig config = parse_config(name, entry->second);
  check_affordable(name, config, file);
  StoredModel stored{Seq2Seq(std::move(config)), {}};
  for (const auto& [key, value] : file.metadata)
    if (key.starts_with(kPrefix) && key != kPrefix + "model")
      stored.notes[key.substr(kPrefix.size())] = value;

  Parameters& parameters = stored.model.parameters();
  for (const auto& wanted : parameters.entries()) {
    const StoredTensor* tensor = file.find(wanted.name);
    require(tensor != nullptr, name, ": tensor '", wanted.name, "' is missing");
    require(tensor->shape == shape_on_disk(wanted), name, ": tensor '", wanted.name,
            "': found shape ", shape_text(tensor->shape), ", wanted ",
            shape_text(shape_on_disk(wanted)));
    const auto values = floats_of(*tensor, name);
    for (float v : values)
      require(std::isfinite(v), name, ": tensor '", wanted.name,
              "' has a value that is not finite");
    std::copy(values.begin(), values.end(), parameters.data() + wanted.at.offset);
  }
  for (const auto& tensor : file.tensors) {
    const auto known = [&](const Parameters::Entry& e) { return e.name == tensor.name; };
    require(tensor.name == "decoder.0.weight_ih" ||
                std::any_of(parameters.entries().begin(), parameters.entries().end(), known),
            name, ": found tensor '", tensor.name, "', which this model has no place for");
  }
  return stored;
}

}  // namespace taugate
