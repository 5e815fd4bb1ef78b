// Training, from simulated traces to a model.

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/unique_ptr.h>

#include <algorithm>

#include "bindings.h"
#include "study/recipe.h"
#include "taugate/fli/inference/novelty_estimate.h"
#include "taugate/quant/ptq/bit_widths.h"

namespace taugate::python {
namespace {

const TrainedModel* floats_of(const TraceModel* model, const char* name) {
  if (!model) return nullptr;
  const auto* floats = dynamic_cast<const TrainedModel*>(model);
  if (!floats) fail_usage(name, ": found a model of integers, wanted one of floats");
  return floats;
}

/// As `taugate train` and `distill`: same arguments, same bits.
std::unique_ptr<TraceModel> train(
    const std::string& config, const std::string& kind, std::vector<int> hidden,
    const std::string& form, const std::string& activation_kind, std::uint64_t samples, int batch,
    double rate, const std::string& schedule, double clip, int patience, std::uint64_t validation,
    std::uint64_t seed, const std::string& loss, std::optional<int> integer_bits,
    const TraceModel* teacher, double alpha, double beta, const TraceModel* start,
    double first_gate_ns, int baseline_gates, std::optional<std::size_t> novelty,
    const std::filesystem::path& checkpoint, bool resume, nb::object progress) {
  Recipe recipe;
  recipe.simulator = simulator_config_from_json(config);
  recipe.first_gate_ns = first_gate_ns;
  recipe.normalisation.baseline_gates = baseline_gates;
  validate(recipe.normalisation, recipe.simulator.acquisition.gates);
  if (kind != "decay" && kind != "lifetime")
    fail_usage("kind: found '", kind, "', wanted decay or lifetime");
  if (kind == "lifetime") {
    recipe.normalisation.counts_first = true;
    recipe.simulator.channels = 1;
    recipe.lifetime_beta = 0.5;
  }
  recipe.network.gates = static_cast<int>(input_size(
      recipe.normalisation, static_cast<std::size_t>(recipe.simulator.acquisition.gates)));
  recipe.network.outputs =
      recipe.lifetime_beta ? LifetimeHead::kOutputs : recipe.simulator.channels;
  recipe.network.hidden = std::move(hidden);
  recipe.network.form = gru_form(form);
  recipe.network.activation = activation(activation_kind);
  network_of(recipe);  // refuses what no network can have
  TrainingOptions& o = recipe.training;
  o.samples = samples;
  o.batch = batch;
  o.schedule.rate = rate;
  o.schedule.kind = schedule_kind(schedule);
  o.adam.clip_norm = clip;
  o.patience = patience;
  o.validation_samples = validation;
  o.validate();
  recipe.seed = seed;
  recipe.loss = loss_named(loss);
  if (integer_bits) {
    QatOptions qat;
    qat.quantize.widths = widths_of(BitWidths::of(*integer_bits));
    recipe.integers = qat;
  }
  if (teacher) recipe.distill = DistillOptions{alpha, beta};
  if (recipe.distill) recipe.distill->validate();

  const TrainedModel* const from = floats_of(teacher, "teacher");
  const TrainedModel* const first = floats_of(start, "start");
  std::unique_ptr<TraceModel> result;
  Watch watch(std::move(progress), 1.0);
  {
    const nb::gil_scoped_release no_gil;
    TrainingRun run(recipe, from, first);
    Trainer& trainer = run.trainer();
    trainer.checkpoint = checkpoint;
    if (resume) trainer.load_checkpoint(checkpoint);
    const auto total = static_cast<double>(trainer.samples_total());
    watch.set_total(total);
    const TrainingEnd end =
        trainer.run([&](const Trainer& t) { return watch(static_cast<double>(t.samples_done())); });
    if (end != TrainingEnd::interrupted) {
      result = run.result();
      const std::size_t traces =
          novelty.value_or(std::clamp<std::uint64_t>(trainer.samples_total(), 20'000, 360'000));
      if (traces > 0)
        result->novelty = estimate_novelty(
            *result, {.traces = traces, .keep_going = [&] { return watch(total); }});
      if (!checkpoint.empty() && watch.stopped()) trainer.save_checkpoint(checkpoint);
      if (!watch.stopped() && std::filesystem::is_regular_file(checkpoint))
        std::filesystem::remove(checkpoint);
    }
  }
  watch.finish(true);
  return result;
}

}  // namespace

void bind_training(nb::module_& m) {
  m.def("train", &train, nb::arg("config"), nb::arg("kind"), nb::arg("hidden"), nb::arg("form"),
        nb::arg("activation"), nb::arg("samples"), nb::arg("batch"), nb::arg("rate"),
        nb::arg("schedule"), nb::arg("clip"), nb::arg("patience"), nb::arg("validation"),
        nb::arg("seed"), nb::arg("loss"), nb::arg("integer_bits").none(), nb::arg("teacher").none(),
        nb::arg("alpha"), nb::arg("beta"), nb::arg("start").none(), nb::arg("first_gate_ns"),
        nb::arg("baseline_gates"), nb::arg("novelty").none(), nb::arg("checkpoint"),
        nb::arg("resume"), nb::arg("progress").none(), "See taugate.train.");
}

}  // namespace taugate::python
