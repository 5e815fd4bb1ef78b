#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options/measurement_options.h"
#include "cli/options/outputs.h"
#include "cli/options/quantize_options.h"
#include "cli/options/training_command.h"
#include "cli/options/verbosity.h"
#include "core/formatted.h"
#include "core/interrupt.h"
#include "fli/inference/calibration_traces.h"
#include "study/evaluation.h"
#include "taugate/core/file.h"
#include "taugate/quant/ptq/weight_only.h"

namespace taugate::cli {
namespace {

namespace fs = std::filesystem;

Arguments declare() {
  Arguments a("quantize", "MODEL [-o FILE] [options]",
              "Turns a float model into integers, without training, and measures both.", {"model"});
  const auto value = [] { return cxxopts::value<std::string>(); };
  const auto otherwise = [](const char* text) {
    return cxxopts::value<std::string>()->default_value(text);
  };
  a.group("")("o,output", "where the quantized model goes (default: it is only measured)", value(),
              "FILE")(
      "weights-only",
      "round the weights only and keep everything else float; writes a float model")(
      "json", "write the figures here", value(), "FILE")(
      "samples", "held-out traces to measure both on", otherwise("20000"), "N")(
      "seed", "of those traces", otherwise("1000"), "N");
  add_threads(a);
  add_quantize_options(a);
  a.group("Calibration")("calibrate",
                         "how ranges are chosen: minmax, percentile, mse, or none (sums within "
                         "+-8, outputs within +-2)",
                         otherwise("mse"),
                         "RULE")("calibration", "traces to calibrate on", otherwise("1000"), "N")(
      "data", "measured traces to calibrate on (default: simulated ones)", value(), "FILE");
  add_measurement_options(a, "data");
  a.excludes({"operand-bits", "gate-bits", "candidate-bits", "state-bits", "residual-bits",
              "write-back", "head-reads-state", "calibrate", "calibration", "data"},
             {"weights-only"});
  return a;
}

/// One of the two models, measured.
struct Column {
  std::string title;
  Evaluation evaluation;
  std::size_t weight_bytes = 0;
};

/// Nothing where Ctrl-C came first.
std::optional<Evaluation> measure(const TraceModel& model, const Arguments& a,
                                  const std::string& title) {
  const std::uint64_t samples = a.count("samples");
  Progress progress = shown_progress(title, "traces", static_cast<double>(samples));
  Evaluation e = evaluate(model, samples, a.count("seed"), {}, [&](std::size_t done) {
    progress.update(static_cast<double>(done));
    return !interrupted();
  });
  if (interrupted()) return std::nullopt;
  progress.finish(static_cast<double>(samples));
  return e;
}

std::vector<float> calibration_inputs(const TraceModel& model, const Arguments& a) {
  const std::uint64_t traces = a.count("calibration");
  if (traces < 1 || traces > 1u << 24)
    fail_usage("--calibration: found ", traces, ", wanted 1 to 2^24");
  if (!a.has("data")) return simulated_inputs(model, traces, kCalibrationSeed);
  return recorded_inputs(model, measurement_from(a, a.text("data")), inference_options_from(a),
                         traces);
}

std::string note_of(const TraceModel& model, const Arguments& a) {
  nlohmann::json note = nlohmann::json::parse(model.training, nullptr, false);
  if (!note.is_object()) note = nlohmann::json::object();
  note["quantised"] = {{"after_training", true},
                       {"weights_only", a.has("weights-only")},
                       {"scale", a.text("scale")},
                       {"per_tensor", a.has("per-tensor")},
                       {"calibrate", a.text("calibrate")}};
  return note.dump();
}

void print_comparison(const Column& was, const Column& is, std::int64_t multiply_accumulates) {
  std::printf("%-28s%14s%18s%9s\n", "", was.title.c_str(), is.title.c_str(), "ratio");
  const auto line = [](const char* what, const char* format, double a, double b,
                       bool compared = true) {
    std::printf("  %-26s%14s%18s", what, formatted_or_none(format, a).c_str(),
                formatted_or_none(format, b).c_str());
    if (compared) std::printf("%9s", formatted_or_none("%.3f", b / a).c_str());
    std::printf("\n");
  };
  for (std::size_t c = 0; c < was.evaluation.channels.size(); ++c) {
    const Metrics &a = was.evaluation.channels[c], &b = is.evaluation.channels[c];
    const std::string of = was.evaluation.channels.size() > 1 ? concat(" of output ", c) : "";
    line(("RMSE" + of).c_str(), "%.5f", a.rmse.mean, b.rmse.mean);
    // Where a component is hardly there, R2 of a trace says nothing.
    if (c == 0)
      line(("R2" + of).c_str(), "%.5f", a.r2.mean, b.r2.mean, false);
    else
      line(("pooled R2" + of).c_str(), "%.5f", a.pooled_r2, b.pooled_r2, false);
  }
  const LifetimeError &a = was.evaluation.amplitude, &b = is.evaluation.amplitude;
  line("lifetime, bias (ns)", "%+.5f", a.bias_ns, b.bias_ns, false);
  line("lifetime, deviation (ns)", "%.5f", a.deviation_ns, b.deviation_ns);
  if (a.certainty && b.certainty) {
    line("  as it says (ns)", "%.5f", a.certainty->mean_deviation_ns,
         b.certainty->mean_deviation_ns);
    line("  true within one (%)", "%.1f", 100.0 * a.certainty->within_one,
         100.0 * b.certainty->within_one, false);
    line("  true within two (%)", "%.1f", 100.0 * a.certainty->within_two,
         100.0 * b.certainty->within_two, false);
  }
  line("weights (bytes)", "%.0f", static_cast<double>(was.weight_bytes),
       static_cast<double>(is.weight_bytes));
  std::printf("  %lld multiply-accumulates a trace\n",
              static_cast<long long>(multiply_accumulates));
}

void print_use(const std::vector<TensorRange>& uses, std::size_t traces) {
  std::printf("ranges, as %zu calibration traces use them:\n", traces);
  for (const TensorRange& use : uses) {
    const auto value = [&](std::int64_t k) {
      return std::ldexp(static_cast<double>(k), -use.fraction);
    };
    std::printf("  %-16s up to %8.4f of %8.4f, %llu of %llu saturated\n", name_of(use.id),
                value(use.most), value(use.limit), static_cast<unsigned long long>(use.saturated),
                static_cast<unsigned long long>(use.values));
  }
}

nlohmann::json json_of(const std::vector<TensorRange>& uses) {
  nlohmann::json all = nlohmann::json::array();
  for (const TensorRange& use : uses)
    all.push_back({{"node", name_of(use.id)},
                   {"largest", std::ldexp(static_cast<double>(use.most), -use.fraction)},
                   {"limit", std::ldexp(static_cast<double>(use.limit), -use.fraction)},
                   {"values", use.values},
                   {"saturated", use.saturated}});
  return all;
}

nlohmann::json json_of(const Column& column) {
  nlohmann::json json = nlohmann::json::parse(to_json(column.evaluation));
  json["weight_bytes"] = column.weight_bytes;
  return json;
}

/// Of all matrices.
std::size_t weight_count(const Model& model) {
  const auto size = [](const ParameterRef& at) {
    return static_cast<std::size_t>(at.rows) * static_cast<std::size_t>(at.cols);
  };
  std::size_t count = size(model.head().weight());
  for (const Gru& layer : model.layers())
    count += size(layer.parameters().input) + size(layer.parameters().recurrent);
  return count;
}

/// The quantized model with what the command tells about it.
struct Result {
  std::unique_ptr<TraceModel> model;
  std::string title;
  std::size_t weight_bytes = 0;
  std::vector<TensorRange> uses;
  std::size_t traces = 0;  ///< that were watched
};

Result rounded(const TrainedModel& model, const QuantizeOptions& options, const Arguments& a) {
  auto out = std::make_unique<TrainedModel>(round_weights(model.network, options), model);
  out->training = note_of(model, a);
  const std::size_t weights = weight_count(model.network);
  const int bits = options.widths.weight_bits;
  return {std::move(out),
          concat(bits, "-bit weights"),
          (weights * static_cast<std::size_t>(bits) + 7) / 8,
          {},
          0};
}

/// Nothing for "none".
std::optional<CalibrationMethod> rule_from(const Arguments& a) {
  if (a.text("calibrate") == "none") return std::nullopt;
  return calibration_method(a.text("calibrate"));
}

Result integers(const TrainedModel& model, const QuantizeOptions& options,
                std::optional<CalibrationMethod> rule, const Arguments& a) {
  const std::vector<float> inputs = calibration_inputs(model, a);
  auto out = std::make_unique<QuantizedModel>(quantize_trained(model, options, inputs, rule));
  out->training = note_of(model, a);
  const std::size_t bytes = weight_bytes(out->network);
  auto uses = tensor_ranges(out->network, inputs);
  return {std::move(out), concat(options.widths.weight_bits, "-bit integers"), bytes,
          std::move(uses), inputs.size() / model.input_size()};
}

void write(const Result& result, const fs::path& path) {
  save(path, *result.model);
  std::cout << "wrote " << path.string() << ", " << fs::file_size(path) << " bytes\n";
}

/// A network of single photons: evaluate measures it.
int quantize_photons(const TrainedModel& model, const QuantizeOptions& options,
                     std::optional<CalibrationMethod> rule, const Arguments& a) {
  for (const char* option : {"weights-only", "data", "json", "samples", "seed"})
    if (a.has(option)) fail_usage("--", option, ": does nothing for a network of single photons");
  if (!a.has("output")) fail_usage("wanted -o FILE for a network of single photons");
  const Result result = integers(model, options, rule, a);
  print_use(result.uses, result.traces);
  write(result, a.text("output"));
  return kSuccess;
}

}  // namespace

int quantize(int argc, char** argv) {
  Arguments a = declare();
  if (!a.parse(argc, argv)) return kSuccess;
  use_threads(a);
  const std::string file = a.positional("model");
  const QuantizeOptions options = quantize_options_from(a);
  const std::optional<CalibrationMethod> rule = rule_from(a);
  const std::uint64_t samples = a.count("samples");
  if (samples < 1 || samples > 1u << 30)
    fail_usage("--samples: found ", samples, ", wanted 1 to 2^30");
  if (holds_integers(file)) fail(file, ": found a model of integers, wanted one of floats");
  const TrainedModel model = load_trained_model(file, ModelReads::either);
  check_outputs(a, {"output", "json"});
  if (model.reads_photons()) return quantize_photons(model, options, rule, a);

  const Result result =
      a.has("weights-only") ? rounded(model, options, a) : integers(model, options, rule, a);
  const auto was = measure(model, a, "float");
  const auto is = was ? measure(*result.model, a, "quantised") : std::nullopt;
  if (!is) {
    std::cout << "stopped; nothing was written\n";
    return kInterrupted;
  }
  const auto work = static_cast<std::int64_t>(model.network.multiply_accumulates());
  const Column columns[] = {{"float", *was, 4 * weight_count(model.network)},
                            {result.title, *is, result.weight_bytes}};
  print_comparison(columns[0], columns[1], work);
  if (!result.uses.empty()) print_use(result.uses, result.traces);
  if (a.has("output")) {
    // Few samples are a trial, for which rough statistics do.
    if (!add_novelty(*result.model, std::clamp<std::uint64_t>(20 * samples, 20'000, 360'000))) {
      std::cout << "stopped; nothing was written\n";
      return kInterrupted;
    }
    write(result, a.text("output"));
  }
  if (a.has("json")) {
    nlohmann::json json{{"float", json_of(columns[0])}, {"quantised", json_of(columns[1])},
                        {"multiply_accumulates", work}, {"samples", samples},
                        {"seed", a.count("seed")},      {"ranges", json_of(result.uses)}};
    if (a.has("output")) json["file_bytes"] = fs::file_size(a.text("output"));
    write_file(a.text("json"), json.dump(2) + "\n");
  }
  return kSuccess;
}

}  // namespace taugate::cli
