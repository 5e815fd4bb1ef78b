// Sixteen threads, whatever the machine has: training and inference give the bits of one thread, and
// their memory stays within bounds.

#include <memory>

#include "allocation_trap.h"
#include "fli/inference/calibration_traces.h"
#include "study/recipe.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/inference/inference.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

constexpr int kThreads = 16, kGates = 70, kUnits = 24;

struct ThreadCount {
  int before = thread_count();
  explicit ThreadCount(int count) { set_thread_count(count); }
  ~ThreadCount() { set_thread_count(before); }
};

/// Returns what `action` does on that many threads, and by how much memory grew meanwhile.
template <class Action>
auto on_threads(int count, std::size_t& growth, Action&& action) {
  const ThreadCount threads(count);
  parallel_for(static_cast<std::size_t>(count), [](std::size_t, int) {});  // so that they are there
  decltype(action()) result;
  growth = peak_growth_of([&] { result = action(); });
  return result;
}

Recipe recipe() {
  Recipe r;
  r.simulator = simulator_preset("ss2-70");
  r.network = {.gates = kGates, .outputs = 1, .hidden = {kUnits}};
  r.training.batch = 16 * kThreads;  // a slice for each thread
  r.training.samples = 3 * 16 * kThreads;
  r.training.validation_samples = 16 * kThreads + 5;
  r.training.validations = 2;
  return r;
}

/// Of one thread's tape: for each GRU (encoder and decoder) and gate of a slice of 16 traces the four
/// gates, states, operands and gradients, less than 12 values a unit.
constexpr std::size_t kTrainingBytesPerThread =
    std::size_t{2} * kGates * 12 * kUnits * 16 * sizeof(float);

/// What infer() may take on so many threads besides its results: threads share the packed weights, and each has
/// scratch, 2 (T+1) x units x 16 floats, and a chunk of pixels.
std::size_t inference_bound(std::size_t threads, std::size_t pixels) {
  constexpr std::size_t scratch = 2 * (kGates + 1) * kUnits * 16 * sizeof(float);
  constexpr std::size_t own = std::size_t{3} << 17;  // a chunk of pixels and what is made of it
  const std::size_t results = 3 * pixels * (kGates + 8) * sizeof(float);
  return results + threads * (own + scratch * 5 / 4);
}

Measurement simulated_image(const SimulatorConfig& config, int width, int height) {
  const Simulator simulator(config);
  Measurement m;
  m.path = "simulated";
  m.width = width;
  m.height = height;
  m.bins = kGates;
  m.bin_ns = config.acquisition.gate_step_ns;
  m.period_ns = config.acquisition.period_ns;
  m.counts.resize(static_cast<std::size_t>(width) * height * kGates);
  std::vector<float> sfd(kGates);
  for (std::size_t i = 0; i < m.counts.size() / kGates; ++i) {
    Sample pixel{{&m.counts[i * kGates], kGates}, sfd, {}};
    simulator.sample(5, i, pixel);
  }
  std::fill_n(&m.counts[17 * kGates], kGates, 0.0f);  // a blank one
  return m;
}

}  // namespace

TEST_CASE("sixteen threads train to the bits of one, each with the memory of its own tape") {
  for (const bool integers : {false, true}) {
    CAPTURE(integers);
    Recipe r = recipe();
    if (integers) r.integers = QatOptions{};
    const auto train = [&] {
      TrainingRun run(r);
      run.trainer().run();
      const TrainedModel model = run.master();
      const Parameters& p = model.network.parameters();
      std::vector<double> result(p.data(), p.data() + p.size());
      for (const TrainingPoint& point : run.trainer().history())
        result.insert(result.end(), {point.training_loss, point.validation_loss});
      return result;
    };
    std::size_t one = 0, sixteen = 0;
    const auto alone = on_threads(1, one, train);
    const auto together = on_threads(kThreads, sixteen, train);
    CHECK(alone == together);
    CHECK(sixteen > one);
    CHECK(sixteen - one <= (kThreads - 1) * kTrainingBytesPerThread);
    CHECK(sixteen - one > (kThreads - 1) * kTrainingBytesPerThread / 16);  // or the bound is idle
  }
}

TEST_CASE("sixteen threads infer the bits of one, floats and integers, within bounds") {
  Model network({.gates = kGates, .outputs = 1, .hidden = {kUnits}});
  network.initialise(3);
  const TrainedModel floats(std::move(network), simulator_preset("ss2-70"));
  const QuantizedModel integers =
      quantize_trained(floats, {}, simulated_inputs(floats, 64, kCalibrationSeed), std::nullopt);
  const Measurement image = simulated_image(floats.simulator, 80, 61);  // 20 chunks, the last short
  const std::size_t pixels = image.traces();
  for (const TraceModel* model :
       {static_cast<const TraceModel*>(&floats), static_cast<const TraceModel*>(&integers)}) {
    CAPTURE(model == &floats);
    std::size_t one = 0, sixteen = 0;
    const auto run = [&] { return infer(*model, image); };
    const Inference alone = on_threads(1, one, run);
    const Inference together = on_threads(kThreads, sixteen, run);
    CHECK(alone.blank == 1);
    CHECK(together.blank == 1);
    CHECK(alone.sfd == together.sfd);
    int different = 0;
    for (std::size_t i = 0; i < pixels; ++i)
      different += !close(alone.amplitude_ns[i], together.amplitude_ns[i], 0.0);
    CHECK(different == 0);
    CHECK(one <= inference_bound(1, pixels));
    CHECK(sixteen <= inference_bound(kThreads, pixels));
    MESSAGE("infer: ", one / 1024, " kB on one thread, ", sixteen / 1024, " kB on sixteen");
  }
}
