#include "taugate/fli/inference/trained_model.h"
#include "taugate/quant/integer/integer_model_file.h"

#include <nlohmann/json.hpp>

#include "taugate/fli/inference/lifetime_head.h"
#include "taugate/fli/inference/photon_network.h"

namespace taugate {
namespace {

/// The entry of a model file.
const std::string kNovelty = "novelty";

void check_reads(const std::string& file, const TraceModel& model, ModelReads wanted) {
  if (model.reads_photons())
    require(
        wanted != ModelReads::traces, file,
        ": found a network that reads single photons, wanted one of traces (infer takes it with "
        "--photons)");
  else
    require(wanted != ModelReads::photons, file,
            ": found a network that reads traces, wanted one of single photons (train --photons)");
}

void read_notes(const std::string& file, const ModelNotes& notes, ModelReads wanted,
                TraceModel& model) {
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
  check_reads(file, model, wanted);
  if (model.reads_photons()) {
    require(model.outputs() == PhotonNetwork::kOutputs, file, ": found a network of photons with ",
            model.outputs(), " outputs, wanted ", PhotonNetwork::kOutputs);
    return require_whole_period(model.acquisition());
  }
  const std::size_t steps =
      input_size(model.normalisation, static_cast<std::size_t>(model.gates()));
  const int outputs = model.gives_decays() ? model.simulator.channels : LifetimeHead::kOutputs,
            second = model.description().encoder_outputs;
  require(second == 0 || second == LifetimeHead::kOutputs, file, ": found ", second,
          " outputs of the encoder's last state, wanted none or ", LifetimeHead::kOutputs);
  require(model.input_size() == steps && model.outputs() == outputs, file, ": found a network of ",
          model.input_size(), " gates and ", model.outputs(), " outputs beside an acquisition of ",
          steps, " and ", outputs);
  if (model.novelty)
    require(model.novelty->gates == model.gates(), file, ": found statistics of traces of ",
            model.novelty->gates, " gates, wanted ", model.gates());
}

}  // namespace

std::span<const float> TraceModel::decay_of(std::span<const float> output) const {
  const auto C = static_cast<std::size_t>(outputs());
  return output.subspan((input_size() - static_cast<std::size_t>(gates())) * C,
                        static_cast<std::size_t>(gates()) * C);
}
std::span<const float> TraceModel::lifetimes_of(std::span<const float> output) const {
  return output.last(LifetimeHead::kOutputs);
}

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

TrainedModel load_trained_model(const std::filesystem::path& path, ModelReads wanted) {
  StoredModel stored = load_model(path);
  TrainedModel model(std::move(stored.model), SimulatorConfig{});
  read_notes(path.string(), stored.notes, wanted, model);
  return model;
}

QuantizedModel load_quantized_model(const std::filesystem::path& path, ModelReads wanted) {
  QuantizedModel model(load_integer_model(path));
  read_notes(path.string(), model.network.notes, wanted, model);
  return model;
}

bool holds_integers(const std::filesystem::path& path) {
  return is_integer_model(read_safetensors(path));
}

std::unique_ptr<TraceModel> load_trace_model(const std::filesystem::path& path, ModelReads wanted) {
  if (holds_integers(path))
    return std::make_unique<QuantizedModel>(load_quantized_model(path, wanted));
  return std::make_unique<TrainedModel>(load_trained_model(path, wanted));
}

}  // namespace taugate
