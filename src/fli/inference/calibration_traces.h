#pragma once
// From a trained network to one of integers without training: traces to calibrate on, normalised as
// in its training, and the ranges and weights that follow.

#include <optional>
#include <vector>

#include "taugate/fli/inference/inference.h"
#include "taugate/quant/ptq/calibrate.h"

namespace taugate {

/// Of the simulated traces to calibrate on: nothing else is trained or measured on these.
inline constexpr std::uint64_t kCalibrationSeed = 0x63616c6962u;

/// [N][T]: `traces` pixels of the data set `seed` of the model's own simulator, dark ones left out. For a network of
/// single photons [N][T][2]: so many lists.
std::vector<float> simulated_inputs(const TraceModel& model, std::size_t traces,
                                    std::uint64_t seed);

/// [N][T]: the first `most` pixels with counts of a measurement, binned as for infer(). Error where
/// there is none.
std::vector<float> recorded_inputs(const TraceModel& model, Measurement measurement,
                                   const InferenceOptions& options, std::size_t most);

/// `model` in integers. `rule` finds the ranges of its nodes on `inputs` [N][T]; without one those
/// of `options` hold. Errors as in calibrate() and quantize().
QuantizedModel quantize_trained(const TrainedModel& model, QuantizeOptions options,
                                std::span<const float> inputs,
                                std::optional<CalibrationMethod> rule);

}  // namespace taugate
