#pragma once
// A model on traces whose truth is known, simulated ones or a plate's: its SFDs beside the true
// ones, and the lifetimes read off them beside the true lifetimes.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "taugate/fli/estimation/metrics.h"
#include "taugate/fli/inference/trained_model.h"

namespace taugate {

/// Of a lifetime, over the traces that have one; all NaN where none has.
struct LifetimeError {
  double bias_ns = 0.0;        ///< mean of predicted - true
  double deviation_ns = 0.0;   ///< standard deviation of predicted - true
  double mean_relative = 0.0;  ///< mean of |predicted - true| / true
  std::size_t traces = 0;
  /// Of a network that tells the standard deviations of its answers: their mean, and how many true
  /// values lie within one and two of them, lifetimes by their logarithm.
  struct Certainty {
    double mean_deviation_ns = 0.0, within_one = 0.0, within_two = 0.0;
  };
  std::optional<Certainty> certainty = std::nullopt;
};

struct Evaluation {
  std::vector<Metrics>
      channels;  ///< one a decay that the network gives; the first is the whole one
  LifetimeError amplitude,
      intensity;  ///< of the amplitude- and the intensity-weighted mean lifetime
  std::optional<LifetimeError> fraction;  ///< of the short component, over traces of two; no ns
  std::size_t blank = 0;                  ///< traces without a photon above the baseline: left out
  std::vector<float> true_ns,
      predicted_ns;  ///< amplitude-weighted, a value a trace, blank ones left out
};

/// Traces with their truth, by index.
struct TraceSource {
  Acquisition acquisition;
  int channels = 1;  ///< C of the SFD
  std::size_t traces = 0;
  /// Fills counts [T], SFD [T][C] and truth of trace `index`, a pure function, from many threads.
  std::function<void(std::size_t index, Sample&)> sample;
};

/// A model on all traces of a source with its gates and channels. keep_going(traces done) is called
/// now and then; where it returns false, the result is that of the traces so far.
Evaluation evaluate(const TraceModel& model, const TraceSource& source,
                    const std::function<bool(std::size_t)>& keep_going = {});
/// The same for `traces` pixels of the data set `seed` of the model's simulator, or of another.
Evaluation evaluate(const TraceModel& model, std::size_t traces, std::uint64_t seed,
                    const std::optional<SimulatorConfig>& data = {},
                    const std::function<bool(std::size_t)>& keep_going = {});

/// Error unless an acquisition has the step and the period of the model's.
void require_same_gates(const TraceModel& model, const Acquisition& acquisition);

/// The same as a JSON object.
std::string to_json(const Evaluation& evaluation);

}  // namespace taugate
