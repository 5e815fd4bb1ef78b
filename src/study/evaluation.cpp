#include "study/evaluation.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "taugate/core/parallel.h"
#include "taugate/fli/estimation/lifetime.h"

namespace taugate {
namespace {

constexpr std::size_t kBlock = 8192;  // traces held at a time

/// Normalised traces; blank ones are dropped.
struct Block {
  std::vector<float> input, sfd;
  std::vector<Decay> decays;
  std::size_t blank = 0;
};

Block block_of(const TraceSource& source, const Normalisation& normalisation, std::size_t first,
               std::size_t count) {
  const auto T = static_cast<std::size_t>(source.acquisition.gates), values = T * source.channels;
  Block block{std::vector<float>(count * T), std::vector<float>(count * values),
              std::vector<Decay>(count), 0};
  std::vector<char> has_counts(count);
  parallel_for((count + 255) / 256, [&](std::size_t part, int) {
    for (std::size_t i = part * 256; i < std::min(count, (part + 1) * 256); ++i) {
      const std::span counts(block.input.data() + i * T, T);
      Sample pixel{counts, {block.sfd.data() + i * values, values}, {}};
      source.sample(first + i, pixel);
      block.decays[i] = pixel.truth.decay;
      has_counts[i] = normalise(normalisation, counts, counts);
    }
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!has_counts[i]) continue;
    if (kept < i) {
      std::copy_n(block.input.begin() + i * T, T, block.input.begin() + kept * T);
      std::copy_n(block.sfd.begin() + i * values, values, block.sfd.begin() + kept * values);
      block.decays[kept] = block.decays[i];
    }
    ++kept;
  }
  block.input.resize(kept * T);
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

struct ErrorSum {
  double sum = 0.0, squares = 0.0, relative = 0.0;
  std::size_t n = 0;

  void add(double predicted, double truth) {
    if (!std::isfinite(predicted)) return;
    const double e = predicted - truth;
    sum += e;
    squares += e * e;
    relative += std::abs(e) / truth;
    ++n;
  }
  LifetimeError result() const {
    const double count = n > 0 ? static_cast<double>(n) : std::nan(""), mean = sum / count;
    return {mean, n > 0 ? std::sqrt(std::max(0.0, squares / count - mean * mean)) : mean,
            relative / count, n};
  }
};

nlohmann::json json_of(const MeanStddev& s) {
  return {{"mean", s.mean}, {"deviation", s.deviation}};
}
nlohmann::json json_of(const LifetimeError& e) {
  return {{"bias_ns", e.bias_ns},
          {"deviation_ns", e.deviation_ns},
          {"mean_relative", e.mean_relative},
          {"traces", e.traces}};
}

}  // namespace

Evaluation evaluate(const TraceModel& model, const TraceSource& source,
                    const std::function<bool(std::size_t)>& keep_going) {
  const int T = model.gates(), C = model.outputs();
  const Acquisition &own = model.acquisition(), &other = source.acquisition;
  require(other.gates == T && source.channels == C, "evaluation data: found ", other.gates,
          " gates and ", source.channels, " channels, wanted ", T, " and ", C);
  require(std::abs(other.gate_step_ns / own.gate_step_ns - 1.0) < 1e-3 &&
              std::abs(other.period_ns / own.period_ns - 1.0) < 0.01,
          "evaluation data: found gates of ", other.gate_step_ns, " ns and a laser period of ",
          other.period_ns, " ns, wanted those of the model's training, ", own.gate_step_ns, " and ",
          own.period_ns, " ns");
  Evaluation result;
  std::vector<MetricsSum> sums(static_cast<std::size_t>(C), MetricsSum(T));
  ErrorSum amplitude, intensity;
  const std::unique_ptr<Executor> executor = model.executor();
  ThreadScratch scratch;
  for (std::size_t first = 0; first < source.traces; first += kBlock) {
    if (keep_going && !keep_going(first)) break;
    const Block block =
        block_of(source, model.normalisation, first, std::min(kBlock, source.traces - first));
    result.blank += block.blank;
    std::vector<float> predicted(block.sfd.size());
    executor->run(scratch, block.input, predicted);
    for (int c = 0; c < C; ++c)
      sums[static_cast<std::size_t>(c)].add(channel_of(predicted, C, c),
                                            channel_of(block.sfd, C, c));
    for (std::size_t i = 0; i < block.decays.size(); ++i) {
      const std::span sfd(predicted.data() + i * T * C, static_cast<std::size_t>(T) * C);
      const Lifetimes read = sfd_lifetimes(sfd, other.gate_step_ns, C);
      const Lifetimes truth = mean_lifetimes(block.decays[i]);
      amplitude.add(read.amplitude_ns, truth.amplitude_ns);
      intensity.add(read.intensity_ns, truth.intensity_ns);
      result.true_ns.push_back(static_cast<float>(truth.amplitude_ns));
      result.predicted_ns.push_back(static_cast<float>(read.amplitude_ns));
    }
  }
  for (const auto& sum : sums) result.channels.push_back(sum.result());
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

std::string to_json(const Evaluation& e) {
  nlohmann::json channels = nlohmann::json::array();
  for (const auto& m : e.channels)
    channels.push_back({{"traces", m.traces},
                        {"rmse", json_of(m.rmse)},
                        {"r2", json_of(m.r2)},
                        {"pooled_r2", m.pooled_r2},
                        {"l2", json_of(m.l2)},
                        {"dtw", json_of(m.dtw)}});
  return nlohmann::json{{"channels", channels},
                        {"amplitude_weighted_lifetime", json_of(e.amplitude)},
                        {"intensity_weighted_lifetime", json_of(e.intensity)},
                        {"blank", e.blank}}
      .dump(2);
}

}  // namespace taugate
