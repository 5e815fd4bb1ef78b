#pragma once
// The statistics of novelty.h, from fresh traces of a model's own prior.

#include <functional>

#include "taugate/fli/inference/trained_model.h"

namespace taugate {

/// Of these traces: nothing else is trained, calibrated or measured on them.
inline constexpr std::uint64_t kNoveltySeed = 0x6e6f76656c74u;

struct NoveltyOptions {
  /// A sixth for the moments, the rest for the limits; more where the network is large.
  std::size_t traces = 360'000;
  /// Called now and then; where it returns false, the estimate stops and nothing comes of it.
  std::function<bool()> keep_going = {};
};

/// Whether validate() takes it.
bool possible(const SimulatorConfig& prior);

/// Priors a little beyond `prior`, in one respect each: shorter and longer lifetimes, a background,
/// scattered light, a rise, and an IRF that is later, earlier or wider.
std::vector<SimulatorConfig> beyond_prior(const SimulatorConfig& prior);

/// Simulates pixels of the prior at 6 to 560,000 photons (log-uniform), runs them through the
/// network, and sets the limits so that Novelty::kFalseAlarms of them are beyond. Pure in its
/// arguments, whatever the number of threads. None where it was stopped.
std::optional<Novelty> estimate_novelty(const TraceModel& model,
                                        const NoveltyOptions& options = {});

}  // namespace taugate
