#include "taugate/fli/estimation/estimator.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "taugate/core/parallel.h"
#include "taugate/fli/estimation/lifetime.h"
#include "taugate/fli/physics/response.h"

namespace taugate {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kTensorIds =
    256;  // of a statistic's table; linear in between: 1e-4 of a lifetime

class FitEstimator : public Estimator {
 public:
  FitEstimator(const Acquisition& acquisition, const IrfCurve& irf, const FitOptions& options)
      : fitter_(acquisition, irf, options) {}

  Estimate operator()(std::span<const float> counts) override {
    const Fit fit = fitter_(counts);
    if (fit.status == FitStatus::no_counts) return {};
    const Decay d = fit.parameters.decay();
    const Lifetimes mean = mean_lifetimes(d);
    return {mean.amplitude_ns,
            mean.intensity_ns,
            d.tau1_ns,
            d.tau2_ns,
            d.fraction,
            fit.photons,
            fit.parameters.background,
            fit.parameters.shift_ns,
            fit.chi2_reduced,
            fit.status,
            fit.deviation,
            fit.goodness.deviance_terms};
  }
  std::span<const double> expected() const override { return fitter_.expected(); }

 private:
  Fitter fitter_;
};

/// A number that grows with the lifetime; NaN where the trace has none.
using Statistic = std::function<double(std::span<const double> trace)>;

/// Looks the lifetime up for which a noise-free trace has the same statistic.
class StatisticEstimator : public Estimator {
 public:
  StatisticEstimator(const Acquisition& acquisition, const IrfCurve& irf,
                     const EstimatorOptions& options, Statistic statistic)
      : statistic_(std::move(statistic)),
        first_(static_cast<std::size_t>(options.fit.first_gate)),
        end_(options.fit.end_gate == 0 ? acquisition.gates : options.fit.end_gate),
        baseline_(static_cast<std::size_t>(options.baseline_gates)),
        shift_(options.fit.known.shift_ns),
        trace_(static_cast<std::size_t>(acquisition.gates)) {
    const FitOptions& fit = options.fit;
    require(
        options.baseline_gates >= 0 && options.baseline_gates < acquisition.gates - fit.first_gate,
        "estimator: found ", options.baseline_gates, " baseline gates, wanted 0 to ",
        acquisition.gates - fit.first_gate - 1);
    const double low = fit.tau_ns.low > 0.0 ? fit.tau_ns.low : acquisition.gate_step_ns / 20.0;
    const double high = fit.tau_ns.high > 0.0 ? fit.tau_ns.high : 20.0 * acquisition.window_ns();
    IrfCurve shifted = irf;
    shifted.start_ns += shift_;
    Response response(acquisition, irf.density.size());
    std::vector<double> run, run_tau;
    const auto growth = [](const std::vector<double>& v) {
      return v.empty() ? -1.0 : v.back() - v.front();
    };
    const auto keep = [&] {
      if (growth(run) > growth(values_)) {
        values_ = run;
        log_tau_ = run_tau;
      }
      run.clear();
      run_tau.clear();
    };
    for (std::size_t i = 0; i < kTensorIds; ++i) {
      const double tau = low * std::pow(high / low, static_cast<double>(i) / (kTensorIds - 1));
      response(shifted, Decay::mono(tau), trace_);
      subtract_baseline();
      const double value = statistic_(trace_);
      // Far below a gate all lifetimes look alike, and so they do where a decay is flat round the
      // laser period: only what grows in between, most of all, tells them apart.
      if (!std::isfinite(value)) continue;
      if (!run.empty() && !(value > run.back())) keep();
      run_tau.push_back(std::log(tau));
      run.push_back(value);
    }
    keep();
    require(values_.size() > 1, "estimator: its statistic does not depend on the lifetime here");
  }

  Estimate operator()(std::span<const float> counts) override {
    require(counts.size() == trace_.size(), "estimator: found ", counts.size(), " gates, wanted ",
            trace_.size());
    std::copy(counts.begin(), counts.end(), trace_.begin());
    const double baseline = subtract_baseline();
    const double photons = std::accumulate(trace_.begin() + static_cast<std::ptrdiff_t>(first_),
                                           trace_.begin() + end_, 0.0);
    const double value = photons > 0.0 ? statistic_(trace_) : kNan;
    Estimate e;
    e.photons = std::max(photons, 0.0);
    e.background = baseline;
    e.shift_ns = shift_;
    if (std::isnan(value)) return e;
    const double tau = lifetime(value);
    e.amplitude_ns = e.intensity_ns = e.tau1_ns = e.tau2_ns = tau;
    e.fraction = 1.0;
    const bool inside = value > values_.front() && value < values_.back();
    e.status = inside ? FitStatus::converged : FitStatus::at_limit;
    return e;
  }

 private:
  double subtract_baseline() {
    if (baseline_ == 0) return 0.0;
    const auto begin = trace_.begin() + static_cast<std::ptrdiff_t>(first_);
    const double mean =
        std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(baseline_), 0.0) /
        static_cast<double>(baseline_);
    for (double& value : trace_) value -= mean;
    return mean;
  }

  double lifetime(double value) const {
    const auto above = std::lower_bound(values_.begin(), values_.end(), value);
    if (above == values_.begin()) return std::exp(log_tau_.front());
    if (above == values_.end()) return std::exp(log_tau_.back());
    const std::size_t i = static_cast<std::size_t>(above - values_.begin());
    const double part = (value - values_[i - 1]) / (values_[i] - values_[i - 1]);
    return std::exp(log_tau_[i - 1] + part * (log_tau_[i] - log_tau_[i - 1]));
  }

  Statistic statistic_;
  std::size_t first_;
  std::ptrdiff_t end_;
  std::size_t baseline_;
  double shift_;
  std::vector<double> trace_;
  std::vector<double> log_tau_, values_;
};

/// Calibrated by a dye: the closed form of a semicircle.
class ReferencePhasor : public Estimator {
 public:
  explicit ReferencePhasor(const PhasorTransform& transform) : transform_(transform) {}
  Estimate operator()(std::span<const float> counts) override {
    const double photons = std::accumulate(counts.begin(), counts.end(), 0.0);
    Estimate e;
    e.photons = photons;
    const Phasor p = transform_(counts);
    if (std::isnan(p.g)) return e;
    const double tau = transform_.phase_lifetime(p);
    const bool inside = p.g > 0.0 && p.s > 0.0;
    e.amplitude_ns = e.intensity_ns = e.tau1_ns = e.tau2_ns = inside ? tau : kNan;
    e.fraction = 1.0;
    e.status = inside ? FitStatus::converged : FitStatus::at_limit;
    return e;
  }

 private:
  PhasorTransform transform_;
};

/// First and end gate that the options leave.
std::pair<std::size_t, std::size_t> gates_of(const Acquisition& a, const FitOptions& o) {
  const int end = o.end_gate == 0 ? a.gates : o.end_gate;
  if (o.first_gate < 0 || o.first_gate >= end || end > a.gates)
    fail_usage("gates to fit: found ", o.first_gate, " to ", end, ", wanted a range in 0 to ",
               a.gates);
  return {static_cast<std::size_t>(o.first_gate), static_cast<std::size_t>(end)};
}

Statistic centre_of_mass(std::pair<std::size_t, std::size_t> gates) {
  return [gates](std::span<const double> trace) {
    double sum = 0.0, moment = 0.0;
    for (std::size_t k = gates.first; k < gates.second; ++k) {
      sum += trace[k];
      moment += static_cast<double>(k) * trace[k];
    }
    return sum > 0.0 ? moment / sum : kNan;
  };
}

/// Logarithm of the second of two adjoining windows over the first, which opens at the peak of a
/// typical trace.
Statistic window_ratio(const Acquisition& a, const IrfCurve& irf, const EstimatorOptions& o,
                       std::pair<std::size_t, std::size_t> gates) {
  IrfCurve shifted = irf;
  shifted.start_ns += o.fit.known.shift_ns;
  std::vector<double> trace(static_cast<std::size_t>(a.gates));
  Response{a}(shifted, Decay::mono(o.typical_ns), trace);
  const auto begin = trace.begin();
  const auto at = [&](std::size_t k) { return begin + static_cast<std::ptrdiff_t>(k); };
  const std::size_t peak =
      static_cast<std::size_t>(std::max_element(at(gates.first), at(gates.second)) - begin);
  require(gates.second - peak >= 2, "rapid lifetime determination: found the peak in gate ", peak,
          ", wanted two gates from there to ", gates.second);
  const std::size_t width = std::clamp<std::size_t>(
      static_cast<std::size_t>(2.0 * o.typical_ns / a.gate_step_ns), 1, (gates.second - peak) / 2);
  return [peak, width](std::span<const double> t) {
    const double first =
        std::accumulate(t.begin() + static_cast<std::ptrdiff_t>(peak),
                        t.begin() + static_cast<std::ptrdiff_t>(peak + width), 0.0);
    const double second =
        std::accumulate(t.begin() + static_cast<std::ptrdiff_t>(peak + width),
                        t.begin() + static_cast<std::ptrdiff_t>(peak + 2 * width), 0.0);
    if (!(first > 0.0)) return kNan;
    return second > 0.0 ? std::log(second / first) : -std::numeric_limits<double>::infinity();
  };
}

}  // namespace

const char* name_of(EstimatorKind kind) {
  switch (kind) {
    case EstimatorKind::lm:
      return "lm";
    case EstimatorKind::mle:
      return "mle";
    case EstimatorKind::cmm:
      return "cmm";
    case EstimatorKind::rld:
      return "rld";
    case EstimatorKind::phasor:
      break;
  }
  return "phasor";
}

EstimatorKind estimator_kind(std::string_view name) {
  std::string wanted;
  for (const EstimatorKind kind : kEstimatorKinds) {
    if (name == name_of(kind)) return kind;
    wanted += concat(wanted.empty() ? "" : ", ", name_of(kind));
  }
  fail_usage("estimator: found '", name, "', wanted one of ", wanted);
}

std::unique_ptr<Estimator> make_estimator(EstimatorKind kind, const Acquisition& acquisition,
                                          const IrfCurve& irf, const EstimatorOptions& options) {
  FitOptions fit = options.fit;
  const auto gates = gates_of(acquisition, fit);
  const auto by_statistic = [&](Statistic statistic) {
    check_irf(irf, acquisition.period_ns);
    return std::make_unique<StatisticEstimator>(acquisition, irf, options, std::move(statistic));
  };
  switch (kind) {
    case EstimatorKind::lm:
    case EstimatorKind::mle:
      fit.method = kind == EstimatorKind::mle ? FitMethod::likelihood : FitMethod::least_squares;
      return std::make_unique<FitEstimator>(acquisition, irf, fit);
    case EstimatorKind::cmm:
      return by_statistic(centre_of_mass(gates));
    case EstimatorKind::rld:
      return by_statistic(window_ratio(acquisition, irf, options, gates));
    case EstimatorKind::phasor:
      break;
  }
  if (options.reference) return std::make_unique<ReferencePhasor>(*options.reference);
  // The baseline is off when the statistic sees the trace.
  return by_statistic([transform = PhasorTransform(acquisition, irf)](std::span<const double> t) {
    const Phasor p = transform(t);
    return std::atan2(p.s, p.g);
  });
}

std::vector<Estimate> estimate_all(EstimatorKind kind, const Acquisition& acquisition,
                                   const IrfCurve& irf, const EstimatorOptions& options,
                                   std::span<const float> counts) {
  constexpr std::size_t kChunk = 64;
  const std::size_t T = static_cast<std::size_t>(acquisition.gates), N = counts.size() / T;
  require(N * T == counts.size(), "estimate: found ", counts.size(),
          " counts, wanted a multiple of ", T, " gates");
  std::vector<Estimate> estimates(N);
  std::vector<std::unique_ptr<Estimator>> workers(static_cast<std::size_t>(thread_count()));
  parallel_for((N + kChunk - 1) / kChunk, [&](std::size_t chunk, int thread) {
    auto& worker = workers[static_cast<std::size_t>(thread)];
    if (!worker) worker = make_estimator(kind, acquisition, irf, options);
    for (std::size_t i = chunk * kChunk; i < std::min(N, (chunk + 1) * kChunk); ++i)
      estimates[i] = (*worker)(counts.subspan(i * T, T));
  });
  return estimates;
}

}  // namespace taugate
