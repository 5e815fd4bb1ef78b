#include "study/comparison.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "taugate/core/parallel.h"
#include "taugate/fli/estimation/lifetime.h"

namespace taugate {
namespace {

constexpr int kPlaces = 4;  // of the IRF between two gates

/// The same kind of decay with another mean lifetime.
Decay stretched(const Decay& decay, double mean_ns) {
  const double factor = mean_ns / mean_lifetimes(decay).amplitude_ns;
  return {decay.tau1_ns * factor, decay.tau2_ns * factor, decay.fraction};
}

double delay_of(const Condition& c, const Acquisition& a, int place) {
  return c.delay_ns + a.gate_step_ns * place / kPlaces;
}

DecayParameters truth_of(const Condition& c, const Acquisition& a, const IrfCurve& irf) {
  const double background = c.photons * c.background_fraction / (1.0 - c.background_fraction);
  return parameters_of(a, irf, c.decay, c.photons, background / a.gates);
}

/// Running sums of one method under one condition.
struct Score {
  double sum = 0.0, squares = 0.0, variance = 0.0, seconds = 0.0;
  std::size_t traces = 0, failures = 0;

  void add(const std::vector<float>& estimates) {
    for (const float tau : estimates) {
      ++traces;
      if (!std::isfinite(tau)) {
        ++failures;
        continue;
      }
      sum += tau;
      squares += static_cast<double>(tau) * tau;
    }
  }

  ComparisonRow row(const Condition& c, const std::string& name) const {
    const double n = static_cast<double>(traces - failures);
    ComparisonRow r{c, name, mean_lifetimes(c.decay).amplitude_ns, 0, 0, 0, 0, traces, failures, 0};
    r.mean_ns = sum / n;  // NaN where all failed, and so is what follows from it
    const double variance_ns2 = squares / n - r.mean_ns * r.mean_ns;
    r.deviation_ns = std::sqrt(variance_ns2 < 0.0 ? 0.0 : variance_ns2);
    r.bound_ns = std::sqrt(variance / kPlaces);
    r.f_value = r.deviation_ns / r.truth_ns * std::sqrt(c.photons);
    r.traces_per_second = static_cast<double>(traces) / seconds;
    return r;
  }
};

}  // namespace

std::vector<float> draw_traces(const Acquisition& a, const IrfCurve& irf, const DecayParameters& p,
                               std::size_t traces, std::uint64_t seed, std::uint64_t first) {
  const std::size_t T = static_cast<std::size_t>(a.gates);
  const Unknowns all{2, false, false, false, false};
  std::vector<double> mu(T), jacobian(T * static_cast<std::size_t>(all.count()));
  DecayModel(a, irf, all)(p, mu, jacobian);
  std::vector<float> counts(traces * T);
  parallel_for((traces + 63) / 64, [&](std::size_t chunk, int) {
    for (std::size_t i = 64 * chunk; i < std::min(traces, 64 * (chunk + 1)); ++i) {
      Random random(seed, first + i);
      for (std::size_t k = 0; k < T; ++k)
        counts[i * T + k] = static_cast<float>(random.poisson(mu[k]));
    }
  });
  return counts;
}

std::vector<Condition> standard_conditions(const Decay& decay,
                                           std::span<const std::string> series) {
  std::vector<Condition> all;
  const auto wanted = [&](const char* name) {
    return series.empty() || std::find(series.begin(), series.end(), name) != series.end();
  };
  const auto add = [&](const char* name, double x) -> Condition& {
    all.push_back({name, x, decay});
    return all.back();
  };
  for (const std::string& name : series)
    if (name != "counts" && name != "background" && name != "irf" && name != "mismatch" &&
        name != "lifetime")
      fail_usage("series: found '", name,
                 "', wanted counts, background, irf, mismatch or lifetime");
  if (wanted("counts"))
    for (const double n : {30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0})
      add("counts", n).photons = n;
  if (wanted("background"))
    for (const double share : {0.0, 0.05, 0.1, 0.2, 0.3, 0.5})
      add("background", share).background_fraction = share;
  if (wanted("irf"))
    for (const double width : {0.15, 0.3, 0.45, 0.6}) {
      Condition& c = add("irf", width);
      c.fwhm_ns = c.assumed_fwhm_ns = width;
    }
  if (wanted("mismatch"))
    for (const double error : {-0.3, -0.15, 0.0, 0.15, 0.3}) {
      Condition& c = add("mismatch", error);
      c.assumed_fwhm_ns = c.fwhm_ns * (1.0 + error);
    }
  if (wanted("lifetime"))
    for (const double tau : {0.3, 0.5, 0.7, 1.0, 1.3})
      add("lifetime", tau).decay = stretched(decay, tau);
  return all;
}

Method classical_method(std::string_view name, const Acquisition& acquisition, int components) {
  const std::string_view base = name.substr(0, name.find('+'));
  const std::string_view unknown = base.size() < name.size() ? name.substr(base.size() + 1) : "";
  if (!unknown.empty() && unknown != "shift" && unknown != "width")
    fail_usage("estimator: found '", name, "', wanted +shift or +width after its name");
  const bool by_counts = base == "lm-counts";
  const EstimatorKind kind = by_counts ? EstimatorKind::lm : estimator_kind(base);
  const bool fits = kind == EstimatorKind::lm || kind == EstimatorKind::mle;
  if (!fits && !unknown.empty())
    fail_usage("estimator: found '", name,
               "', wanted no unknown of the IRF for one that is no fit");
  EstimatorOptions options;
  if (by_counts) options.fit.weights = GateWeights::counts;
  Unknowns& u = options.fit.unknowns;
  u = {fits ? components : 1, true, true, unknown == "shift" || unknown == "width",
       unknown == "width"};
  options.baseline_gates = 4;
  options.typical_ns = 1.0;
  return {std::string(name), u,
          [kind, acquisition, options](std::span<const float> counts, const IrfCurve& irf) {
            const auto estimates = estimate_all(kind, acquisition, irf, options, counts);
            std::vector<float> tau;
            for (const Estimate& e : estimates)
              tau.push_back(e.status == FitStatus::converged
                                ? static_cast<float>(e.amplitude_ns)
                                : std::numeric_limits<float>::quiet_NaN());
            return tau;
          }};
}

Unknowns unknowns_of(const TraceModel& model, const SimulatorConfig& prior, int components) {
  const bool irf = !model.normalisation.reads_irf();
  const bool background = prior.background_counts.high > 0.0 ||
                          prior.background_fraction.high > 0.0 ||
                          prior.background_share.high > 0.0 || prior.detector.dark_counts > 0.0;
  return {components, true, background, irf, irf};
}

Inference infer_counts(const TraceModel& model, std::span<const float> counts,
                       std::vector<IrfQuantiles> irfs) {
  Measurement m;
  m.bins = model.gates();
  m.height = 1;
  m.width = static_cast<int>(counts.size() / static_cast<std::size_t>(m.bins));
  m.counts.assign(counts.begin(), counts.end());
  m.bin_ns = model.acquisition().gate_step_ns;
  m.period_ns = model.acquisition().period_ns;
  InferenceOptions as_it_is;
  as_it_is.first_gate_ns = 0.0;
  if (model.normalisation.reads_irf()) as_it_is.irfs = std::move(irfs);
  return infer(model, std::move(m), as_it_is);
}

Method network_method(const TraceModel& model, std::string name, int components) {
  return {std::move(name), unknowns_of(model, model.simulator, components),
          [&model](std::span<const float> counts, const IrfCurve& irf) {
            return infer_counts(model, counts, {irf_quantiles(irf)}).amplitude_ns;
          }};
}

std::vector<ComparisonRow> compare(const Acquisition& a, std::span<const Method> methods,
                                   std::span<const Condition> conditions, std::size_t traces,
                                   std::uint64_t seed,
                                   const std::function<bool(std::size_t)>& keep_going) {
  using Clock = std::chrono::steady_clock;
  std::vector<ComparisonRow> rows;
  const std::size_t each = (traces + kPlaces - 1) / kPlaces;
  std::vector<double> buffer, assumed_buffer;
  for (std::size_t c = 0; c < conditions.size(); ++c) {
    if (keep_going && !keep_going(c)) break;
    const Condition& condition = conditions[c];
    std::vector<Score> scores(methods.size());
    for (int place = 0; place < kPlaces; ++place) {
      const double delay = delay_of(condition, a, place);
      const IrfCurve irf = parametric_irf(delay, condition.fwhm_ns, 0.0, 0.0, buffer);
      const IrfCurve told =
          parametric_irf(delay, condition.assumed_fwhm_ns, 0.0, 0.0, assumed_buffer);
      const DecayParameters truth = truth_of(condition, a, irf);
      const std::vector<float> counts = draw_traces(
          a, irf, truth, each, seed, (c * kPlaces + static_cast<std::size_t>(place)) * each);
      for (std::size_t i = 0; i < methods.size(); ++i) {
        const auto start = Clock::now();
        scores[i].add(methods[i].estimate(counts, told));
        scores[i].seconds += std::chrono::duration<double>(Clock::now() - start).count();
        const double bound = cramer_rao_bound(a, irf, truth, methods[i].unknowns).amplitude_ns;
        scores[i].variance += bound * bound;
      }
    }
    for (std::size_t i = 0; i < methods.size(); ++i)
      rows.push_back(scores[i].row(condition, methods[i].name));
  }
  return rows;
}

std::string to_json(std::span<const ComparisonRow> rows) {
  nlohmann::json all = nlohmann::json::array();
  for (const ComparisonRow& r : rows) {
    const Condition& c = r.condition;
    all.push_back({{"series", c.series},
                   {"x", c.x},
                   {"tau1_ns", c.decay.tau1_ns},
                   {"tau2_ns", c.decay.tau2_ns},
                   {"fraction", c.decay.fraction},
                   {"photons", c.photons},
                   {"background_fraction", c.background_fraction},
                   {"irf_fwhm_ns", c.fwhm_ns},
                   {"assumed_irf_fwhm_ns", c.assumed_fwhm_ns},
                   {"estimator", r.name},
                   {"true_ns", r.truth_ns},
                   {"mean_ns", r.mean_ns},
                   {"relative_bias", r.relative_bias()},
                   {"deviation_ns", r.deviation_ns},
                   {"bound_ns", r.bound_ns},
                   {"f_value", r.f_value},
                   {"traces", r.traces},
                   {"failures", r.failures},
                   {"traces_per_second", r.traces_per_second}});
  }
  return all.dump(2);
}

}  // namespace taugate
