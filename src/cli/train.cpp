#include "cli/commands.h"
#include "cli/options/training_command.h"

namespace taugate::cli {

int train(int argc, char** argv) {
  Arguments a("train", "[options] -o MODEL",
              "Trains a network on simulated traces that are made while they are needed.");
  add_training_options(a);
  a.group("Training")("loss", "mse, or mixed: squared plus absolute error (docs/training.md)",
                      cxxopts::value<std::string>()->default_value("mse"), "NAME");
  if (!a.parse(argc, argv)) return kSuccess;
  return run_training(a);
}

}  // namespace taugate::cli
