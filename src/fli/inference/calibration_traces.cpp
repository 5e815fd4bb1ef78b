#include "fli/inference/calibration_traces.h"

#include <algorithm>
#include <utility>

namespace taugate {

std::vector<float> simulated_inputs(const TraceModel& model, std::size_t traces,
                                    std::uint64_t seed) {
  const Simulator simulator(model.simulator);
  const auto T = static_cast<std::size_t>(simulator.gates());
  std::vector<float> all, counts(T), sfd(T * static_cast<std::size_t>(simulator.channels()));
  Sample pixel{counts, sfd, {}};
  for (std::size_t i = 0; i < traces; ++i) {
    simulator.sample(seed, i, pixel);
    if (normalise(model.normalisation, counts, counts))
      all.insert(all.end(), counts.begin(), counts.end());
  }
  return all;
}

std::vector<float> recorded_inputs(const TraceModel& model, Measurement measurement,
                                   const InferenceOptions& options, std::size_t most) {
  const std::string path = measurement.path.string();
  std::vector<float> counts = counts_in_gates(model, std::move(measurement), options);
  const auto T = static_cast<std::size_t>(model.gates());
  const std::size_t found = counts.size() / T;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < found && kept < most; ++i) {
    const std::span trace(&counts[i * T], T);
    double total = 0.0;
    for (const float c : trace) total += c;
    if (!(total >= options.least_counts && normalise(model.normalisation, trace, trace))) continue;
    std::copy(trace.begin(), trace.end(), &counts[kept++ * T]);
  }
  require(kept > 0, path, ": found ", found,
          " traces without counts above the baseline, wanted some with counts to calibrate on");
  counts.resize(kept * T);
  return counts;
}

QuantizedModel quantize_trained(const TrainedModel& model, QuantizeOptions options,
                                std::span<const float> inputs,
                                std::optional<CalibrationMethod> rule) {
  if (rule)
    options.widths =
        with_ranges(options.widths, calibrate(model.network, options.widths, inputs, *rule));
  return {quantize(model.network, options), model};
}

}  // namespace taugate
