#include "cli/commands.h"
#include "cli/options/training_command.h"

namespace taugate::cli {

int distill(int argc, char** argv) {
  Arguments a(
      "distill", "TEACHER [options] -o STUDENT",
      "Trains a student on simulated traces from the truth and from what a teacher makes of "
      "them.",
      {"teacher"});
  add_training_options(a);
  const auto otherwise = [](const char* text) {
    return cxxopts::value<std::string>()->default_value(text);
  };
  a.group("Distillation")("alpha", "weight of the teacher's outputs against the truth's, 0 to 1",
                          otherwise("0.6"), "A")(
      "beta", "weight of the teacher's hidden features, through a learned projection, 0 or more",
      otherwise("0"), "B");
  if (!a.parse(argc, argv)) return kSuccess;
  const DistillOptions options{.alpha = a.number("alpha"), .beta = a.number("beta")};
  options.validate();
  if (options.alpha == 0.0 && options.beta == 0.0)
    fail_usage("--alpha, --beta: found 0 and 0, with which the teacher teaches nothing");
  const TrainedModel teacher = load_trained_model(a.positional("teacher"));
  return run_training(a, &teacher, options);
}

}  // namespace taugate::cli
