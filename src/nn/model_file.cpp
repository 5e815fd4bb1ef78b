#include "taugate/nn/model_file.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "nn/model_notes.h"
#include "nn/network_json.h"
#include "taugate/core/safetensors.h"

namespace taugate {
namespace {

using Json = nlohmann::json;
constexpr int kFormatVersion = 1;
const std::string kEntry = "taugate.model";

std::vector<std::size_t> shape_on_disk(const Parameters::Entry& entry) {
  std::vector<std::size_t> shape{static_cast<std::size_t>(entry.at.rows)};
  const bool bias = entry.name.find("bias") != std::string::npos;
  if (!bias) shape.push_back(static_cast<std::size_t>(entry.at.cols));
  return shape;
}

Network parse_network(const std::string& file, const std::string& text) {
  const std::string where = file + ": its entry taugate.model";
  try {
    const Json json = Json::parse(text);
    const int version = whole_number(json.at("version"), where);
    require(version == kFormatVersion, file, ": found a model of format version ", version,
            ", wanted ", kFormatVersion);
    return network_from_json(json, where);
  } catch (const Json::exception&) {
    fail(where, " is damaged");
  } catch (const UsageError& e) {
    fail(file, ": ", e.what());
  }
}

/// Refuses sizes that the file's tensors cannot fill, before room is made for them.
void check_affordable(const std::string& file, const Network& network, const Safetensors& content) {
  std::size_t wanted = 0, found = 0;
  for (const GruSpec& layer : network.layers)
    wanted += std::size_t{3} * static_cast<std::size_t>(layer.units) *
              static_cast<std::size_t>(layer.units);
  for (const StoredTensor& tensor : content.tensors) found += tensor.count();
  require(wanted <= found, file, ": found ", found, " values, wanted at least the ", wanted,
          " recurrent weights of its configuration");
}

/// Input weights of layers that read zeros: other frameworks cannot do without, here they are left out.
bool is_unread_input(const Network& network, const std::string& name) {
  return std::any_of(network.layers.begin(), network.layers.end(), [&](const GruSpec& layer) {
    return layer.reads == GruSpec::Reads::zeros && GruTensors(layer.name).weight_ih == name;
  });
}

}  // namespace

void save_model(const std::filesystem::path& path, const Model& model, const ModelNotes& notes) {
  Json header = network_to_json(model.description());
  header["version"] = kFormatVersion;
  Safetensors file;
  add_notes(file, notes);
  file.metadata[kEntry] = header.dump();
  const bool halves = model.parameters().are_halves();
  for (const auto& entry : model.parameters().entries()) {
    const float* values = model.parameters().data() + entry.at.offset;
    if (halves)
      file.add_halves(entry.name, shape_on_disk(entry), values);
    else
      file.add_floats(entry.name, shape_on_disk(entry), values);
  }
  write_safetensors(path, file);
}

StoredModel load_model(const std::filesystem::path& path) {
  const std::string name = path.string();
  Safetensors file = read_safetensors(path);
  const auto entry = file.metadata.find(kEntry);
  require(entry != file.metadata.end(), name,
          ": a safetensors file, but not a taugate model: it has no ", kEntry, " entry");
  Network network = parse_network(name, entry->second);
  ModelNotes notes = take_notes(file, kEntry);
  check_affordable(name, network, file);
  StoredModel stored{Model(std::move(network)), std::move(notes)};

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
  if (std::ranges::all_of(file.tensors, [](const StoredTensor& t) { return t.dtype == "F16"; }))
    parameters.round_to_halves();  // which changes none, so that they are written as they were read
  for (const auto& tensor : file.tensors) {
    const auto known = [&](const Parameters::Entry& e) { return e.name == tensor.name; };
    require(is_unread_input(stored.model.description(), tensor.name) ||
                std::any_of(parameters.entries().begin(), parameters.entries().end(), known),
            name, ": found tensor '", tensor.name, "', which this model has no place for");
  }
  return stored;
}

}  // namespace taugate
