#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options/outputs.h"
#include "cli/options/prior_options.h"
#include "taugate/fli/inference/trained_model.h"
#include "taugate/interchange/import_network.h"
#include "taugate/quant/ptq/qkeras.h"

namespace taugate::cli {
namespace {

Arguments declare() {
  Arguments a(
      "import", "WEIGHTS -o MODEL [options]",
      "Makes a model of GRU weights that PyTorch (safetensors) or Keras (.h5, .weights.h5,\n"
      ".keras) has trained, and with --form qkeras one of integers of a QKeras student's.\n"
      "The options for traces say which traces it was trained for.",
      {"weights"});
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group("")("o,output", "where the model goes", value(), "FILE");
  a.group("Layers (see docs/interchange.md)")(
      "encoder", "names of the encoder's GRUs, from the input on", value(), "NAME,NAME..")(
      "decoder", "names of the decoder's GRUs", value(), "NAME,NAME..")(
      "head", "name of the dense layer at the end", value(), "NAME")(
      "form",
      "reset_after or reset_before, where the file does not tell; or qkeras: the published 8-bit "
      "student, weights k/128, hard activations",
      value(),
      "FORM")("activation", "smooth (sigmoid, tanh) or hard, where the file does not tell", value(),
              "KIND")("zero-fed", "the decoder's input was zero, although it is wide");
  a.group("Input")("baseline-gates", "subtract the mean of the first N gates from the input",
                   cxxopts::value<std::string>()->default_value("0"), "N");
  a.group("QKeras")("input-bits",
                    "bits of a sample of the trace, sign included, 8 to 16 (the student was "
                    "trained on unrounded ones)",
                    cxxopts::value<std::string>()->default_value("16"),
                    "N")("round",
                         "round weights to k/128 as quantized_bits(8, 0) does: for files of "
                         "save_weights, which keeps them unrounded");
  add_prior_options(a);
  return a;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

bool is_qkeras(const Arguments& a) { return a.maybe("form") == "qkeras"; }

WeightGrid grid_from(const Arguments& a) {
  for (const char* option : {"input-bits", "round"})
    if (a.has(option) && !is_qkeras(a))
      fail_usage("--", option, ": found it without --form qkeras, whose option it is");
  if (!is_qkeras(a)) return WeightGrid::any;
  return a.has("round") ? WeightGrid::k128_rounded : WeightGrid::k128;
}

LayerMapping layer_mapping_from(const Arguments& a, const ImportedNetwork& network, int gates) {
  LayerMapping wanted;
  wanted.gates = gates;
  if (a.has("encoder")) wanted.encoder = a.texts("encoder");
  if (a.has("decoder")) wanted.decoder = a.texts("decoder");
  wanted.head = a.maybe("head");
  if (a.has("activation")) wanted.activation = activation(a.text("activation"));
  if (is_qkeras(a)) {
    if (wanted.activation.value_or(Activation::hard) != Activation::hard)
      fail_usage("--activation: found smooth beside --form qkeras, whose activations are hard");
    wanted.form = GruForm::reset_before;
    if (network.unknown_activation.empty()) wanted.activation = Activation::hard;
  } else if (a.has("form")) {
    wanted.form = gru_form(a.text("form"));
  }
  wanted.zero_fed = a.has("zero-fed");
  return wanted;
}

/// The QKeras student of these weights; says how it computes.
QuantizedModel integers_of(const TrainedModel& floats, const ImportedNetwork& network,
                           const Arguments& a) {
  const std::uint64_t found = a.count("input-bits");
  if (found < 8 || found > 16) fail_usage("--input-bits: found ", found, ", wanted 8 to 16");
  const int bits = static_cast<int>(found);
  QuantizedModel model(qkeras_model(floats.network, network.file, bits), floats);
  if (!network.unknown_activation.empty())
    std::cout << "the file names " << network.unknown_activation
              << ": run as clip(x/2 + 1/2, 0, 1) and clip(x, -1, 1), rounded to k/128\n";
  std::cout << "integers: weights k/128, state k/128 at each step, input k/" << (1 << (bits - 1))
            << '\n';
  return model;
}

}  // namespace

int import_weights(int argc, char** argv) {
  Arguments a = declare();
  if (!a.parse(argc, argv)) return kSuccess;
  const std::filesystem::path weights = a.positional("weights");
  if (!a.has("output")) fail_usage("wanted -o MODEL (see: taugate import --help)");
  check_outputs(a, {"output"});

  Prior prior = prior_from(a, Prior{simulator_preset("ss2-70"), 0.0});
  Normalisation normalisation;
  normalisation.baseline_gates = a.small_count("baseline-gates", 1 << 30);
  validate(normalisation, prior.simulator.acquisition.gates);
  const ImportedNetwork network = read_network(weights, grid_from(a));
  ImportedModel imported =
      map_layers(network, layer_mapping_from(a, network, prior.simulator.acquisition.gates));
  const Seq2SeqConfig config = seq2seq_config(imported.model.description());
  require(config.outputs == 1 || config.outputs == 3, weights.string(), ": head '", imported.head,
          "' has ", config.outputs,
          " outputs, wanted 1 (the decay) or 3 (also its short and its long component)");
  prior.simulator.channels = config.outputs;

  std::cout << "encoder: " << joined(imported.encoder) << "\ndecoder: " << joined(imported.decoder)
            << " (starts from the encoder's states; its input is zero";
  if (imported.dropped_inputs > 0)
    std::cout << ", so " << imported.decoder.front() << "'s input weights go";
  std::cout << ")\nhead: " << imported.head << "\nform: " << name_of(config.form) << ", "
            << name_of(config.activation) << " activations; " << config.gates << " gates, "
            << config.outputs << " output(s)\n";
  const nlohmann::json record{{"imported_from", weights.filename().string()}};
  const TrainedModel floats(std::move(imported.model), prior.simulator, normalisation,
                            prior.first_gate_ns, record.dump());
  if (is_qkeras(a))
    save(a.text("output"), integers_of(floats, network, a));
  else
    save(a.text("output"), floats);
  std::cout << "wrote " << a.text("output") << '\n';
  return kSuccess;
}

}  // namespace taugate::cli
