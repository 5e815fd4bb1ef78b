// A network in a program of your own, with taugate::taugate alone: no file formats, no plots.
//
//   embed_network [MODEL]      without a model file, an untrained network

#include <taugate/taugate.h>
#include <cstdio>

using namespace taugate;

int main(int argc, char** argv) try {
  Model network({.gates = 70, .hidden = {16}});
  network.initialise(1);
  if (argc > 1) network = load_model(argv[1]).model;

  // One trace, normalised as in training: counts over the largest of them.
  const LowLatencyExecutor executor(network);
  const std::unique_ptr<Scratch> scratch = executor.make_scratch();
  std::vector<float> trace(static_cast<std::size_t>(executor.steps()), 0.5f),
      decay(executor.output_size());
  executor.run(*scratch, trace, decay);
  std::printf("%zu values, the last %g\n", decay.size(), decay.back());
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "embed_network: %s\n", error.what());
  return 1;
}
