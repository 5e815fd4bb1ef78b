#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "prior_options.h"
#include "taugate/nn/foreign_weights.h"

namespace taugate::cli {
namespace {

Arguments declare() {
  Arguments a(
      "import", "WEIGHTS -o MODEL [options]",
      "Makes a model of GRU weights that PyTorch (safetensors) or Keras (.h5, .weights.h5,\n"
      ".keras) has trained. The options for traces say which traces it was trained for.",
      {"weights"});
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group("")("o,output", "where the model goes", value(), "FILE");
  a.group("Layers (see docs/interchange.md)")(
      "encoder", "names of the encoder's GRUs, from the input on", value(), "NAME,NAME..")(
      "decoder", "names of the decoder's GRUs", value(), "NAME,NAME..")(
      "head", "name of the dense layer at the end", value(), "NAME")(
      "form", "reset_after or reset_before, where the file does not tell", value(), "FORM")(
      "activation", "smooth (sigmoid, tanh) or hard, where the file does not tell", value(),
      "KIND")("zero-fed", "the decoder's input was zero, although it is wide");
  a.group("Input")("baseline-gates", "subtract the mean of the first N gates from the input",
                   cxxopts::value<std::string>()->default_value("0"), "N");
  add_prior_options(a);
  return a;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Arrangement arrangement_from(const Arguments& a, int gates) {
  Arrangement wanted;
  wanted.gates = gates;
  if (a.has("encoder")) wanted.encoder = a.texts("encoder");
  if (a.has("decoder")) wanted.decoder = a.texts("decoder");
  wanted.head = a.maybe("head");
  if (a.has("form")) wanted.form = gru_form(a.text("form"));
  if (a.has("activation")) wanted.activation = activation(a.text("activation"));
  wanted.zero_fed = a.has("zero-fed");
  return wanted;
}

}  // namespace

int import_weights(int argc, char** argv) {
  Arguments a = declare();
  if (!a.parse(argc, argv)) return kSuccess;
  const std::filesystem::path weights = a.positional("weights");
  if (!a.has("output")) fail_usage("wanted -o MODEL (see: taugate import --help)");
  check_outputs(a, {"output"});

  Prior prior = prior_from(a);
  Normalisation normalisation;
  normalisation.baseline_gates =
      static_cast<int>(std::min<std::uint64_t>(a.count("baseline-gates"), 1u << 30));
  validate(normalisation, prior.simulator.acquisition.gates);
  ImportedModel imported = arrange(read_foreign_network(weights),
                                   arrangement_from(a, prior.simulator.acquisition.gates));
  const Seq2SeqConfig config = imported.model.config();
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
  save(a.text("output"), TrainedModel(std::move(imported.model), prior.simulator, normalisation,
                                      prior.first_gate_ns, record.dump()));
  std::cout << "wrote " << a.text("output") << '\n';
  return kSuccess;
}

}  // namespace taugate::cli
