#include "fli/inference/calibration_traces.h"

#include <algorithm>
#include <utility>

#include "taugate/fli/inference/photon_network.h"

namespace taugate {

std::vector<float> simulated_inputs(const TraceModel& model, std::size_t traces,
                                    std::uint64_t seed) {
  if (model.reads_photons())
    return PhotonLists(model.simulator, model.description().gates, seed).rows(traces);
  const Simulator simulator(model.simulator);
  std::vector<float> all, input(model.input_size());
  const std::span<float> whole(input);
  Sample pixel{gates_of(model.normalisation, whole), {}, {}, irf_of(model.normalisation, whole)};
  for (std::size_t i = 0; i < traces; ++i) {
    simulator.sample(seed, i, pixel);
    if (normalise(model.normalisation, pixel.counts, input))
      all.insert(all.end(), input.begin(), input.end());
  }
  return all;
}

std::vector<float> recorded_inputs(const TraceModel& model, Measurement measurement,
                                   const InferenceOptions& options, std::size_t most) {
  require(!model.normalisation.reads_irf(), measurement.path.string(),
          ": found a network that is told the IRF, which recorded inputs do not have");
  const std::string path = measurement.path.string();
  const std::vector<float> counts = counts_in_gates(model, std::move(measurement), options);
  const auto T = static_cast<std::size_t>(model.gates());
  const std::size_t found = counts.size() / T;
  std::vector<float> inputs, input(model.input_size());
  for (std::size_t i = 0; i < found && inputs.size() < most * input.size(); ++i) {
    const std::span trace(&counts[i * T], T);
    double total = 0.0;
    for (const float c : trace) total += c;
    if (total >= options.least_counts && normalise(model.normalisation, trace, input))
      inputs.insert(inputs.end(), input.begin(), input.end());
  }
  require(!inputs.empty(), path, ": found ", found,
          " traces without counts above the baseline, wanted some with counts to calibrate on");
  return inputs;
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
