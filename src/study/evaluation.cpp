#include "study/evaluation.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "taugate/core/parallel.h"
#include "taugate/fli/estimation/lifetime.h"
#include "taugate/fli/inference/lifetime_head.h"

namespace taugate {
namespace {

constexpr std::size_t kBlock = 8192;  // traces held at a time

/// Normalised traces; blank ones are dropped.
struct Block {
  std::vector<float> input, sfd;  // [n][I], [n][T][C]
  std::vector<Decay> decays;
  std::size_t blank = 0;
};

Block block_of(const TraceSource& source, const Normalisation& normalisation, std::size_t first,
               std::size_t count) {
  const auto T = static_cast<std::size_t>(source.acquisition.gates), values = T * source.channels,
             I = input_size(normalisation, T);
  Block block{std::vector<float>(count * I), std::vector<float>(count * values),
              std::vector<Decay>(count), 0};
  std::vector<char> has_counts(count);
  parallel_for((count + 255) / 256, [&](std::size_t part, int) {
    for (std::size_t i = part * 256; i < std::min(count, (part + 1) * 256); ++i) {
      const std::span input(block.input.data() + i * I, I);
      const std::span counts = gates_of(normalisation, input);
      Sample pixel{
          counts, {block.sfd.data() + i * values, values}, {}, irf_of(normalisation, input)};
      source.sample(first + i, pixel);
      block.decays[i] = pixel.truth.decay;
      has_counts[i] = normalise(normalisation, counts, input);
    }
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!has_counts[i]) continue;
    if (kept < i) {
      std::copy_n(block.input.begin() + i * I, I, block.input.begin() + kept * I);
      std::copy_n(block.sfd.begin() + i * values, values, block.sfd.begin() + kept * values);
      block.decays[kept] = block.decays[i];
    }
    ++kept;
  }
  block.input.resize(kept * I);
  block.sfd.resize(kept * values);
  block.decays.resize(kept);
  block.blank = count - kept;
  return block;
}

/// One channel of [N][T][C].
std::vector<float> channel_of(const std::vector<float>& all, int channels, int channel) {
  std::vector<float> one(all.size() / channels);
  for (std::size_t i = 0; i < one.size(); ++i) one[i] = all[i * channels + channel];
  return one;
}

/// The SFDs [N][T][C] of outputs.
std::vector<float> decays_of(const TraceModel& model, const std::vector<float>& outputs) {
  const std::size_t O = model.description().output_size();
  std::vector<float> all;
  for (std::size_t at = 0; at < outputs.size(); at += O) {
    const std::span<const float> sfd = model.decay_of({&outputs[at], O});
    all.insert(all.end(), sfd.begin(), sfd.end());
  }
  return all;
}

struct ErrorSum {
  double sum = 0.0, squares = 0.0, relative = 0.0, deviations = 0.0;
  std::size_t n = 0, within[2]{};

  void add(double predicted, double truth) {
    if (!std::isfinite(predicted)) return;
    const double e = predicted - truth;
    sum += e;
    squares += e * e;
    relative += std::abs(e) / truth;
    ++n;
  }
  /// `in_deviations`: how many of its own standard deviations it is off.
  void add(const Estimated& predicted, double truth, double in_deviations) {
    add(predicted.value, truth);
    deviations += predicted.deviation;
    within[0] += std::abs(in_deviations) < 1.0;
    within[1] += std::abs(in_deviations) < 2.0;
  }
  void add_lifetime(const Estimated& tau, double truth) {
    add(tau, truth, std::log(tau.value / truth) * tau.value / tau.deviation);
  }
  LifetimeError result() const {
    const double count = n > 0 ? static_cast<double>(n) : std::nan(""), mean = sum / count;
    LifetimeError error{mean,
                        n > 0 ? std::sqrt(std::max(0.0, squares / count - mean * mean)) : mean,
                        relative / count, n};
    if (deviations > 0.0)
      error.certainty = {deviations / count, static_cast<double>(within[0]) / count,
                         static_cast<double>(within[1]) / count};
    return error;
  }
};

nlohmann::json json_of(const MeanStddev& s) {
  return {{"mean", s.mean}, {"deviation", s.deviation}};
}
/// `unit` ends the names of what has one.
nlohmann::json json_of(const LifetimeError& e, const std::string& unit = "_ns") {
  nlohmann::json json{{"bias" + unit, e.bias_ns},
                      {"deviation" + unit, e.deviation_ns},
                      {"mean_relative", e.mean_relative},
                      {"traces", e.traces}};
  if (e.certainty) {
    json["mean_predicted_deviation" + unit] = e.certainty->mean_deviation_ns;
    json["within_one_deviation"] = e.certainty->within_one;
    json["within_two_deviations"] = e.certainty->within_two;
  }
  return json;
}

}  // namespace

Evaluation evaluate(const TraceModel& model, const TraceSource& source,
                    const std::function<bool(std::size_t)>& keep_going) {
  const int T = model.gates(), C = model.simulator.channels;
  require(source.acquisition.gates == T && source.channels == C, "evaluation data: found ",
          source.acquisition.gates, " gates and ", source.channels, " channels, wanted ", T,
          " and ", C);
  require_same_gates(model, source.acquisition);
  Evaluation result;
  std::vector<MetricsSum> sums(static_cast<std::size_t>(C), MetricsSum(T));
  ErrorSum amplitude, intensity, fraction;
  const std::unique_ptr<Executor> executor = model.executor();
  ThreadScratch scratch;
  for (std::size_t first = 0; first < source.traces; first += kBlock) {
    if (keep_going && !keep_going(first)) break;
    const Block block =
        block_of(source, model.normalisation, first, std::min(kBlock, source.traces - first));
    result.blank += block.blank;
    const std::size_t O = model.description().output_size();
    std::vector<float> predicted(block.decays.size() * O);
    executor->run(scratch, block.input, predicted);
    for (int c = 0; c < C && model.gives_decays(); ++c)
      sums[static_cast<std::size_t>(c)].add(channel_of(decays_of(model, predicted), C, c),
                                            channel_of(block.sfd, C, c));
    for (std::size_t i = 0; i < block.decays.size(); ++i) {
      const std::span output(predicted.data() + i * O, O);
      const Decay& decay = block.decays[i];
      const Lifetimes truth = mean_lifetimes(decay);
      result.true_ns.push_back(static_cast<float>(truth.amplitude_ns));
      if (model.gives_lifetimes()) {
        const LifetimeAnswer a = lifetime_answer(model.lifetimes_of(output));
        amplitude.add_lifetime(a.amplitude_ns, truth.amplitude_ns);
        intensity.add_lifetime(a.intensity_ns, truth.intensity_ns);
        if (decay.tau1_ns < decay.tau2_ns)
          fraction.add(a.fraction, decay.fraction,
                       (a.fraction.value - decay.fraction) / a.fraction.deviation);
        result.predicted_ns.push_back(a.amplitude_ns.value);
        continue;
      }
      const Lifetimes read = sfd_lifetimes(output, source.acquisition.gate_step_ns, C);
      amplitude.add(read.amplitude_ns, truth.amplitude_ns);
      intensity.add(read.intensity_ns, truth.intensity_ns);
      result.predicted_ns.push_back(static_cast<float>(read.amplitude_ns));
    }
  }
  if (model.gives_decays())
    for (const auto& sum : sums) result.channels.push_back(sum.result());
  if (fraction.n > 0) result.fraction = fraction.result();
  result.amplitude = amplitude.result();
  result.intensity = intensity.result();
  return result;
}

Evaluation evaluate(const TraceModel& model, std::size_t traces, std::uint64_t seed,
                    const std::optional<SimulatorConfig>& data,
                    const std::function<bool(std::size_t)>& keep_going) {
  const Simulator simulator(data ? *data : model.simulator);
  return evaluate(model,
                  {simulator.config().acquisition, simulator.channels(), traces,
                   [&](std::size_t index, Sample& out) { simulator.sample(seed, index, out); }},
                  keep_going);
}

void require_same_gates(const TraceModel& model, const Acquisition& other) {
  const Acquisition& own = model.acquisition();
  require(std::abs(other.gate_step_ns / own.gate_step_ns - 1.0) < 1e-3 &&
              std::abs(other.period_ns / own.period_ns - 1.0) < 0.01,
          "evaluation data: found gates of ", other.gate_step_ns, " ns and a laser period of ",
          other.period_ns, " ns, wanted those of the model's training, ", own.gate_step_ns, " and ",
          own.period_ns, " ns");
}

std::string to_json(const Evaluation& e) {
  nlohmann::json channels = nlohmann::json::array();
  for (const auto& m : e.channels)
    channels.push_back({{"traces", m.traces},
                        {"rmse", json_of(m.rmse)},
                        {"r2", json_of(m.r2)},
                        {"pooled_r2", m.pooled_r2},
                        {"l2", json_of(m.l2)},
                        {"dtw", json_of(m.dtw)}});
  nlohmann::json json{{"channels", channels},
                      {"amplitude_weighted_lifetime", json_of(e.amplitude)},
                      {"intensity_weighted_lifetime", json_of(e.intensity)},
                      {"blank", e.blank}};
  if (e.fraction) json["fraction"] = json_of(*e.fraction, "");
  return json.dump(2);
}

}  // namespace taugate
