#pragma once
// Traces to calibrate a quantised network on, normalised as in its training.

#include <vector>

#include "taugate/study/inference.h"

namespace taugate {

/// [N][T]: `traces` pixels of the data set `seed` of the model's own simulator, dark ones left out.
std::vector<float> simulated_inputs(const TraceModel& model, std::size_t traces,
                                    std::uint64_t seed);

/// [N][T]: the first `most` pixels with light of a measurement, binned as for infer(). Error where
/// there is none.
std::vector<float> recorded_inputs(const TraceModel& model, Measurement measurement,
                                   const InferenceOptions& options, std::size_t most);

}  // namespace taugate
