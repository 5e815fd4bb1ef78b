#include <chrono>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options/outputs.h"
#include "cli/options/prior_options.h"
#include "cli/options/quantize_options.h"
#include "cli/options/ranks.h"
#include "cli/options/training_command.h"
#include "cli/options/verbosity.h"
#include "core/interrupt.h"
#include "taugate/core/file.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/inference/lifetime_head.h"
#include "taugate/fli/inference/novelty_estimate.h"
#include "taugate/fli/inference/photon_network.h"
#include "taugate/fli/physics/irf_quantiles.h"
#include "taugate/fli/physics/masks.h"
#include "taugate/fli/plot/plot_maps.h"
#include "taugate/simd/arch.h"

namespace taugate::cli {
namespace {

namespace fs = std::filesystem;

// Of photons, unless told otherwise.
constexpr std::uint64_t kPhotonLists = 800'000;
constexpr double kPhotonRate = 1e-2;

/// Of the network to start from, where nothing else is said.
std::string kind_from(const Arguments& a, const TrainedModel* start) {
  if (a.has("photons")) return "photons";
  const bool same = start && !start->gives_decays() && !a.has("model");
  const std::string model = same ? "lifetime" : a.text("model");
  if (model != "seq2seq" && model != "seq2seqlite" && model != "lifetime")
    fail_usage("--model: found '", model, "', wanted seq2seq, seq2seqlite or lifetime");
  return model;
}

/// Whether a Seq2Seq has a lifetime head on its encoder.
bool lifetimes_beside(const Arguments& a, const TrainedModel* start, const std::string& model) {
  if (a.has("lifetime") && model == "lifetime")
    fail_usage(
        "--lifetime: found --model lifetime, which gives nothing else, wanted seq2seq or "
        "seq2seqlite");
  return a.has("lifetime") || (start && start->gives_decays() && start->gives_lifetimes());
}

Seq2SeqConfig network_from(const Arguments& a, const Recipe& recipe, const std::string& model) {
  Seq2SeqConfig config;
  config.gates = recipe.photons.value_or(static_cast<int>(input_size(
      recipe.normalisation, static_cast<std::size_t>(recipe.simulator.acquisition.gates))));
  config.outputs = model == "photons"    ? PhotonNetwork::kOutputs
                   : model == "lifetime" ? LifetimeHead::kOutputs
                                         : recipe.simulator.channels;
  if (recipe.lifetime_beta && model != "lifetime" && model != "photons")
    config.encoder_outputs = LifetimeHead::kOutputs;
  config.hidden = model == "seq2seq"   ? std::vector{128, 128}
                  : model == "photons" ? std::vector{12}
                                       : std::vector{32};
  if (a.has("hidden")) config.hidden = a.integers("hidden");
  if (model == "seq2seqlite" && config.hidden.size() != 1)
    fail_usage("--hidden: found ", config.hidden.size(),
               " layers, wanted 1 for seq2seqlite (or --model seq2seq)");
  config.form = gru_form(a.text("form"));
  config.activation = activation(a.text("activation"));
  return config;
}

TrainingOptions training_from(const Arguments& a) {
  TrainingOptions o;
  o.samples = a.text("samples") == "paper" ? static_cast<std::uint64_t>(PaperSize::traces)
              : a.has("photons") && !a.has("samples") ? kPhotonLists
                                                      : a.count("samples");
  o.batch = a.small_count("batch", 1 << 30);
  o.schedule.rate = a.has("photons") && !a.has("rate") ? kPhotonRate : a.number("rate");
  o.schedule.kind = schedule_kind(a.text("schedule"));
  o.adam.clip_norm = a.number("clip");
  o.patience = a.small_count("patience", 1 << 30);
  o.validation_samples = a.count("validation");
  o.validate();
  return o;
}

std::optional<QatOptions> integers_from(const Arguments& a) {
  if (a.has("integers"))
    return QatOptions{.quantize = quantize_options_from(a),
                      .learned_scales = a.has("learned-scales")};
  return {};
}

/// A teacher's or, without one, a start's traces, and their normalisation, are those to train on unless options say
/// otherwise.
Recipe recipe_from(const Arguments& a, const TrainedModel* teacher, const TrainedModel* start) {
  Recipe recipe;
  const TrainedModel* known = teacher ? teacher : start;
  const std::string kind = kind_from(a, start);
  const Prior prior =
      known ? prior_from(a, Prior{known->simulator, known->first_gate_ns}) : prior_from(a);
  if (known) recipe.normalisation = known->normalisation;
  recipe.simulator = prior.simulator;
  recipe.first_gate_ns = prior.first_gate_ns;
  if (a.has("baseline-gates"))
    recipe.normalisation.baseline_gates = a.small_count("baseline-gates", 1 << 30);
  if (a.has("photons")) {
    const std::uint64_t photons = a.count("photons");
    if (photons < 1 || photons > 65536)
      fail_usage("--photons: found ", photons, ", wanted 1 to 65536");
    recipe.photons = static_cast<int>(photons);
  }
  // Networks that give lifetimes and nothing else, and those that give them beside the decay.
  const bool alone = kind == "lifetime" || recipe.photons,
             beside = lifetimes_beside(a, start, kind);
  recipe.normalisation.counts_first = kind == "lifetime" || beside;
  if (alone || beside) {
    for (const char* option : {"outputs", "loss"})
      if (a.has(option) && (alone || option != std::string("outputs")))
        fail_usage("--", option, ": does nothing for ",
                   recipe.photons ? "--photons, whose network"
                   : alone        ? "--model lifetime, which"
                                  : "--lifetime, which",
                   " gives lifetimes and is trained by their likelihood");
    if (alone) recipe.simulator.channels = 1;
    // Of photons the likelihood itself: it counts all lengths alike, however small their deviation.
    recipe.lifetime_beta =
        recipe.photons && !a.has("likelihood-beta") ? 0.0 : a.number("likelihood-beta");
    check_within("--likelihood-beta", *recipe.lifetime_beta, 0.0, 1.0);
  } else if (a.has("likelihood-beta")) {
    fail_usage("--likelihood-beta: does nothing without --model lifetime, --lifetime or --photons");
  }
  if (a.has("conditioned")) {
    if (kind != "lifetime") fail_usage("--conditioned: does nothing without --model lifetime");
    read_irf(recipe.simulator.irf, recipe.normalisation);
  }
  recipe.network = network_from(a, recipe, kind);
  network_of(recipe);  // refuses what no network can have
  recipe.training = training_from(a);
  recipe.seed = a.count("seed");
  recipe.integers = integers_from(a);
  return recipe;
}

/// Without the training's loss where that is a likelihood, which has no place on the axis of squared errors.
void draw_curve(const fs::path& path, const TrainingRun& run, const Trainer& trainer) {
  std::vector<double> traces, seen, training, validation;
  for (const auto& p : trainer.history()) {
    traces.push_back(static_cast<double>(p.samples));
    validation.push_back(p.validation_loss);
    if (run.recipe().lifetime_beta) continue;
    seen.push_back(static_cast<double>(p.samples));
    training.push_back(p.training_loss);
  }
  draw_learning_curve(path, {seen, training, traces, validation});
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

void describe(const TrainingRun& run) {
  const Network& network = run.network().description();
  const Acquisition& acquisition = run.recipe().simulator.acquisition;
  std::cout << "network: " << summary_of(network) << ", " << name_of(network.form())
            << ", C = " << network.outputs()
            << (network.head.at == HeadSpec::At::last_step || run.recipe().photons
                    ? ": lifetimes, their deviations"
                    : "")
            << (run.recipe().normalisation.reads_irf() ? ", told the IRF" : "")
            << (run.recipe().photons ? concat("; reads up to ", network.gates, " photons") : "")
            << '\n'
            << "parameters: " << run.network().parameters().count() << " ("
            << run.network().published_parameter_count()
            << " counting the zero-fed decoder input)\n"
            << "traces: " << acquisition.gates << " gates of " << acquisition.gate_step_ns
            << " ns, period " << acquisition.period_ns
            << " ns\nprior: " << describe_prior(run.recipe().simulator) << '\n';
  if (const auto& integers = run.recipe().integers) {
    const Widths& w = integers->quantize.widths;
    std::cout << "integers: weights of " << w.weight_bits << " bits, operand "
              << w.operand_frac_bits + 1 << ", gates " << w.gate_frac_bits + 1 << ", carried state "
              << w.state_frac_bits + 1 << described_write_back(w) << '\n';
  }
  if (const auto& distill = run.recipe().distill)
    std::cout << "distillation: alpha " << distill->alpha << ", beta " << distill->beta << '\n';
}

/// What the root of a validation's loss is called.
const char* validated(const Recipe& recipe) { return recipe.photons ? "F" : "RMSE"; }

std::string rmse_note(const Trainer& trainer, const char* validated) {
  if (trainer.history().empty() && trainer.recent_loss() < 0.0)  // a likelihood's
    return concat("loss ", std::setprecision(4), trainer.recent_loss());
  const double loss =
      trainer.history().empty() ? trainer.recent_loss() : trainer.history().back().validation_loss;
  return concat(trainer.history().empty() ? "" : "validation ", validated, ' ',
                std::setprecision(4), std::sqrt(loss));
}

void warn_of_loss(const Trainer& trainer) {
  const std::optional<TrainingPoint> best = lost_after(trainer.history());
  if (!best) return;
  const TrainingPoint& last = trainer.history().back();
  std::cerr << "warning: the training was lost after " << best->samples
            << " traces (validation RMSE " << std::sqrt(best->validation_loss) << ", at the end "
            << std::sqrt(last.validation_loss) << ", gradient norm " << last.gradient_norm
            << "); the model is that of the best validation; try a lower --rate or --clip 0.1\n";
}

TrainingEnd train_with_progress(Trainer& trainer, const char* validated) {
  Progress progress =
      shown_progress("train", "traces", static_cast<double>(trainer.samples_total()),
                     static_cast<double>(trainer.samples_done()));
  const TrainingEnd end = trainer.run([&](const Trainer& t) {
    progress.update(static_cast<double>(t.samples_done()), rmse_note(t, validated));
    return !interrupted();
  });
  if (end != TrainingEnd::interrupted)
    progress.finish(static_cast<double>(trainer.samples_done()), rmse_note(trainer, validated));
  return end;
}

void write_record(const fs::path& path, nlohmann::json record, TrainingRun& run, double seconds) {
  record["curve"] = curve_json(run.trainer());
  record["seconds"] = seconds;
  record["parameters"] = run.network().parameters().count();
  write_file(path, record.dump(2) + "\n");
}

}  // namespace

bool add_novelty(TraceModel& model, std::uint64_t traces) {
  model.novelty =
      estimate_novelty(model, {.traces = traces, .keep_going = [] { return !interrupted(); }});
  return model.novelty.has_value();
}

void add_training_options(Arguments& a) {
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group("")("o,output", "where the model goes", value(), "FILE")(
      "json", "write options, learning curve and result here", value(), "FILE")(
      "curve", "picture of the learning curve (default: beside the model)", value(), "PNG")(
      "no-pictures", "draw nothing")("half", "write floats of 16 bits, a file half as large");
  add_threads(a);
  a.group("Network")(
      "model",
      "seq2seqlite (one layer a side), seq2seq (a stack), or lifetime: an encoder that "
      "answers with lifetimes and their deviations, no decay",
      cxxopts::value<std::string>()->default_value("seq2seqlite"),
      "NAME")("hidden", "units of each layer of a side, e.g. 64,16 (default: 32; seq2seq: 128,128)",
              value(), "N,N..")(
      "lifetime",
      "a second head, on the encoder's last state, that answers with lifetimes and their "
      "deviations; the decay stays")(
      "conditioned", "of --model lifetime: it is told the IRF, too; infer then wants --irf")(
      "photons",
      "in place of --model: a network of 12 units that reads photons one by one, trained on lists "
      "of so many (docs/photons.md)",
      value(),
      "N")("likelihood-beta",
           "of lifetimes: 0, the likelihood (default of --photons), to 1, the means' squared error",
           cxxopts::value<std::string>()->default_value("0.5"),
           "B")("form", "reset_after or reset_before",
                cxxopts::value<std::string>()->default_value("reset_after"),
                "FORM")("activation", "smooth (sigmoid, tanh) or hard",
                        cxxopts::value<std::string>()->default_value("smooth"), "KIND")(
      "baseline-gates", "subtract the mean of the first N gates from the input",
      cxxopts::value<std::string>()->default_value("0"), "N");
  a.group("Training")("samples",
                      "traces to train on, each seen once: a number or 'paper' (3,920,000)",
                      cxxopts::value<std::string>()->default_value("2M"),
                      "N")("batch", "traces a step; 16 are one thread's work (docs/training.md)",
                           cxxopts::value<std::string>()->default_value("64"), "N")(
      "rate", "learning rate of Adam", cxxopts::value<std::string>()->default_value("5e-3"), "R")(
      "schedule", "constant, cosine or plateau",
      cxxopts::value<std::string>()->default_value("cosine"), "KIND")(
      "clip", "longest gradient, 0 for any", cxxopts::value<std::string>()->default_value("1"),
      "NORM")("patience", "stop after N validations without a better one",
              cxxopts::value<std::string>()->default_value("0"), "N")(
      "validation", "traces to validate on", cxxopts::value<std::string>()->default_value("4096"),
      "N")("seed", "of weights and traces", cxxopts::value<std::string>()->default_value("1"), "N")(
      "checkpoint", "where to keep the state of the run (default: beside the model)", value(),
      "FILE")("resume", "go on from the checkpoint")(
      "from", "a float model of the same shape whose weights are the first ones", value(), "MODEL");
  a.group("Training with integers")(
      "integers", "train with integers (quantization-aware), and write a model of them")(
      "learned-scales", "train the units of the weights, too")(
      "master", "also write the floats that the integers were rounded from", value(), "FILE");
  add_quantize_options(a);
  a.needs({"bits", "weight-bits", "operand-bits", "gate-bits", "state-bits", "residual-bits",
           "write-back", "head-reads-state", "candidate-bits", "scale", "per-tensor",
           "learned-scales", "master"},
          {"integers"});
  a.excludes({"curve"}, {"no-pictures"});
  a.excludes({"model", "counts", "baseline-gates", "gate-step", "gate-width", "window"},
             {"photons"});
  a.excludes({"half"}, {"integers"});
  add_prior_options(a);
}

int run_training(const Arguments& a, const TrainedModel* teacher,
                 const std::optional<DistillOptions>& distill) {
  Ranks& all = ranks();
  use_threads(a);
  if (!a.has("output")) fail_usage("wanted -o MODEL (see --help)");
  const fs::path output = a.text("output");
  const fs::path checkpoint = a.maybe("checkpoint").value_or(output.string() + ".checkpoint");
  const fs::path curve = a.maybe("curve").value_or(output.string() + ".curve.png");
  std::vector<OutputPath> others{{"checkpoint", checkpoint}};
  if (!a.has("no-pictures")) others.push_back({"curve", curve});
  check_outputs(a, {"output", "json", "master"}, others);
  check_pictures(a);
  std::optional<TrainedModel> start;
  if (a.has("from"))
    start = load_trained_model(a.text("from"),
                               a.has("photons") ? ModelReads::photons : ModelReads::traces);

  Recipe recipe = recipe_from(a, teacher, start ? &*start : nullptr);
  recipe.distill = distill;
  if (!distill) recipe.loss = loss_named(a.text("loss"));

  TrainingRun run(recipe, teacher, start ? &*start : nullptr, nullptr, all);
  Trainer& trainer = run.trainer();
  trainer.checkpoint = checkpoint;
  if (a.has("resume")) trainer.load_checkpoint(checkpoint);
  describe(run);
  const int threads = thread_count() * all.size();
  if (all.size() > 1)
    std::cout << "ranks: " << all.size() << ", of " << thread_count() << " threads each\n";
  if (const int items = trainer.work_items(); items < threads)
    std::cout << "threads: " << items << " of " << threads << " have work, with batches of "
              << trainer.options().batch << " traces (docs/training.md)\n";
  std::cout << "kernels: " << simd::active_arch() << std::endl;

  const auto start_time = std::chrono::steady_clock::now();
  const std::uint64_t already = trainer.samples_done();
  const TrainingEnd end = train_with_progress(trainer, validated(run.recipe()));
  if (end == TrainingEnd::interrupted) {
    std::cout << "stopped after " << trainer.samples_done()
              << " traces; go on with the same command and --resume\n";
    return kInterrupted;
  }
  if (all.rank() > 0) return kSuccess;  // the first one writes
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_time).count();

  // A share of the training, within limits.
  const std::uint64_t traces = std::clamp<std::uint64_t>(trainer.samples_total(), 20'000, 360'000);
  const std::unique_ptr<TraceModel> result = run.result();
  if (a.has("half")) dynamic_cast<TrainedModel&>(*result).network.parameters().round_to_halves();
  TrainedModel master = run.master();
  if (!run.recipe().photons &&
      (!add_novelty(*result, traces) || (a.has("master") && !add_novelty(master, traces)))) {
    trainer.save_checkpoint(checkpoint);
    std::cout << "stopped before the statistics of the training's traces; go on with the same "
                 "command and --resume\n";
    return kInterrupted;
  }
  save(output, *result);
  if (a.has("master")) save(a.text("master"), master);
  if (!a.has("no-pictures")) draw_curve(curve, run, trainer);
  const nlohmann::json record = nlohmann::json::parse(run.note());
  if (a.has("json")) write_record(a.text("json"), record, run, seconds);
  if (fs::is_regular_file(checkpoint)) fs::remove(checkpoint);  // not a device
  warn_of_loss(trainer);
  std::cout << (end == TrainingEnd::stopped_early ? "stopped early" : "trained") << ": validation "
            << validated(run.recipe()) << ' ' << record["validation_rmse"].get<double>() << ", "
            << static_cast<std::uint64_t>(static_cast<double>(trainer.samples_done() - already) /
                                          seconds)
            << " traces/s, " << format_seconds(seconds) << "; wrote " << output.string() << '\n';
  return kSuccess;
}

}  // namespace taugate::cli
