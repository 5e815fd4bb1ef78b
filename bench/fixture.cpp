// taugate_fixture FOLDER: what taugate_processes lets the program work on. A student of 32 units
// with random weights (they cost what trained ones do), the same with flags and with a lifetime head, one trace, and an image of 512 x 512 pixels
// in which every pixel fluoresces, as float32 and as uint16, stored as NPZ.

#include <filesystem>
#include <iostream>
#include <string>

#include "fli/formats/npz.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/inference/lifetime_head.h"
#include "taugate/fli/inference/novelty_estimate.h"
#include "taugate/fli/inference/trained_model.h"
#include "taugate/quant/ptq/quantize.h"

namespace {

using namespace taugate;
constexpr std::size_t kSide = 512;

/// Both answers, in floats and in 8 bits, with the statistics by which `infer` flags pixels.
void write_judging_models(const std::filesystem::path& folder, const SimulatorConfig& config) {
  const auto T = config.acquisition.gates;
  const Normalisation counts_first{.counts_first = true};
  const auto write = [&](const char* name, Network network, const Normalisation& input) {
    TrainedModel model{Model(std::move(network)), config, input};
    model.network.initialise(1);
    QuantizedModel integers(quantize(model.network), model);
    model.novelty = estimate_novelty(model, {.traces = 20000});
    integers.novelty = model.novelty;  // of as many units, so it costs the same
    save(folder / concat(name, ".safetensors"), model);
    save(folder / concat(name, "8.safetensors"), integers);
  };
  write("sfd", seq2seq({.gates = T, .hidden = {32}}), {});
  write("lifetime",
        encoder_network({.gates = T + 1, .outputs = LifetimeHead::kOutputs, .hidden = {32}}),
        counts_first);
}

void write_fixture(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const SimulatorConfig config;
  const auto T = static_cast<std::size_t>(config.acquisition.gates);
  TrainedModel model{Model({.gates = config.acquisition.gates, .hidden = {32}}), config, {}};
  model.network.initialise(1);
  save(folder / "student.safetensors", model);
  write_judging_models(folder, config);

  const Simulator simulator(config);
  std::vector<float> counts(kSide * kSide * T);
  parallel_for(kSide, [&](std::size_t row, int) {
    for (std::size_t i = row * kSide; i < (row + 1) * kSide; ++i) {
      Sample sample{.counts = {&counts[i * T], T}, .sfd = {}, .truth = {}};
      simulator.sample(1, i, sample);
    }
  });
  for (const auto& [name, type] :
       {std::pair{"image-f4.npz", NpyType{'f', 4}}, {"image-u2.npz", NpyType{'u', 2}}}) {
    NpzWriter archive(folder / name);
    archive.add("tpsf", type, {kSide, T}).append(counts);
    archive.finish();
  }
  write_npy<float>(folder / "trace.npy", {}, {T}, {counts.data(), T});
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 2) fail_usage("usage: taugate_fixture FOLDER");
    write_fixture(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
