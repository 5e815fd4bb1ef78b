#include "taugate/study/trained_model.h"

#include <nlohmann/json.hpp>

namespace taugate {

void save(const std::filesystem::path& path, const TrainedModel& model) {
  save_model(path, model.network,
             {{"simulator", to_json(model.simulator)},
              {"normalisation", to_json(model.normalisation)},
              {"first_gate_ns", nlohmann::json(model.first_gate_ns).dump()},
              {"training", model.training}});
}

TrainedModel load_trained_model(const std::filesystem::path& path) {
  StoredModel stored = load_model(path);
  const auto note = [&](const std::string& key) -> const std::string& {
    const auto it = stored.notes.find(key);
    require(it != stored.notes.end(), path.string(), ": a network without its taugate.", key,
            " entry, so there is no telling which traces it is for");
    return it->second;
  };
  try {
    TrainedModel model{std::move(stored.model), simulator_config_from_json(note("simulator")),
                       normalisation_from_json(note("normalisation")),
                       nlohmann::json::parse(note("first_gate_ns")).get<double>(),
                       note("training")};
    require(model.network.config().gates == model.acquisition().gates &&
                model.network.config().outputs == model.simulator.channels,
            path.string(), ": found a network of ", model.network.config().gates, " gates and ",
            model.network.config().outputs, " outputs beside an acquisition of ",
            model.acquisition().gates, " and ", model.simulator.channels);
    return model;
  } catch (const nlohmann::json::exception&) {
    fail(path.string(), ": its notes are damaged");
  } catch (const UsageError& e) {
    fail(path.string(), ": ", e.what());
  }
}

}  // namespace taugate
