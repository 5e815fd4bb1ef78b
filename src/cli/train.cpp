#include <chrono>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "prior_options.h"
#include "taugate/core/file.h"
#include "taugate/core/interrupt.h"
#include "taugate/core/progress.h"
#include "taugate/fli/masks.h"
#include "taugate/fli/picture.h"
#include "taugate/study/simulated_traces.h"

namespace taugate::cli {
namespace {

namespace fs = std::filesystem;

Arguments declare() {
  Arguments a("train", "[options] -o MODEL",
              "Trains a network on simulated traces that are made while they are needed.");
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group("")("o,output", "where the model goes", value(), "FILE")(
      "json", "write options, learning curve and result here", value(), "FILE")(
      "curve", "picture of the learning curve (default: beside the model)", value(), "PNG")(
      "no-pictures", "draw nothing");
  add_threads(a);
  a.group("Network")("model", "seq2seqlite (one layer a side) or seq2seq (a stack)",
                     cxxopts::value<std::string>()->default_value("seq2seqlite"), "NAME")(
      "hidden", "units of each layer of a side, e.g. 64,16 (default: 32; seq2seq: 128,128)",
      value(), "N,N..")("form", "reset_after or reset_before",
                        cxxopts::value<std::string>()->default_value("reset_after"),
                        "FORM")("activation", "smooth (sigmoid, tanh) or hard",
                                cxxopts::value<std::string>()->default_value("smooth"), "KIND")(
      "baseline-gates", "subtract the mean of the first N gates from the input",
      cxxopts::value<std::string>()->default_value("0"), "N");
  a.group("Training")("samples",
                      "traces to train on, each seen once: a number or 'paper' (3,920,000)",
                      cxxopts::value<std::string>()->default_value("2M"), "N")(
      "batch", "traces a step", cxxopts::value<std::string>()->default_value("64"), "N")(
      "rate", "learning rate of Adam", cxxopts::value<std::string>()->default_value("5e-3"), "R")(
      "schedule", "constant, cosine or plateau",
      cxxopts::value<std::string>()->default_value("cosine"), "KIND")(
      "clip", "longest gradient, 0 for any", cxxopts::value<std::string>()->default_value("1"),
      "NORM")("patience", "stop after N validations without a better one",
              cxxopts::value<std::string>()->default_value("0"), "N")(
      "validation", "traces to validate on", cxxopts::value<std::string>()->default_value("4096"),
      "N")("seed", "of weights and traces", cxxopts::value<std::string>()->default_value("1"), "N")(
      "checkpoint", "where to keep the state of the run (default: beside the model)", value(),
      "FILE")("resume", "go on from the checkpoint");
  add_prior_options(a);
  return a;
}

Seq2SeqConfig network_from(const Arguments& a, const SimulatorConfig& simulator) {
  const std::string model = a.text("model");
  if (model != "seq2seq" && model != "seq2seqlite")
    fail_usage("--model: found '", model, "', wanted seq2seq or seq2seqlite");
  Seq2SeqConfig config;
  config.gates = simulator.acquisition.gates;
  config.outputs = simulator.channels;
  config.hidden = model == "seq2seq" ? std::vector{128, 128} : std::vector{32};
  if (a.has("hidden")) config.hidden = a.integers("hidden");
  if (model == "seq2seqlite" && config.hidden.size() != 1)
    fail_usage("--hidden: found ", config.hidden.size(),
               " layers, wanted 1 for seq2seqlite (or --model seq2seq)");
  config.form = gru_form(a.text("form"));
  config.activation = activation(a.text("activation"));
  config.validate();
  return config;
}

TrainingOptions training_from(const Arguments& a) {
  TrainingOptions o;
  o.samples = a.text("samples") == "paper" ? static_cast<std::uint64_t>(PaperSize::traces)
                                           : a.count("samples");
  o.batch = static_cast<int>(std::min<std::uint64_t>(a.count("batch"), 1u << 30));
  o.schedule.rate = a.number("rate");
  o.schedule.kind = schedule_kind(a.text("schedule"));
  o.adam.clip_norm = a.number("clip");
  o.patience = static_cast<int>(std::min<std::uint64_t>(a.count("patience"), 1u << 30));
  o.validation_samples = a.count("validation");
  o.validate();
  return o;
}

void draw_curve(const fs::path& path, const Trainer& trainer) {
  std::vector<double> traces, training, validation;
  for (const auto& p : trainer.history()) {
    traces.push_back(static_cast<double>(p.samples));
    training.push_back(p.training_loss);
    validation.push_back(p.validation_loss);
  }
  draw_learning_curve(path, {traces, training, traces, validation});
}

nlohmann::json curve_json(const Trainer& trainer) {
  nlohmann::json curve = nlohmann::json::array();
  for (const auto& p : trainer.history())
    curve.push_back({{"traces", p.samples},
                     {"training_loss", p.training_loss},
                     {"validation_loss", p.validation_loss},
                     {"learning_rate", p.learning_rate},
                     {"gradient_norm", p.gradient_norm}});
  return curve;
}

/// Fails now rather than after an hour of training.
void check_writable(const fs::path& path) { OutputFile probe(path); }

void describe(const Seq2Seq& network, const Prior& prior) {
  const Acquisition& acquisition = prior.simulator.acquisition;
  std::cout << "network: " << network.config().hidden.size() << " GRU layer(s) a side of";
  for (int units : network.config().hidden) std::cout << ' ' << units;
  std::cout << " units, " << name_of(network.config().form) << ", C = " << network.config().outputs
            << '\n'
            << "parameters: " << network.parameters().count() << " ("
            << network.published_parameter_count() << " counting the zero-fed decoder input)\n"
            << "traces: " << acquisition.gates << " gates of " << acquisition.gate_step_ns
            << " ns, period " << acquisition.period_ns << " ns\n";
}

std::string rmse_note(const Trainer& trainer) {
  const double loss =
      trainer.history().empty() ? trainer.recent_loss() : trainer.history().back().validation_loss;
  return concat(trainer.history().empty() ? "RMSE " : "validation RMSE ", std::setprecision(4),
                std::sqrt(loss));
}

}  // namespace

int train(int argc, char** argv) {
  Arguments a = declare();
  if (!a.parse(argc, argv)) return kSuccess;
  use_threads(a);
  if (!a.has("output")) fail_usage("wanted -o MODEL (see: taugate train --help)");
  const fs::path output = a.text("output");
  const fs::path checkpoint = a.maybe("checkpoint").value_or(output.string() + ".checkpoint");
  const std::uint64_t seed = a.count("seed");

  const Prior prior = prior_from(a);
  TrainedModel model{
      Seq2Seq(network_from(a, prior.simulator)), prior.simulator, {}, prior.first_gate_ns, "{}"};
  model.normalisation.baseline_gates =
      static_cast<int>(std::min<std::uint64_t>(a.count("baseline-gates"), 1u << 30));
  model.network.initialise(seed);
  // Training's traces and the weights come from different seeds of the same number.
  const SimulatedTraces data(model.simulator, model.normalisation, seed ^ 0x7261696eu);
  const TrainingOptions options = training_from(a);
  check_writable(output);
  if (a.has("json")) check_writable(a.text("json"));
  const fs::path curve = a.maybe("curve").value_or(output.string() + ".curve.png");
  if (!a.has("no-pictures")) check_writable(curve);

  Trainer trainer(model.network.parameters(), least_squares(model.network), data, options);
  trainer.checkpoint = checkpoint;
  if (a.has("resume")) trainer.load_checkpoint(checkpoint);
  describe(model.network, prior);
  std::cout << "kernels: " << simd::kernels<float>().arch << std::endl;

  const auto start = std::chrono::steady_clock::now();
  const std::uint64_t already = trainer.samples_done();
  Progress progress(
      std::cerr, "train", "traces", static_cast<double>(trainer.samples_total()),
      {.terminal = is_terminal(2), .already_done = static_cast<double>(already), .clock = {}});
  const TrainingEnd end = trainer.run([&](const Trainer& t) {
    progress.update(static_cast<double>(t.samples_done()), rmse_note(t));
    return !interrupted();
  });
  if (end == TrainingEnd::interrupted) {
    std::cout << "stopped after " << trainer.samples_done()
              << " traces; go on with the same command and --resume\n";
    return kInterrupted;
  }
  progress.finish(static_cast<double>(trainer.samples_done()), rmse_note(trainer));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  double best = trainer.history().front().validation_loss;
  for (const auto& p : trainer.history()) best = std::min(best, p.validation_loss);
  nlohmann::json record{{"samples", trainer.samples_done()},
                        {"batch", options.batch},
                        {"seed", seed},
                        {"rate", options.schedule.rate},
                        {"schedule", name_of(options.schedule.kind)},
                        {"validation_rmse", std::sqrt(best)}};
  model.training = record.dump();
  save(output, model);
  if (!a.has("no-pictures")) draw_curve(curve, trainer);
  if (a.has("json")) {
    record["curve"] = curve_json(trainer);
    record["seconds"] = seconds;
    record["parameters"] = model.network.parameters().count();
    write_file(a.text("json"), record.dump(2) + "\n");
  }
  fs::remove(checkpoint);
  std::cout << (end == TrainingEnd::stopped_early ? "stopped early" : "trained")
            << ": validation RMSE " << std::sqrt(best) << ", "
            << static_cast<std::uint64_t>(static_cast<double>(trainer.samples_done() - already) /
                                          seconds)
            << " traces/s, " << format_seconds(seconds) << "; wrote " << output.string() << '\n';
  return kSuccess;
}

}  // namespace taugate::cli
