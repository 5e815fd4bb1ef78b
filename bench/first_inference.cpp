// first_inference MODEL: what a program that embeds the library does before its first result. Loads
// a model and runs one trace.

#include <cstdio>
#include <vector>

#include "taugate/fli/inference/trained_model.h"
#include "taugate/runtime/executor.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    const taugate::TrainedModel model = taugate::load_trained_model(argv[1]);
    const taugate::LowLatencyExecutor executor(model.network);
    taugate::ThreadScratch scratch;
    std::vector<float> trace(static_cast<std::size_t>(executor.steps()), 0.5f);
    std::vector<float> decay(trace.size() * static_cast<std::size_t>(executor.outputs()));
    executor.run(scratch, trace, decay);
    std::printf("%g\n", decay.back());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
