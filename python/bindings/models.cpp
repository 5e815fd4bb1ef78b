// Trained networks: loading, running, quantizing; and their integers, word by word.

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/unique_ptr.h>

#include <nlohmann/json.hpp>

#include "bindings.h"
#include "fli/inference/calibration_traces.h"
#include "taugate/fli/inference/model_card.h"
#include "taugate/fli/inference/novelty_estimate.h"
#include "taugate/fli/inference/trained_model.h"
#include "taugate/quant/ptq/bit_widths.h"

namespace taugate::python {
namespace {

/// inputs [N][input_size()], normalised as in training, to [N][T][C]; [N][C] of a head at the last step, and of a network
/// with two heads [N][T C + E], the decay and then the second head's.
Out<float> predict(const TraceModel& model, const In<float, 2>& inputs) {
  const std::size_t N = inputs.shape(0), T = inputs.shape(1);
  const Network& network = model.description();
  if (T != model.input_size())
    fail_usage("inputs: found ", T, " values a trace, wanted ", model.input_size());
  const std::span<const float> in(inputs.data(), inputs.size());
  check_finite("inputs", in, T);
  std::vector<float> out(N * network.output_size());
  {
    const nb::gil_scoped_release no_gil;
    ThreadScratch scratch;
    model.executor()->run(scratch, in, out);
  }
  const auto C = static_cast<std::size_t>(network.outputs());
  if (network.encoder_outputs > 0) return to_numpy(std::move(out), {N, network.output_size()});
  if (model.gives_lifetimes()) return to_numpy(std::move(out), {N, C});
  return to_numpy(std::move(out), {N, T, C});
}

/// counts [N][T] to a network's inputs; zero where a trace has no count above its baseline.
Out<float> normalised(const TraceModel& model, const In<float, 2>& counts) {
  const std::size_t N = counts.shape(0), T = counts.shape(1), I = model.input_size();
  if (T != static_cast<std::size_t>(model.gates()))
    fail_usage("counts: found ", T, " gates a trace, wanted ", model.gates());
  std::vector<float> out(N * I);
  for (std::size_t i = 0; i < N; ++i)
    normalise(model.normalisation, {counts.data() + i * T, T}, {out.data() + i * I, I});
  return to_numpy(std::move(out), {N, I});
}

/// The weights by PyTorch's names, as views of the model's own.
nb::dict parameters(nb::handle self) {
  const auto* model = dynamic_cast<const TrainedModel*>(&nb::cast<const TraceModel&>(self));
  if (!model) fail("parameters: found a model of integers, wanted one of floats");
  nb::dict out;
  const Parameters& all = model->network.parameters();
  for (const Parameters::Entry& entry : all.entries()) {
    const std::size_t shape[] = {static_cast<std::size_t>(entry.at.rows),
                                 static_cast<std::size_t>(entry.at.cols)};
    const bool bias = entry.at.cols == 1 && entry.name.find("bias") != std::string::npos;
    out[entry.name.c_str()] = nb::ndarray<nb::numpy, const float>(all.data() + entry.at.offset,
                                                                  bias ? 1 : 2, shape, self);
  }
  return out;
}

std::unique_ptr<TraceModel> quantize(const TraceModel& model, int bits,
                                     std::optional<int> weight_bits,
                                     std::optional<int> operand_bits, int state_bits,
                                     const std::string& calibrate, std::size_t calibration,
                                     std::size_t novelty, nb::object progress) {
  const auto* floats = dynamic_cast<const TrainedModel*>(&model);
  if (!floats) fail_usage("model: found a model of integers, wanted one of floats");
  constexpr std::size_t most = 1u << 24;
  if (calibration < 1 || calibration > most)
    fail_usage("calibration: found ", calibration, ", wanted 1 to 2^24");
  BitWidths widths = BitWidths::of(bits);
  widths.weight = weight_bits.value_or(widths.weight);
  widths.operand = operand_bits.value_or(widths.operand);
  widths.state = state_bits;
  QuantizeOptions options;
  options.widths = widths_of(widths);
  std::optional<CalibrationMethod> rule;
  if (calibrate != "none") rule = calibration_method(calibrate);
  std::unique_ptr<QuantizedModel> out;
  Watch watch(std::move(progress), 1.0);
  {
    const nb::gil_scoped_release no_gil;
    const std::vector<float> inputs = simulated_inputs(model, calibration, kCalibrationSeed);
    out = std::make_unique<QuantizedModel>(quantize_trained(*floats, options, inputs, rule));
    if (novelty > 0)
      out->novelty =
          estimate_novelty(*out, {.traces = novelty, .keep_going = [&] { return watch(0.0); }});
  }
  watch.finish(true);
  nlohmann::json note = nlohmann::json::parse(model.training, nullptr, false);
  if (!note.is_object()) note = nlohmann::json::object();
  note["quantised"] = {{"after_training", true},
                       {"weights_only", false},
                       {"scale", "symmetric"},
                       {"per_tensor", false},
                       {"calibrate", calibrate}};
  out->training = note.dump();
  return out;
}

/// An integer model's words in and out.
class Integers {
 public:
  explicit Integers(const TraceModel& model) : network_(integers_of(model)), executor_(network_) {}

  Out<std::int64_t> run(const In<std::int16_t, 2>& words) {
    const std::size_t N = words.shape(0), T = words.shape(1);
    if (T != static_cast<std::size_t>(network_.gates()))
      fail_usage("words: found ", T, " values a trace, wanted ", network_.gates());
    std::vector<std::int64_t> out(N * network_.description.output_size());
    {
      const nb::gil_scoped_release no_gil;
      ThreadScratch scratch;
      executor_.run_words(scratch, {words.data(), words.size()}, out);
    }
    return to_numpy(std::move(out), {N, network_.description.output_steps(),
                                     static_cast<std::size_t>(network_.outputs())});
  }
  std::string arch() const { return executor_.arch(); }
  int input_frac_bits() const {
    return network_.widths.operand_frac_bits + network_.widths.input_extra;
  }
  int output_frac_bits() const { return network_.widths.output_frac_bits; }

 private:
  static const IntegerModel& integers_of(const TraceModel& model) {
    const auto* quantized = dynamic_cast<const QuantizedModel*>(&model);
    if (!quantized)
      fail_usage("model: found a model of floats, wanted one of integers (quantize makes it)");
    return quantized->network;
  }
  IntegerModel network_;
  IntegerExecutor executor_;
};

std::vector<nb::dict> cards(const std::filesystem::path& folder) {
  std::vector<nb::dict> out;
  for (const ModelCard& card : read_model_cards(folder)) {
    const Acquisition& q = card.simulator.acquisition;
    nb::dict one;
    one["name"] = card.name;
    one["about"] = card.about;
    one["gates"] = q.gates;
    one["gate_step_ns"] = q.gate_step_ns;
    one["period_ns"] = q.period_ns;
    one["lifetimes_ns"] = std::pair(card.lifetimes_ns.low, card.lifetimes_ns.high);
    one["photons"] = std::pair(card.photons.low, card.photons.high);
    out.push_back(one);
  }
  return out;
}

/// As infer --model NAME chooses for counts [H][W][bins]: name, model, where its gate 0 opens, and whether counts stay
/// whole.
std::tuple<std::string, std::unique_ptr<TraceModel>, double, bool> model_of_card(
    const std::filesystem::path& folder, const std::string& name, const In<float, 3>& counts,
    std::optional<double> bin_ns, std::optional<double> period_ns, const std::string& recording) {
  const std::vector<ModelCard> known = read_model_cards(folder);
  const Measurement m = measurement_of(counts, bin_ns, period_ns, recording);
  const ModelCard* card = name == "auto" ? &fitting_card(known, m) : card_named(known, name);
  if (!card) fail_usage("model: found '", name, "', neither a file nor a name of models()");
  const RecordedAxis axis(m);
  const std::string misfit = axis.misfit(*card);
  require(misfit.empty(), recording, ": found ", axis.described(), "; model ", card->name,
          " wants ", misfit);
  return {card->name, load_model_of(*card), axis.first_gate_ns(*card), card->rise_ns.has_value()};
}

}  // namespace

void bind_models(nb::module_& m) {
  nb::class_<TraceModel>(
      m, "Model",
      "A trained network of floats or integers, with what it needs to meet measured traces: the\n"
      "acquisition and prior of its training and how its input is normalised.")
      .def_prop_ro("gates", &TraceModel::gates, "T, the gates of a trace.")
      .def_prop_ro("input_size", &TraceModel::input_size,
                   "Values of a network's input: T, or T + 1 with the counts before them.")
      .def_prop_ro("outputs", &TraceModel::outputs, "C, the values that the head gives a step.")
      .def_prop_ro("gives_lifetimes", &TraceModel::gives_lifetimes,
                   "Whether it answers with lifetimes and their deviations in place of decays.")
      .def_prop_ro(
          "integers",
          [](const TraceModel& model) {
            return dynamic_cast<const QuantizedModel*>(&model) != nullptr;
          },
          "Whether its network is of integers.")
      .def_prop_ro(
          "gate_step_ns", [](const TraceModel& t) { return t.acquisition().gate_step_ns; },
          "Time from gate to gate in ns.")
      .def_prop_ro(
          "period_ns", [](const TraceModel& t) { return t.acquisition().period_ns; },
          "Laser period in ns.")
      .def_ro("first_gate_ns", &TraceModel::first_gate_ns,
              "Where gate 0 opens on the recorder's clock, in ns.")
      .def_prop_ro(
          "prior", [](const TraceModel& t) { return from_json(to_json(t.simulator)); },
          nb::sig("def prior(self) -> dict"), "What its training simulated (docs/simulator.md).")
      .def_prop_ro(
          "training", [](const TraceModel& t) { return from_json(t.training); },
          nb::sig("def training(self) -> dict"), "How it was trained.")
      .def_prop_ro(
          "parameters", [](nb::handle self) { return parameters(self); },
          nb::sig("def parameters(self) -> dict"),
          "Of a network of floats: its weights by PyTorch's names, as read-only views.")
      .def(
          "predict", &predict, nb::arg("inputs"),
          "The network alone: inputs [N][input_size], normalised as in training, to decays\n"
          "[N][T][C], to the head's answers [N][C] of a network that gives lifetimes, or to both,\n"
          "[N][T C + E], of one with two heads.")
      .def("normalise", &normalised, nb::arg("counts"),
           "counts [N][T], in the model's gates, to inputs [N][input_size].")
      .def(
          "save",
          [](const TraceModel& t, const std::filesystem::path& path) {
            const nb::gil_scoped_release no_gil;
            save(path, t);
          },
          nb::arg("path"), "Writes a safetensors file, as `taugate train` does.");
  m.def(
      "load",
      [](const std::filesystem::path& path) {
        const nb::gil_scoped_release no_gil;
        return load_trace_model(path);
      },
      nb::arg("path"), "A model file of `taugate train`, `distill`, `quantize` or Model.save.");
  m.def("cards", &cards, nb::arg("folder"), nb::sig("def cards(folder: str) -> list[dict]"),
        "What a folder of trained models has.");
  m.def("model_of_card", &model_of_card, nb::arg("folder"), nb::arg("name"), nb::arg("counts"),
        nb::arg("bin_ns").none(), nb::arg("period_ns").none(), nb::arg("recording"),
        "The model of that name, or 'auto': that fits the counts; with where its gate 0 opens.");
  m.def(
      "quantize", &quantize, nb::arg("model"), nb::kw_only(), nb::arg("bits") = 8,
      nb::arg("weight_bits") = nb::none(), nb::arg("operand_bits") = nb::none(),
      nb::arg("state_bits") = 16, nb::arg("calibrate") = "mse", nb::arg("calibration") = 1000,
      nb::arg("novelty") = 360'000, nb::arg("progress") = nb::none(),
      "A model of floats in integers, without training (docs/quantization.md), as `taugate\n"
      "quantize`. bits: of weights, operand and gates. calibrate: minmax, percentile, mse or "
      "none,\n"
      "on so many simulated traces. novelty: traces for the statistics by which infer tells what\n"
      "is unlike the training; 0: none.");
  nb::class_<Integers>(m, "IntegerExecutor",
                       "A model of integers, word by word, to set beside hardware: all threads, "
                       "the same words under every instruction set.")
      .def(nb::init<const TraceModel&>(), nb::arg("model"))
      .def("run", &Integers::run, nb::arg("words"),
           "words [N][T], k for k / 2**input_frac_bits, to [N][T][C], k for k / "
           "2**output_frac_bits.")
      .def_prop_ro("arch", &Integers::arch, "Which kernels run.")
      .def_prop_ro("input_frac_bits", &Integers::input_frac_bits, "Fraction bits of a word in.")
      .def_prop_ro("output_frac_bits", &Integers::output_frac_bits, "Fraction bits of a word out.");
}

}  // namespace taugate::python
