// Trainer's checkpoints: a safetensors file with the parameters, the best ones so far, both Adam
// moments, and the counters as JSON. Losses are stored as hexadecimal floats, so that nothing is
// rounded.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "taugate/core/safetensors.h"
#include "taugate/nn/trainer.h"

namespace taugate {
namespace {

using Json = nlohmann::json;

std::string exact(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%a", value);
  return text;
}
double from_exact(const Json& text) {
  return std::strtod(text.get<std::string>().c_str(), nullptr);
}

constexpr const char* kEntry = "taugate.checkpoint";

/// Where two fingerprints differ: the first few fields, each with both of its values.
std::string differences(const Json& found, const Json& wanted) {
  constexpr int kMost = 3;
  const Json a = found.flatten(), b = wanted.flatten();
  std::string text;
  int count = 0;
  const auto tell = [&](const std::string& key) {
    const auto value = [&](const Json& j) { return j.contains(key) ? j[key].dump() : "none"; };
    if (value(a) == value(b) || ++count > kMost) return;
    text += concat(count > 1 ? "; " : "", key.substr(key.empty() ? 0 : 1), ": found ", value(a),
                   ", wanted ", value(b));
  };
  for (const auto& field : b.items()) tell(field.key());
  for (const auto& field : a.items())
    if (!b.contains(field.key())) tell(field.key());
  return count > kMost ? concat(text, "; and ", count - kMost, " more") : text;
}

}  // namespace

std::string to_json(const TrainingOptions& options) {
  // All fields, or it does not compile.
  const auto& [samples, batch, slice, adam, schedule, validation_samples, validations, patience,
               objective] = options;
  const auto& [beta1, beta2, epsilon, clip_norm] = adam;
  const auto& [kind, rate, warm_up, floor] = schedule;
  return Json{
      {"samples", samples},
      {"batch", batch},
      {"slice", slice},
      {"adam",
       {{"beta1", beta1}, {"beta2", beta2}, {"epsilon", epsilon}, {"clip_norm", clip_norm}}},
      {"schedule",
       {{"kind", name_of(kind)}, {"rate", rate}, {"warm_up", warm_up}, {"floor", floor}}},
      {"validation_samples", validation_samples},
      {"validations", validations},
      {"patience", patience},
      {"objective", Json::accept(objective) ? Json::parse(objective) : Json(objective)}}
      .dump();
}

/// What must agree for a resumed run to end with the same bits.
std::string Trainer::fingerprint() const {
  return Json{{"training", Json::parse(to_json(options_))},
              {"data",
               {{"steps", data_.steps()},
                {"inputs", data_.inputs()},
                {"outputs", data_.outputs()},
                {"identity", data_.identity()}}},
              {"parameters", parameters_.count()}}
      .dump();
}

void Trainer::save_checkpoint(const std::filesystem::path& path) const {
  Json history = Json::array();
  for (const auto& p : history_)
    history.push_back({p.samples, exact(p.training_loss), exact(p.validation_loss),
                       exact(p.learning_rate), exact(p.gradient_norm)});
  Safetensors file;
  file.metadata[kEntry] = Json{
      {"options", Json::parse(fingerprint())},
      {"steps", steps_done_},
      {"halvings", halvings_},
      {"stale", stale_},
      {"best_loss", exact(best_loss_)},
      {"loss_since_point", exact(loss_since_point_)},
      {"steps_since_point", steps_since_point_},
      {"recent_rate", exact(recent_rate_)},
      {"recent_norm", exact(recent_norm_)},
      {"history", history}}.dump();
  const std::vector<std::size_t> shape{parameters_.size()};
  file.add_floats("parameters", shape, parameters_.data());
  file.add_floats("best", shape, best_.data());
  file.add_floats("adam.mean", shape, adam_.mean().data());
  file.add_floats("adam.square", shape, adam_.square().data());
  write_safetensors(path, file);
}

void Trainer::load_checkpoint(const std::filesystem::path& path) {
  const std::string name = path.string();
  const Safetensors file = read_safetensors(path);
  const auto entry = file.metadata.find(kEntry);
  require(entry != file.metadata.end(), name, ": not a checkpoint of a training run");
  const auto block = [&](const char* tensor) {
    const StoredTensor* t = file.find(tensor);
    require(t && t->dtype == "F32" && t->shape == std::vector{parameters_.size()}, name,
            ": tensor '", tensor, "' is missing or has another size than this model's ",
            parameters_.size());
    return floats_of(*t, name);
  };
  try {
    // Everything is read before anything changes: a refused file leaves the trainer as it was.
    const Json json = Json::parse(entry->second);
    const Json &found = json.at("options"), wanted = Json::parse(fingerprint());
    require(found == wanted, name,
            ": made with other options than this run's: ", differences(found, wanted));
    std::vector<TrainingPoint> history;
    for (const auto& p : json.at("history"))
      history.push_back({p.at(0), from_exact(p.at(1)), from_exact(p.at(2)), from_exact(p.at(3)),
                         from_exact(p.at(4))});
    const std::uint64_t steps = json.at("steps"), steps_since_point = json.at("steps_since_point");
    const int halvings = json.at("halvings"), stale = json.at("stale");
    const double best_loss = from_exact(json.at("best_loss"));
    const double loss_since_point = from_exact(json.at("loss_since_point"));
    const double recent_rate = from_exact(json.at("recent_rate"));
    const double recent_norm = from_exact(json.at("recent_norm"));
    const auto parameters = block("parameters"), best = block("best");
    const auto mean = block("adam.mean"), square = block("adam.square");

    std::copy(parameters.begin(), parameters.end(), parameters_.data());
    std::copy(best.begin(), best.end(), best_.begin());
    std::copy(mean.begin(), mean.end(), adam_.mean().begin());
    std::copy(square.begin(), square.end(), adam_.square().begin());
    adam_.set_steps(steps);
    steps_done_ = steps;
    steps_since_point_ = steps_since_point;
    halvings_ = halvings;
    stale_ = stale;
    best_loss_ = best_loss;
    loss_since_point_ = loss_since_point;
    recent_rate_ = recent_rate;
    recent_norm_ = recent_norm;
    history_ = std::move(history);
  } catch (const Json::exception&) {
    fail(name, ": its entry ", kEntry, " is damaged");
  }
}

}  // namespace taugate
