#include "taugate/fli/inference/trained_model.h"
#include "taugate/quant/integer/integer_model_file.h"

#include <nlohmann/json.hpp>

#include "taugate/fli/inference/lifetime_head.h"

namespace taugate {
namespace {

/// The entry of a model file.
const std::string kNovelty = "novelty";

void read_notes(const std::string& file, const ModelNotes& notes, TraceModel& model) {
  const auto note = [&](const std::string& key) -> const std::string& {
    const auto it = notes.find(key);
    require(it != notes.end(), file, ": a network without its taugate.", key,
            " entry, so there is no telling which traces it is for");
    return it->second;
  };
  try {
    model.simulator = simulator_config_from_json(note("simulator"));
    model.normalisation = normalisation_from_json(note("normalisation"));
    model.first_gate_ns = nlohmann::json::parse(note("first_gate_ns")).get<double>();
    model.training = note("training");
    if (notes.contains(kNovelty)) model.novelty = Novelty::from_bytes(notes.at(kNovelty));
  } catch (const nlohmann::json::exception&) {
    fail(file, ": its notes are damaged");
  } catch (const Error& e) {
    fail(file, ": ", e.what());
  }
  const std::size_t steps =
      input_size(model.normalisation, static_cast<std::size_t>(model.gates()));
  const int outputs = model.gives_lifetimes() ? LifetimeHead::kOutputs : model.simulator.channels;
  require(model.input_size() == steps && model.outputs() == outputs, file, ": found a network of ",
          model.input_size(), " gates and ", model.outputs(), " outputs beside an acquisition of ",
          steps, " and ", outputs);
  if (model.novelty)
    require(model.novelty->gates == model.gates(), file, ": found statistics of traces of ",
            model.novelty->gates, " gates, wanted ", model.gates());
}

}  // namespace

std::unique_ptr<Executor> TrainedModel::executor() const {
  return std::make_unique<BatchExecutor>(network);
}

std::unique_ptr<Executor> QuantizedModel::executor() const {
  return std::make_unique<BatchExecutor>(network);
}

ModelNotes notes_of(const TraceModel& model) {
  ModelNotes notes{{"simulator", to_json(model.simulator)},
                   {"normalisation", to_json(model.normalisation)},
                   {"first_gate_ns", nlohmann::json(model.first_gate_ns).dump()},
                   {"training", model.training}};
  if (model.novelty) notes[kNovelty] = model.novelty->to_bytes();
  return notes;
}

void save(const std::filesystem::path& path, const TrainedModel& model) {
  save_model(path, model.network, notes_of(model));
}

void save(const std::filesystem::path& path, const QuantizedModel& model) {
  IntegerModel network = model.network;
  network.notes.erase(kNovelty);  // of the file that it came from
  for (const auto& [key, value] : notes_of(model)) network.notes[key] = value;
  save_integer_model(path, network);
}

void save(const std::filesystem::path& path, const TraceModel& model) {
  if (const auto* integers = dynamic_cast<const QuantizedModel*>(&model))
    save(path, *integers);
  else
    save(path, dynamic_cast<const TrainedModel&>(model));
}

TrainedModel load_trained_model(const std::filesystem::path& path) {
  StoredModel stored = load_model(path);
  TrainedModel model(std::move(stored.model), SimulatorConfig{});
  read_notes(path.string(), stored.notes, model);
  return model;
}

QuantizedModel load_quantized_model(const std::filesystem::path& path) {
  QuantizedModel model(load_integer_model(path));
  read_notes(path.string(), model.network.notes, model);
  return model;
}

bool holds_integers(const std::filesystem::path& path) {
  return is_integer_model(read_safetensors(path));
}

std::unique_ptr<TraceModel> load_trace_model(const std::filesystem::path& path) {
  if (holds_integers(path)) return std::make_unique<QuantizedModel>(load_quantized_model(path));
  return std::make_unique<TrainedModel>(load_trained_model(path));
}

}  // namespace taugate
