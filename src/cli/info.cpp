#include <algorithm>
#include <iomanip>
#include <iostream>
#include <numeric>

#include "arguments.h"
#include "commands.h"
#include "taugate/core/file.h"
#include "taugate/fli/io/measurement.h"
#include "taugate/study/trained_model.h"

namespace taugate::cli {
namespace {

/// A safetensors file begins with its header's length and a brace.
bool looks_like_a_model(const std::string& path) {
  const std::string start = read_prefix(path, 9);
  return start.size() == 9 && start[8] == '{';
}

void print_model(const std::string& path) {
  const TrainedModel model = load_trained_model(path);
  const Seq2SeqConfig& config = model.network.config();
  const Acquisition& acquisition = model.acquisition();
  std::cout << path << ": a taugate model\n  network      GRU layers a side:";
  for (int units : config.hidden) std::cout << ' ' << units;
  std::cout << " units; " << name_of(config.form) << ", " << name_of(config.activation)
            << " activations, " << config.outputs << " output(s)\n"
            << "  parameters   " << model.network.parameters().count() << " ("
            << model.network.published_parameter_count()
            << " counting the zero-fed decoder input), " << 4 * model.network.parameters().count()
            << " bytes\n"
            << "  work         " << model.network.multiply_accumulates()
            << " multiply-accumulates a trace\n"
            << "  acquisition  " << acquisition.gates << " gates of " << acquisition.gate_step_ns
            << " ns (open " << acquisition.gate_width_ns << " ns), laser period "
            << acquisition.period_ns << " ns\n"
            << "  gate 0       opens " << model.first_gate_ns << " ns after the trigger\n"
            << "  lifetimes    " << model.simulator.decay.tau1_ns.low << " to "
            << std::max(model.simulator.decay.tau1_ns.high, model.simulator.decay.tau2_ns.high)
            << " ns\n"
            << "  training     " << model.training << '\n';
}

void print_measurement(const std::string& path) {
  const Measurement m = read_measurement(path);
  std::cout << path << ": ";
  if (m.height > 1)
    std::cout << "an image of " << m.width << " x " << m.height << " pixels";
  else
    std::cout << m.width << " trace(s)";
  std::cout << " of " << m.bins << " bins\n  counts       " << std::fixed << std::setprecision(0)
            << std::accumulate(m.counts.begin(), m.counts.end(), 0.0) << std::defaultfloat
            << std::setprecision(6) << " in all, at most "
            << *std::max_element(m.counts.begin(), m.counts.end()) << " in a bin\n  bin width    ";
  if (m.bin_ns)
    std::cout << *m.bin_ns << " ns\n";
  else
    std::cout << "not in the file\n";
  std::cout << "  laser period ";
  if (m.period_ns)
    std::cout << *m.period_ns << " ns\n";
  else
    std::cout << "not in the file\n";
}

}  // namespace

int info(int argc, char** argv) {
  Arguments a("info", "FILE", "Tells what a model or a file of traces holds.", {"file"});
  if (!a.parse(argc, argv)) return kSuccess;
  const std::string path = a.positional("file");
  if (looks_like_a_model(path))
    print_model(path);
  else
    print_measurement(path);
  return kSuccess;
}

}  // namespace taugate::cli
