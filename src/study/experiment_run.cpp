#include "study/experiment_run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>

#include "fli/inference/calibration_traces.h"
#include "study/fingerprint.h"
#include "study/write_back.h"
#include "taugate/core/file.h"
#include "taugate/quant/ptq/weight_only.h"

namespace taugate {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kTestSeed = 1000;  // of traces that no training sees
constexpr std::size_t kCalibrationTraces = 1000;

json json_of(const MeanStddev& s) { return {s.mean, s.deviation}; }
MeanStddev mean_stddev_from(const json& j) { return {j.at(0), j.at(1)}; }

json json_of(const RunScores& scores) {
  json channels = json::array();
  for (const auto& c : scores.channels)
    channels.push_back({{"rmse", json_of(c.rmse)},
                        {"r2", json_of(c.r2)},
                        {"l2", json_of(c.l2)},
                        {"dtw", json_of(c.dtw)}});
  return {{"channels", channels},
          {"lifetime_bias_ns", scores.lifetime.bias_ns},
          {"lifetime_deviation_ns", scores.lifetime.deviation_ns},
          {"lifetime_mean_relative", scores.lifetime.mean_relative},
          {"traces", scores.lifetime.traces}};
}

RunScores scores_from(const json& j) {
  RunScores scores;
  for (const json& c : j.at("channels"))
    scores.channels.push_back({mean_stddev_from(c.at("rmse")), mean_stddev_from(c.at("r2")),
                               mean_stddev_from(c.at("l2")), mean_stddev_from(c.at("dtw"))});
  // Of no traces there are no numbers, which JSON writes as null.
  const auto number = [&](const char* name) {
    return j.at(name).is_null() ? std::nan("") : j.at(name).get<double>();
  };
  scores.lifetime = {number("lifetime_bias_ns"), number("lifetime_deviation_ns"),
                     number("lifetime_mean_relative"), j.at("traces")};
  return scores;
}

json json_of(const RunResult& r) {
  json j{{"test", json_of(r.test)},
         {"plate", json_of(r.plate)},
         {"parameters", r.parameters},
         {"file_bytes", r.file_bytes},
         {"multiply_accumulates", r.multiply_accumulates},
         {"seconds", r.seconds},
         {"processor_seconds", r.processor_seconds}};
  if (r.dead_band) j["dead_band"] = *r.dead_band, j["lost_updates"] = *r.lost_updates;
  return j;
}

RunResult result_from(const json& j) {
  RunResult r;
  r.test = scores_from(j.at("test"));
  r.plate = scores_from(j.at("plate"));
  r.parameters = j.at("parameters");
  r.file_bytes = j.at("file_bytes");
  r.multiply_accumulates = j.at("multiply_accumulates");
  r.seconds = j.at("seconds");
  r.processor_seconds = j.at("processor_seconds");
  if (j.contains("dead_band")) {
    // A unit whose gate never opened has an infinite one, which JSON writes as null.
    r.dead_band = j.at("dead_band").is_null() ? std::numeric_limits<double>::infinity()
                                              : j.at("dead_band").get<double>();
    r.lost_updates = j.at("lost_updates");
  }
  return r;
}

SimulatorConfig prior_of(const Experiment& row) {
  SimulatorConfig config = simulator_preset(row.preset);
  set_prior(config, "paper");
  config.channels = row.outputs;
  return config;
}

/// Of the row's training; of one that is quantized after it, the network and the integers count.
Recipe recipe_of(const Experiment& row) {
  Recipe r;
  r.simulator = prior_of(row);
  r.network = network_of(row);
  r.training.samples = row.samples;
  r.training.schedule.rate = row.rate;
  r.training.schedule.kind = row.schedule;
  r.training.adam.clip_norm = row.clip_norm;
  r.loss = row.loss;
  r.fixed = row.fixed;
  r.integers = row.integers;
  if (!row.teacher.empty()) r.distill = row.distill;
  return r;
}

std::unique_ptr<TraceModel> quantized(const Experiment& row, const TrainedModel& from) {
  const QuantizeOptions& options = row.integers->quantize;
  if (row.weights_only)
    return std::make_unique<TrainedModel>(round_weights(from.network, options), from);
  const std::vector<float> traces = simulated_inputs(from, kCalibrationTraces, kCalibrationSeed);
  return std::make_unique<QuantizedModel>(
      quantize_trained(from, options, traces, CalibrationMethod::mse));
}

PlateConfig plate_config(const ExperimentPlan& plan, const Experiment& row) {
  return {.acquisition = acquisition_preset(row.preset),
          .channels = row.outputs,
          .side = plan.plate_side,
          .stride = plan.plate_stride};
}

RunScores scores_of(const Evaluation& e) {
  RunScores scores;
  for (const Metrics& m : e.channels) scores.channels.push_back({m.rmse, m.r2, m.l2, m.dtw});
  scores.lifetime = e.amplitude;
  return scores;
}

}  // namespace

ExperimentFolder::ExperimentFolder(fs::path folder, const ExperimentPlan& plan)
    : folder_(std::move(folder)), plan_(plan) {
  for (const char* kind : {"runs", "models"}) make_folder(folder_ / kind);
}

fs::path ExperimentFolder::path(const char* kind, const Experiment& row, int seed,
                                const char* extension) const {
  return folder_ / kind / concat(row.id, '-', seed, extension);
}

/// All that decides a run's figures besides its seed; with that of what it stands on.
std::string ExperimentFolder::recipe(const Experiment& row) const {
  json j{{"recipe", json::parse(fingerprint(recipe_of(row)))},
         {"quantised_after", row.origin == Origin::quantized},
         {"weights_only", row.weights_only}};
  if (!row.from.empty()) j["from"] = json::parse(recipe(plan_.find(row.from)));
  if (!row.teacher.empty()) j["teacher"] = json::parse(recipe(plan_.find(row.teacher)));
  return j.dump();
}

const Plate& ExperimentFolder::plate_of(const Experiment& row) {
  return plates_.try_emplace({row.preset, row.outputs}, plate_config(plan_, row)).first->second;
}

/// On what a network is measured.
std::string ExperimentFolder::measured_on(const Experiment& row) {
  return json{{"test_traces", plan_.test_traces}, {"plate", json::parse(plate_of(row).identity())}}
      .dump();
}

std::optional<json> ExperimentFolder::record(const Experiment& row, int seed) const {
  const fs::path file = path("runs", row, seed, ".json");
  if (!fs::exists(file)) return {};
  try {
    json j = json::parse(read_file(file));
    if (j.at("recipe").dump() == recipe(row)) return j;
  } catch (const json::exception&) {
    fail(file.string(), ": damaged; remove it and it is made again");
  }
  return {};
}

std::optional<RunResult> ExperimentFolder::result(const Experiment& row, int seed) {
  const std::optional<json> j = record(row, seed);
  if (!j || j->at("measured_on").dump() != measured_on(row)) return {};
  return result_from(j->at("result"));
}

std::map<int, RunResult> ExperimentFolder::results(const Experiment& row) {
  std::map<int, RunResult> all;
  for (int seed = 1; seed <= plan_.seeds_of(row); ++seed)
    if (auto r = result(row, seed)) all.emplace(seed, std::move(*r));
  return all;
}

std::optional<TrainedModel> ExperimentFolder::model_of(const std::string& id, int seed,
                                                       const RunWatch& watch) {
  const Job job = needed(id, seed);
  if (!has_network(job) && !run(*job.row, job.seed, watch)) return {};
  return load_trained_model(path("models", *job.row, job.seed, ".safetensors"));
}

Job ExperimentFolder::needed(const std::string& id, int seed) const {
  const Experiment& row = plan_.find(id);
  return {&row, std::min(seed, plan_.seeds_of(row))};
}

bool ExperimentFolder::has_network(const Job& job) const {
  return record(*job.row, job.seed) &&
         fs::exists(path("models", *job.row, job.seed, ".safetensors"));
}

bool ExperimentFolder::ready(const Experiment& row, int seed) const {
  return (row.from.empty() || has_network(needed(row.from, seed))) &&
         (row.teacher.empty() || has_network(needed(row.teacher, 1)));
}

std::unique_ptr<TraceModel> ExperimentFolder::network(const Experiment& row, int seed) const {
  return load_trace_model(path("models", row, seed, ".safetensors"));
}

const TeacherOutputs* ExperimentFolder::outputs_of(const TrainedModel& teacher,
                                                   const Experiment& row, const RunWatch& watch) {
  const std::string key = concat(recipe(plan_.find(row.teacher)), row.fixed->traces);
  if (key != outputs_key_) {
    outputs_.reset();
    outputs_ = TeacherOutputs::of(teacher, prior_of(row), *row.fixed, folder_ / "models",
                                  [&](std::uint64_t) { return watch(0, row.samples); });
    outputs_key_ = outputs_ ? key : std::string();
  }
  return outputs_ ? &*outputs_ : nullptr;
}

std::unique_ptr<TraceModel> ExperimentFolder::train(const Experiment& row, int seed,
                                                    const TrainedModel* from,
                                                    const TrainedModel* teacher,
                                                    const RunWatch& watch) {
  Recipe r = recipe_of(row);
  // A network that is trained on sees other traces than before.
  r.seed = static_cast<std::uint64_t>(seed) + (from ? 500 : 0);
  const TeacherOutputs* outputs = nullptr;
  if (teacher && row.fixed && !(outputs = outputs_of(*teacher, row, watch))) return nullptr;
  TrainingRun run(r, teacher, from, outputs);
  Trainer& trainer = run.trainer();
  trainer.checkpoint = path("models", row, seed, ".checkpoint");
  if (fs::exists(trainer.checkpoint)) trainer.load_checkpoint(trainer.checkpoint);
  const TrainingEnd end =
      trainer.run([&](const Trainer& t) { return watch(t.samples_done(), t.samples_total()); });
  if (end == TrainingEnd::interrupted) return nullptr;
  return run.result();
}

/// Nothing where `watch` ended it.
std::unique_ptr<TraceModel> ExperimentFolder::make(const Experiment& row, int seed,
                                                   const RunWatch& watch) {
  std::optional<TrainedModel> from, teacher;
  if (!row.from.empty() && !(from = model_of(row.from, seed, watch))) return nullptr;
  if (!row.teacher.empty() && !(teacher = model_of(row.teacher, 1, watch))) return nullptr;
  return row.origin == Origin::quantized
             ? quantized(row, *from)
             : train(row, seed, from ? &*from : nullptr, teacher ? &*teacher : nullptr, watch);
}

std::optional<RunResult> ExperimentFolder::run(const Experiment& row, int seed,
                                               const RunWatch& watch) {
  const fs::path file = path("models", row, seed, ".safetensors");
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t processor_start = std::clock();
  RunResult r;
  std::unique_ptr<TraceModel> model;
  if (const std::optional<json> before = record(row, seed); before && fs::exists(file)) {
    r = result_from(before->at("result"));
    model = load_trace_model(file);
  } else {
    if (!(model = make(row, seed, watch))) return {};
    save(file, *model);
  }
  r.test = scores_of(evaluate(*model, plan_.test_traces, kTestSeed));
  r.plate = scores_of(evaluate(*model, plate_of(row).traces()));
  if (const auto* integers = dynamic_cast<const QuantizedModel*>(model.get());
      integers && row.table == "state") {
    const WriteMargins margins =
        write_margins(integers->network, simulated_inputs(*model, kCalibrationTraces, kTestSeed));
    r.dead_band = margins.median_dead_band;
    r.lost_updates = margins.all.lost;
  }
  const Model shape(network_of(row));
  r.parameters = shape.published_parameter_count();
  r.multiply_accumulates = shape.multiply_accumulates();
  r.file_bytes = fs::file_size(file);
  r.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  r.processor_seconds += static_cast<double>(std::clock() - processor_start) / CLOCKS_PER_SEC;
  write_file(path("runs", row, seed, ".json"), json{{"recipe", json::parse(recipe(row))},
                                                    {"measured_on", json::parse(measured_on(row))},
                                                    {"row", row.id},
                                                    {"seed", seed},
                                                    {"result", json_of(r)}}
                                                       .dump(1) +
                                                   "\n");
  fs::remove(path("models", row, seed, ".checkpoint"));
  return r;
}

std::map<std::string, double> estimated_seconds(const ExperimentPlan& plan) {
  constexpr int kLeastSteps = 5;
  constexpr double kForwardShare = 0.4;             // of a training step's time
  constexpr double kDtw = 3e-6;                     // seconds a trace
  constexpr double kForegroundShare = 0.36;         // of a plate's pixels
  std::map<std::string, double> seconds, of_shape;  // a trace trained on
  const auto shape_of = [](const Experiment& row, bool with_integers) {
    Recipe r;
    r.network = network_of(row);
    if (with_integers) r.integers = row.integers;
    return fingerprint(r);
  };
  for (const Experiment& row : plan.rows) {
    Recipe r = recipe_of(row);
    r.distill.reset();
    r.fixed.reset();
    if (row.origin == Origin::quantized) r.integers.reset();
    double& a_trace = of_shape[shape_of(row, row.origin == Origin::trained)];
    if (a_trace == 0.0) {
      TrainingRun run(r);
      run.trainer().step();
      // The fastest of some: whatever runs beside this makes a step slower, never faster.
      using Clock = std::chrono::steady_clock;
      a_trace = std::numeric_limits<double>::infinity();
      const auto end = Clock::now() + std::chrono::milliseconds(100);
      for (int steps = 0; steps < kLeastSteps || Clock::now() < end; ++steps) {
        const auto start = Clock::now();
        run.trainer().step();
        a_trace = std::min(a_trace, std::chrono::duration<double>(Clock::now() - start).count() /
                                        r.training.batch);
      }
    }
    const double side = static_cast<double>(plan.plate_side) / plan.plate_stride;
    const double measured = static_cast<double>(plan.test_traces) + kForegroundShare * side * side;
    seconds[row.id] =
        static_cast<double>(row.samples) * a_trace + measured * (kForwardShare * a_trace + kDtw);
    if (!row.teacher.empty() && !row.fixed)  // which runs beside the student
      seconds[row.id] += static_cast<double>(row.samples) * kForwardShare *
                         of_shape[shape_of(plan.find(row.teacher), false)];
  }
  return seconds;
}

}  // namespace taugate
