// A training loop of your own: traces that the simulator makes while they are needed, a GRU encoder
// and decoder, Adam. Prints the loss as it falls.

#include <taugate/fli.h>

#include <cmath>
#include <cstdio>

int main() try {
  const taugate::SimulatedTraces data(taugate::simulator_preset("ss2-70"), {}, /*seed=*/1);
  taugate::Model network({.gates = data.steps(), .outputs = data.outputs(), .hidden = {16}});
  network.initialise(/*seed=*/1);

  taugate::TrainingOptions options;
  options.samples = 64'000;
  options.batch = 64;
  taugate::Trainer trainer(network.parameters(), taugate::least_squares(network), data, options);
  const double before = trainer.validate();
  while (trainer.samples_done() < trainer.samples_total()) {
    const double loss = trainer.step();
    if (trainer.samples_done() % 6'400 == 0)
      std::printf("%6llu traces: loss %.5f\n",
                  static_cast<unsigned long long>(trainer.samples_done()), loss);
  }
  const double after = trainer.validate();
  std::printf("RMSE of fresh traces: %.4f before, %.4f after training\n", std::sqrt(before),
              std::sqrt(after));
  return after < before ? 0 : 1;
} catch (const taugate::Error& error) {
  std::fprintf(stderr, "embed_training: %s\n", error.what());
  return 1;
}
