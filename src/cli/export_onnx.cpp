#include <filesystem>
#include <iostream>

#include "cli/commands.h"
#include "cli/options/arguments.h"
#include "cli/options/outputs.h"
#include "taugate/core/file.h"
#include "taugate/fli/inference/trained_model.h"
#include "taugate/interchange/onnx.h"

namespace taugate::cli {

int export_onnx(int argc, char** argv) {
  Arguments a(
      "export-onnx", "MODEL -o FILE",
      "Writes a model of floats for ONNX runtimes: input tpsf [N][T], normalised as the\n"
      "metadata taugate.normalisation says, to sfd [N][T][C] (of a lifetime model: [N][T+1] to "
      "[N][1][6]; of a Seq2Seq with lifetimes: [N][T+1] to sfd [N][T+1][C], whose first step does "
      "not count, and lifetimes [N][1][6]).",
      {"model"});
  a.group("")("o,output", "where the .onnx file goes", cxxopts::value<std::string>(), "FILE");
  if (!a.parse(argc, argv)) return kSuccess;
  const std::string path = a.positional("model");
  if (!a.has("output")) fail_usage("wanted -o FILE (see: taugate export-onnx --help)");
  check_outputs(a, {"output"});
  require(!holds_integers(path), path,
          ": found a model of integers, wanted one of floats: that is what ONNX's GRU computes");
  const TrainedModel model = load_trained_model(path);
  write_file(a.text("output"), onnx_model(model.network, notes_of(model)));
  std::cout << "tpsf [N][" << model.input_size() << "] to sfd [N]["
            << model.description().output_steps() << "][" << model.outputs() << ']';
  if (const int E = model.description().encoder_outputs; E > 0)
    std::cout << " and lifetimes [N][1][" << E << ']';
  std::cout << "; wrote " << a.text("output") << '\n';
  return kSuccess;
}

}  // namespace taugate::cli
