#include "taugate/fli/inference/photon_network.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/hash.h"
#include "taugate/fli/estimation/lifetime.h"

namespace taugate {
namespace {

/// Of the lengths that count.
constexpr std::uint64_t kLengthSeed = 0x6c656e67u;
// Of the photons that tell where thresholds begin.
constexpr std::size_t kPhotonsOfOne = 16;
constexpr std::uint64_t kListsToStart = 1024;
constexpr float kSlope = 0.5f;      // of a threshold, in distances to the next ones
constexpr float kRecurrent = 0.1f;  // of what the candidates' recurrent weights are otherwise

}  // namespace

std::array<float, PhotonNetwork::kInputs> photon_input(float share, std::uint64_t n) {
  return {2.0f * share - 1.0f, std::log(static_cast<float>(n)) / PhotonNetwork::kLogCounts};
}

Estimated photon_answer(std::span<const float> output, std::uint64_t n) {
  require(output.size() == PhotonNetwork::kOutputs, "photon network: found ", output.size(),
          " outputs, wanted ", PhotonNetwork::kOutputs);
  const float tau = std::exp(PhotonNetwork::kScale * output[0]),
              ln_s = PhotonNetwork::kScale * output[1] - 0.5f * std::log(static_cast<float>(n));
  return {tau, tau * std::exp(std::clamp(ln_s, static_cast<float>(kLogDeviations[0]),
                                         static_cast<float>(kLogDeviations[1])))};
}

Network photon_network(Seq2SeqConfig config) {
  config.outputs = PhotonNetwork::kOutputs;
  Network network = encoder_network(config);
  network.features = PhotonNetwork::kInputs;
  network.head.at = HeadSpec::At::every_step;
  return network;
}

void initialise_photon_network(Model& model, const SimulatorConfig& config, std::uint64_t seed) {
  model.initialise(seed);
  const Simulator simulator(config);
  std::vector<std::uint16_t> gates, some(kPhotonsOfOne);
  for (std::uint64_t i = 0; i < kListsToStart; ++i) {
    simulator.photons(seed, i, some);
    gates.insert(gates.end(), some.begin(), some.end());
  }
  std::sort(gates.begin(), gates.end());
  const auto time_at = [&](double share) {  // before which so many photons arrive
    const auto at = static_cast<std::size_t>(share * static_cast<double>(gates.size() - 1));
    return photon_input(
        (static_cast<float>(gates[at]) + 0.5f) / static_cast<float>(simulator.gates()), 1)[0];
  };
  float* values = model.parameters().data();
  const GruParameters& at = model.layers()[0].parameters();
  const int H = at.recurrent.cols;
  for (int row = H; row < 2 * H; ++row) {  // of z
    float* input = values + at.input.offset + static_cast<std::size_t>(row) * at.input.cols;
    input[0] *= 0.1f;
    input[1] = PhotonNetwork::kLogCounts;
    float* recurrent = values + at.recurrent.offset + static_cast<std::size_t>(row) * H;
    std::for_each(recurrent, recurrent + H, [](float& w) { w *= 0.1f; });
  }
  for (int unit = 0; unit < H; ++unit) {
    const int row = 2 * H + unit;  // of n
    const float least = 2.0f / static_cast<float>(simulator.gates()),
                width = std::max(
                    time_at((unit + 1.5) / (H + 1.0)) - time_at((unit + 0.5) / (H + 1.0)), least);
    float* input = values + at.input.offset + static_cast<std::size_t>(row) * at.input.cols;
    const float slope = kSlope / width;
    input[0] = slope;
    values[at.input_bias.offset + static_cast<std::size_t>(row)] =
        -slope * time_at((unit + 1.0) / (H + 1.0));
    float* recurrent = values + at.recurrent.offset + static_cast<std::size_t>(row) * H;
    std::for_each(recurrent, recurrent + H, [](float& w) { w *= kRecurrent; });
  }
}

void require_whole_period(const Acquisition& a) {
  require(std::abs(a.window_ns() - a.period_ns) <= 0.5 * a.gate_step_ns &&
              a.gate_width_ns == a.gate_step_ns,
          "photons: found ", a.gates, " gates of ", a.gate_width_ns, " ns every ", a.gate_step_ns,
          " ns in a period of ", a.period_ns,
          " ns, wanted gates that follow each other over the whole period");
}

PhotonLists::PhotonLists(const SimulatorConfig& config, int photons, std::uint64_t seed)
    : simulator_(config), photons_(photons), seed_(seed) {
  require_whole_period(config.acquisition);
}

/// Of the period, until the middle of a gate.
float PhotonLists::share_of(std::uint16_t gate) const {
  return (static_cast<float>(gate) + 0.5f) / static_cast<float>(simulator_.gates());
}

std::string PhotonLists::identity() const {
  return concat("photons, seed ", seed_, ", prior ", fnv1a(to_json(simulator_.config())));
}

void PhotonLists::fill(std::uint64_t first, Sequence<float> input, Sequence<float> target) const {
  thread_local std::vector<std::uint16_t> gates;  // kept by each thread: a step allocates nothing
  gates.resize(static_cast<std::size_t>(photons_));
  for (int b = 0; b < input.batch; ++b) {
    const std::uint64_t index = first + static_cast<std::uint64_t>(b);
    const Truth truth = simulator_.photons(seed_, index, gates);
    for (int t = 0; t < photons_; ++t) {
      const auto x = photon_input(share_of(gates[static_cast<std::size_t>(t)]),
                                  static_cast<std::uint64_t>(t) + 1);
      input.at(t, 0, b) = x[0];
      input.at(t, 1, b) = x[1];
      target.at(t, 0, b) = std::numeric_limits<float>::quiet_NaN();
    }
    const auto log_tau = static_cast<float>(std::log(mean_lifetimes(truth.decay).amplitude_ns));
    Random random(seed_ ^ kLengthSeed, index);
    for (int k = 0; k < kLengths; ++k) {
      const double n = k == 0 ? photons_ : random.log_uniform(1.0, photons_ + 1.0);
      target.at(std::min(static_cast<int>(n), photons_) - 1, 0, b) = log_tau;
    }
  }
}

std::vector<float> PhotonLists::rows(std::size_t count) const {
  std::vector<std::uint16_t> gates(static_cast<std::size_t>(photons_));
  std::vector<float> inputs;
  for (std::size_t i = 0; i < count; ++i) {
    simulator_.photons(seed_, i, gates);
    for (std::size_t t = 0; t < gates.size(); ++t)
      for (const float x : photon_input(share_of(gates[t]), t + 1)) inputs.push_back(x);
  }
  return inputs;
}

Var<float> photon_loss(Tape<float>& tape, Var<float> output, Sequence<float> target, double beta,
                       float scale) {
  constexpr float factor = PhotonNetwork::kScale;
  scale *= static_cast<float>(target.steps) / PhotonLists::kLengths;  // of the targets that count
  const Var<float> mean = affine(tape, features_of(tape, output, 0, 1), factor);
  if (!output.wants_gradient()) {
    const Var<float> sum = tape.result(1, 1, 1, false);
    float& total = sum.value.at(0, 0, 0) = 0.0f;
    for (int t = 0; t < target.steps; ++t)
      for (int b = 0; b < target.batch; ++b) {
        const float error = target.at(t, 0, b) - mean.value.at(t, 0, b);
        if (!std::isnan(error)) total += scale * static_cast<float>(t + 1) * error * error;
      }
    return sum;
  }
  const Var<float> independent = tape.result(target.steps, 1, target.batch, false);
  for (int t = 0; t < target.steps; ++t)
    std::fill_n(independent.value.row(t, 0), target.lanes(),
                -0.5f * std::log(static_cast<float>(t + 1)));
  const Var<float> log_deviation =
      add(tape, affine(tape, features_of(tape, output, 1, 1), factor), independent);
  return beta_likelihood(tape, mean, log_deviation, target, static_cast<float>(beta), scale);
}

}  // namespace taugate
