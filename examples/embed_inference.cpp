// Lifetimes from a program of your own.
//
//   embed_inference [MODEL [TRACES]]
//
// MODEL is what `taugate train` wrote; TRACES is a file of counts (NPY, NPZ, text, PicoHarp).
// Without a model a small one is trained first, without traces five are simulated.

#include <taugate/fli.h>

#include <cstdio>

namespace {

taugate::TrainedModel train_a_small_model() {
  const taugate::SimulatorConfig prior = taugate::simulator_preset("ss2-70");
  taugate::TrainedModel model{taugate::Model({.gates = 70, .hidden = {16}}), prior, {}};
  model.network.initialise(1);
  const taugate::SimulatedTraces data(prior, model.normalisation, 1);
  taugate::TrainingOptions options;
  options.samples = 80'000;
  options.batch = 32;
  options.validation_samples = 512;
  taugate::Trainer(model.network.parameters(), taugate::least_squares(model.network), data, options)
      .run();
  return model;
}

taugate::Measurement simulate(const taugate::TrainedModel& model, int traces) {
  const taugate::Simulator simulator(model.simulator);
  const int gates = simulator.gates();
  taugate::Measurement m{"five simulated traces", traces, 1, gates, {}, {}, {}};
  m.bin_ns = model.acquisition().gate_step_ns;
  m.period_ns = model.acquisition().period_ns;
  m.counts.resize(m.traces() * gates);
  for (std::size_t i = 0; i < m.traces(); ++i) {
    taugate::Sample pixel{{&m.counts[i * gates], static_cast<std::size_t>(gates)}, {}, {}};
    simulator.sample(2, i, pixel);
    std::printf("simulated trace %zu: %.3f ns\n", i,
                taugate::mean_lifetimes(pixel.truth.decay).amplitude_ns);
  }
  return m;
}

}  // namespace

int main(int argc, char** argv) try {
  const taugate::TrainedModel model =
      argc > 1 ? taugate::load_trained_model(argv[1]) : train_a_small_model();

  taugate::InferenceOptions options;
  if (argc <= 2) options.first_gate_ns = 0.0;  // simulated counts are in the model's gates already
  const taugate::Measurement traces =
      argc > 2 ? taugate::read_measurement(argv[2]) : simulate(model, 5);
  const taugate::Inference result = taugate::infer(model, traces, options);

  for (std::size_t i = 0; i < result.amplitude_ns.size(); ++i)
    std::printf("trace %zu: %.3f ns from %.0f photons\n", i, result.amplitude_ns[i],
                result.intensity[i]);
  return 0;
} catch (const taugate::Error& error) {
  std::fprintf(stderr, "embed_inference: %s\n", error.what());
  return 1;
}
