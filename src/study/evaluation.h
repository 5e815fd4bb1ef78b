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
};

struct Evaluation {
  std::vector<Metrics> channels;  ///< one an output of the network; the first is the whole decay
  LifetimeError amplitude,
      intensity;          ///< of the amplitude- and the intensity-weighted mean lifetime
  std::size_t blank = 0;  ///< traces without a photon above the baseline: left out
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

/// The same as a JSON object.
std::string to_json(const Evaluation& evaluation);

}  // namespace taugate
