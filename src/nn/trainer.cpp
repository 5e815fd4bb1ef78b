#include "taugate/nn/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "taugate/core/parallel.h"
#include "taugate/core/safetensors.h"

namespace taugate {
namespace {

// Each has a gradient block of its own, which ranks exchange: where there are many, of four slices at least.
constexpr int kManyGroups = 32, kMostGroups = 256, kSlicesOfMany = 4;
constexpr int kStaleBeforeHalving = 2;  // validations without a new best, for the plateau schedule
constexpr std::size_t kMostGradientFloats = std::size_t{1} << 27;

/// How many slices a batch makes, and how they fall into groups; no thread count in sight.
int group_count(const TrainingOptions& options, std::size_t parameters) {
  const int slices = (options.batch + options.slice - 1) / options.slice;
  const auto affordable =
      static_cast<int>(kMostGradientFloats / std::max<std::size_t>(parameters, 1));
  const int groups = std::max(std::min(slices, kManyGroups), slices / kSlicesOfMany);
  return std::clamp(std::min(groups, affordable), 1, kMostGroups);
}

}  // namespace

void TrainingOptions::validate() const {
  constexpr double kLeast = 1e-12;
  if (batch < 1 || batch > 1 << 20) fail_usage("batch: found ", batch, ", wanted 1 to 1048576");
  if (slice < kLaneBlock || slice % kLaneBlock != 0)
    fail_usage("slice: found ", slice, ", wanted a multiple of ", kLaneBlock);
  if (samples < 1 || samples > std::uint64_t{1} << 48)
    fail_usage("samples: found ", samples, ", wanted 1 to 2^48");
  if (validation_samples < 1 || validation_samples > std::uint64_t{1} << 32)
    fail_usage("validation samples: found ", validation_samples, ", wanted 1 to 2^32");
  if (validations < 1) fail_usage("validations: found ", validations, ", wanted at least 1");
  if (patience < 0) fail_usage("patience: found ", patience, ", wanted 0 or more");
  if (!(schedule.rate >= kLeast && schedule.rate <= 1.0))
    fail_usage("learning rate: found ", schedule.rate, ", wanted ", kLeast, " to 1");
  if (!(schedule.warm_up >= 0.0 && schedule.warm_up < 1.0))
    fail_usage("warm-up: found ", schedule.warm_up,
               ", wanted a share of the run, 0 or more and below 1");
  if (adam.clip_norm != 0.0 && !(adam.clip_norm >= kLeast && adam.clip_norm <= 1.0 / kLeast))
    fail_usage("clip: found ", adam.clip_norm, ", wanted 0, or ", kLeast, " to ", 1.0 / kLeast);
}

std::optional<TrainingPoint> lost_after(const std::vector<TrainingPoint>& history) {
  constexpr double kLost = 4.0;
  const auto best = std::min_element(
      history.begin(), history.end(),
      [](const auto& a, const auto& b) { return a.validation_loss < b.validation_loss; });
  if (best == history.end() || history.back().validation_loss <= kLost * best->validation_loss)
    return std::nullopt;
  return *best;
}

Trainer::Trainer(Parameters& parameters, Objective objective, const TrainingData& data,
                 const TrainingOptions& options, Ranks& ranks)
    : parameters_(parameters),
      objective_(std::move(objective)),
      data_(data),
      ranks_(ranks),
      options_((options.validate(), options)),
      adam_(parameters.size(), options.adam),
      groups_(group_count(options, parameters.size())),
      gradients_(groups_ * parameters.size()),
      group_loss_(static_cast<std::size_t>(groups_)),
      steps_total_((options.samples + options.batch - 1) / options.batch),
      best_loss_(INFINITY),
      best_(parameters.size()) {
  Arena probe;
  run_slice(probe, 0, std::min(options_.slice, options_.batch), 0.0f, gradients_.data());
  arena_bytes_ = probe.capacity();
  prepare_arenas();
}

/// Every thread's arena has, beforehand, what a slice will need.
void Trainer::prepare_arenas() const {
  while (arenas_.size() < static_cast<std::size_t>(thread_count()))
    arenas_.emplace_back(arena_bytes_);
}

double Trainer::run_slice(Arena& arena, std::uint64_t first, int batch, float scale,
                          float* gradients) const {
  arena.reset();
  const auto input = arena.zero_sequence<float>(data_.steps(), data_.inputs(), batch);
  const auto target = arena.zero_sequence<float>(data_.target_steps(), data_.outputs(), batch);
  data_.fill(first, input, target);
  Tape<float> tape(arena, parameters_.bind(gradients));
  const Var<float> loss = objective_(tape, tape.input(input), target, scale);
  if (gradients) tape.backward(loss);
  return loss.value.at(0, 0, 0);
}

double Trainer::step() {
  prepare_arenas();
  const std::size_t size = parameters_.size();
  const std::uint64_t first = steps_done_ * static_cast<std::uint64_t>(options_.batch);
  const int slices = (options_.batch + options_.slice - 1) / options_.slice;
  const float scale =
      1.0f / (static_cast<float>(options_.batch) * data_.target_steps() * data_.outputs());
  const Share mine = ranks_.share(static_cast<std::size_t>(groups_));
  parallel_for(mine.size(), [&](std::size_t i, int thread) {
    const std::size_t group = mine.begin + i;
    float* gradients = gradients_.data() + group * size;
    std::fill_n(gradients, size, 0.0f);
    const int begin = static_cast<int>(group) * slices / groups_;
    const int end = (static_cast<int>(group) + 1) * slices / groups_;
    double loss = 0.0;
    for (int s = begin; s < end; ++s) {
      const int offset = s * options_.slice;
      loss += run_slice(arenas_[static_cast<std::size_t>(thread)], first + offset,
                        std::min(options_.slice, options_.batch - offset), scale, gradients);
    }
    group_loss_[group] = loss;
  });
  add_up_gradients();

  recent_loss_ = 0.0;
  for (double loss : group_loss_) recent_loss_ += loss;
  require(std::isfinite(recent_loss_), "training: the loss is not finite after ", samples_done(),
          " traces; try a lower learning rate");
  const double progress = static_cast<double>(steps_done_) / static_cast<double>(steps_total_);
  recent_rate_ = options_.schedule.at(progress, halvings_);
  recent_norm_ = adam_.step(parameters_.data(), gradients_.data(), recent_rate_);
  ++steps_done_;
  loss_since_point_ += recent_loss_;
  ++steps_since_point_;
  return recent_loss_;
}

void Trainer::add_up_gradients() {
  const std::size_t size = parameters_.size(), groups = group_loss_.size();
  ranks_.exchange(gradients_.data(), groups, size);
  const Share mine = ranks_.share(size);
  for (std::size_t group = 1; group < groups; ++group) {
    const float* from = gradients_.data() + group * size;
    for (std::size_t i = mine.begin; i < mine.end; ++i) gradients_[i] += from[i];
  }
  ranks_.gather(gradients_.data(), size);
  ranks_.gather(group_loss_.data(), groups);
}

bool Trainer::ended_by(const std::function<bool(const Trainer&)>& observer) const {
  return observer && ranks_.any(!observer(*this));
}

void Trainer::keep_checkpoint() const {
  if (!checkpoint.empty() && ranks_.rank() == 0) save_checkpoint(checkpoint);
}

std::optional<double> Trainer::validate(const std::function<bool(const Trainer&)>& observer) const {
  prepare_arenas();
  const std::uint64_t count = options_.validation_samples;
  const auto slices = static_cast<std::size_t>((count + options_.slice - 1) / options_.slice);
  const float scale = 1.0f / (static_cast<float>(count) * data_.target_steps() * data_.outputs());
  std::vector<double> losses(slices);
  constexpr std::size_t kSlicesBetweenLooks = 64;
  const std::size_t together = kSlicesBetweenLooks * static_cast<std::size_t>(ranks_.size());
  for (std::size_t first = 0; first < slices; first += together) {
    if (first > 0 && ended_by(observer)) return std::nullopt;
    const std::size_t some = std::min(together, slices - first);
    const Share mine = ranks_.share(some);
    parallel_for(mine.size(), [&](std::size_t i, int thread) {
      const std::size_t slice = first + mine.begin + i;
      const std::uint64_t offset = slice * static_cast<std::uint64_t>(options_.slice);
      const int batch = static_cast<int>(std::min<std::uint64_t>(options_.slice, count - offset));
      losses[slice] = run_slice(arenas_[static_cast<std::size_t>(thread)],
                                kValidationStart + offset, batch, scale, nullptr);
    });
    ranks_.gather(losses.data() + first, some);
  }
  double total = 0.0;
  for (double loss : losses) total += loss;
  return total;
}

std::optional<bool> Trainer::record_validation(
    const std::function<bool(const Trainer&)>& observer) {
  const std::optional<double> loss = validate(observer);
  if (!loss) return std::nullopt;
  TrainingPoint point;
  point.samples = samples_done();
  point.training_loss =
      loss_since_point_ / static_cast<double>(std::max<std::uint64_t>(steps_since_point_, 1));
  point.validation_loss = *loss;
  require(std::isfinite(point.validation_loss),
          "training: the validation loss is not finite after ", samples_done(),
          " traces; try a lower learning rate");
  point.learning_rate = recent_rate_;
  point.gradient_norm = recent_norm_;
  history_.push_back(point);
  loss_since_point_ = 0.0;
  steps_since_point_ = 0;
  if (point.validation_loss < best_loss_) {
    best_loss_ = point.validation_loss;
    std::copy_n(parameters_.data(), parameters_.size(), best_.data());
    stale_ = 0;
    return false;
  }
  ++stale_;
  if (stale_ % kStaleBeforeHalving == 0) ++halvings_;
  return options_.patience > 0 && stale_ >= options_.patience;
}

TrainingEnd Trainer::run(const std::function<bool(const Trainer&)>& observer) {
  const std::uint64_t points = std::min<std::uint64_t>(options_.validations, steps_total_);
  // Point k of the curve comes after step ceil(k * total / points).
  const auto due = [&] { return history_.size() < steps_done_ * points / steps_total_; };
  TrainingEnd end = TrainingEnd::finished;
  while (steps_done_ < steps_total_ || due()) {
    if (!due()) step();  // a run that was stopped while it validated goes on with that
    const bool validates = due();
    const std::optional<bool> patience_ended =
        validates ? record_validation(observer) : std::optional(false);
    const bool keep_going = patience_ended && !ended_by(observer);
    if (patience_ended && *patience_ended) {
      end = TrainingEnd::stopped_early;
      break;
    }
    if (!keep_going && (steps_done_ < steps_total_ || !patience_ended)) {
      keep_checkpoint();
      return TrainingEnd::interrupted;
    }
    if (validates) keep_checkpoint();
  }
  std::copy_n(best_.data(), parameters_.size(), parameters_.data());
  return end;
}

// Checkpoints: a safetensors file with the parameters, the best ones so far, both Adam moments, and the
// counters as JSON. Losses are stored as hexadecimal floats, so that nothing is rounded.

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
