#pragma once
// The benchmark: networks and classical estimators on the same traces, beside the bound of what
// each of them knows.
//
// A condition fixes a decay, an instrument and the light; its traces differ in their Poisson noise
// and in where the IRF lies between two gates (a few places, in equal shares). A network is told
// nothing about the IRF, unless it was trained to be. A fit is told the IRF's shape and place, or the shape alone, or only that
// it is a Gaussian; in conditions of mismatch it is told the wrong width.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "taugate/fli/estimation/cramer_rao.h"
#include "taugate/fli/estimation/estimator.h"
#include "taugate/fli/inference/inference.h"

namespace taugate {

struct Condition {
  std::string series;  ///< what is varied: counts, background, irf, mismatch, lifetime
  double x = 0.0;      ///< its value here
  Decay decay = Decay::mono(1.0);
  double photons = 1000.0;           ///< expected in all gates together, without background
  double background_fraction = 0.0;  ///< of all counts, 0..1
  double fwhm_ns = 0.3;              ///< of the Gaussian IRF
  double assumed_fwhm_ns = 0.3;      ///< what fits are told
  double delay_ns = 1.5;
};

/// Photons from 30 to 10^4, background from 0 to 50 %, IRFs of 0.15 to 0.6 ns, fits told widths
/// wrong by up to 30 %, lifetimes across the prior; with the decay given, or, in the last series,
/// at mean lifetimes of its kind. `series`: names from Condition::series, empty for all.
std::vector<Condition> standard_conditions(const Decay& decay, std::span<const std::string> series);

/// What is asked for a lifetime.
struct Method {
  std::string name;
  Unknowns unknowns;  ///< what it does not know: its bound is for these
  /// Amplitude-weighted lifetimes of counts [N][T]; NaN for a failure. `irf` is what fits are told.
  std::function<std::vector<float>(std::span<const float> counts, const IrfCurve& irf)> estimate;
};

/// A classical one: name is lm, lm-counts (weights by the counts), mle, cmm, rld or phasor, with
/// +shift or +width (shift and width) for what it is not told about the IRF: "mle+shift".
/// UsageError for any other name.
Method classical_method(std::string_view name, const Acquisition& acquisition, int components);
/// What a network knows as little of as its prior `data`: lifetimes, the IRF's shift and width unless it is told them, and
/// the background where there may be one.
Unknowns unknowns_of(const TraceModel& model, const SimulatorConfig& data, int components);
/// `model` must outlive it. Its bound is of unknowns_of() its prior.
Method network_method(const TraceModel& model, std::string name, int components);

/// What the model says of counts [N][T] in its own gates; `irfs`, one or N, are told to a network that reads them.
Inference infer_counts(const TraceModel& model, std::span<const float> counts,
                       std::vector<IrfQuantiles> irfs = {});

/// counts [traces][T] that Poisson noise makes of `p` behind `irf`: pure in (seed, first + i).
std::vector<float> draw_traces(const Acquisition& acquisition, const IrfCurve& irf,
                               const DecayParameters& p, std::size_t traces, std::uint64_t seed,
                               std::uint64_t first);

struct ComparisonRow {
  Condition condition;
  std::string name;
  double truth_ns = 0.0;      ///< amplitude-weighted
  double mean_ns = 0.0;       ///< of the estimates that did not fail; NaN where all did
  double deviation_ns = 0.0;  ///< their standard deviation
  double bound_ns = 0.0;      ///< least deviation of an unbiased estimator of its unknowns
  double f_value = 0.0;       ///< deviation / truth * sqrt(photons)
  std::size_t traces = 0, failures = 0;
  double traces_per_second = 0.0;  ///< all threads, simulation not counted

  double relative_bias() const { return mean_ns / truth_ns - 1.0; }
};

/// Every method under every condition, `traces` each. keep_going(conditions done) false ends it.
std::vector<ComparisonRow> compare(const Acquisition& acquisition, std::span<const Method> methods,
                                   std::span<const Condition> conditions, std::size_t traces,
                                   std::uint64_t seed,
                                   const std::function<bool(std::size_t)>& keep_going = {});

std::string to_json(std::span<const ComparisonRow> rows);

}  // namespace taugate
