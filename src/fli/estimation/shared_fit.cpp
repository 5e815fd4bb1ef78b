#include "taugate/fli/estimation/shared_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "fli/estimation/deviance.h"
#include "taugate/core/parallel.h"

namespace taugate {
namespace {

constexpr std::size_t kChunk = 64;   // traces whose sums are added up on one thread
constexpr std::size_t kBlock = 256;  // chunks between two looks at keep_going

/// The responses to unit amplitudes and their derivatives at one theta.
struct Basis {
  std::vector<double> linear;            // [C (+ 1, all ones)][T]
  std::vector<double> by_tau, by_shift;  // [C][T], by ln tau and by the shift
};

/// A trace without its unknowns: what is left for theta, the Schur complement of the amplitudes that
/// are not held at 0.
NormalEquations reduced(const NormalEquations& all, std::size_t linear, std::size_t shared,
                        std::span<const double> amplitudes) {
  std::array<std::size_t, kMostVariables> free{};
  std::size_t n = 0;
  for (std::size_t a = 0; a < linear; ++a)
    if (amplitudes[a] > 0.0 || !(all.gradient[a] > 0.0)) free[n++] = a;
  std::array<VariableVector, kMostVariables> own{};
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) own[i][j] = all.curvature[free[i]][free[j]];
  NormalEquations left;
  left.objective = all.objective;
  for (std::size_t s = 0; s < shared; ++s) {
    VariableVector by_shared{}, x{};
    for (std::size_t i = 0; i < n; ++i) by_shared[i] = all.curvature[free[i]][linear + s];
    // Of two amplitudes that cannot be told apart, one goes.
    while (n > 0 && !solve_positive(own, by_shared, static_cast<int>(n), x)) --n;
    left.gradient[s] = all.gradient[linear + s];
    std::copy_n(all.curvature[linear + s].begin() + static_cast<std::ptrdiff_t>(linear), shared,
                left.curvature[s].begin());
    for (std::size_t i = 0; i < n; ++i) {
      left.gradient[s] -= x[i] * all.gradient[free[i]];
      for (std::size_t t = 0; t < shared; ++t)
        left.curvature[s][t] -= x[i] * all.curvature[free[i]][linear + t];
    }
  }
  return left;
}

void add(const NormalEquations& part, std::size_t n, NormalEquations& sum) {
  sum.objective += part.objective;
  for (std::size_t i = 0; i < n; ++i) {
    sum.gradient[i] += part.gradient[i];
    for (std::size_t j = 0; j < n; ++j) sum.curvature[i][j] += part.curvature[i][j];
  }
}

class SharedFitter {
 public:
  SharedFitter(const Acquisition& acquisition, std::span<const IrfCurve> irfs,
               const FitOptions& options, std::span<const float> counts, double least_counts,
               const std::function<bool()>& keep_going)
      : acquisition_(acquisition),
        irfs_(irfs),
        options_(options),
        counts_(counts),
        keep_going_(keep_going),
        gates_(static_cast<std::size_t>(acquisition.gates)),
        components_(static_cast<std::size_t>(options.unknowns.components)),
        linear_(components_ + options.unknowns.background),
        shared_(components_ + options.unknowns.shift),
        own_units_(options.method == FitMethod::least_squares &&
                   options.weights == GateWeights::equal) {
    for (std::size_t i = 0; i < counts.size() / gates_; ++i) {
      const auto trace = counts.subspan(i * gates_, gates_);
      const double total = std::accumulate(trace.begin() + options.first_gate,
                                           trace.begin() + options.end_gate, 0.0);
      if (!(total >= std::max(least_counts, 1.0))) continue;
      traces_.push_back(i);
      totals_.push_back(total);
    }
    amplitudes_.assign(traces_.size() * linear_, 0.0);
    sums_.resize((traces_.size() + kChunk - 1) / kChunk);
  }

  SharedFit operator()() {
    SharedFit fit;
    fit.traces = traces_.size();
    if (traces_.empty()) return fit;
    VariableVector variables = start();
    const std::span<double> theta(variables.data(), shared_);
    const double freedom = static_cast<double>(
        traces_.size() *
        (static_cast<std::size_t>(options_.end_gate - options_.first_gate) - linear_));
    NormalEquations best;
    best.objective = std::numeric_limits<double>::infinity();
    const Bounds limits = bounds();
    // A step predicted to gain less than 1e-4 is a hundredth of a standard deviation.
    const Minimum minimum = minimise(
        theta, limits, {options_.iterations, 1e-4},
        [&](std::span<const double> at, NormalEquations& equations) {
          pass(at, equations);
          if (equations.objective <= best.objective) best = equations;
        },
        [&](double objective) { return own_units_ ? objective / freedom : 1.0; });
    fit.objective = minimum.objective;
    fit.iterations = minimum.iterations;
    fit.status = minimum.converged && !stopped_ ? FitStatus::converged : FitStatus::not_converged;
    finish(theta, limits, best, own_units_ ? fit.objective / freedom : 1.0, fit);
    return fit;
  }

 private:
  struct Worker {
    std::unique_ptr<DecayModel> model;
    std::vector<double> jacobian, mu;
    Basis basis;  // where each trace has an IRF of its own
  };

  VariableVector start() const {
    DecayParameters p = options_.known;
    // Two that are equal cannot be told apart by any gradient.
    if (components_ == 2 && !(std::abs(std::log(p.tau_ns[1] / p.tau_ns[0])) > 0.1)) {
      p.tau_ns[0] *= 0.6;
      p.tau_ns[1] *= 1.6;
    }
    const Bounds limits = bounds();
    VariableVector x{};
    for (std::size_t c = 0; c < components_; ++c)
      x[c] = std::clamp(std::log(p.tau_ns[c]), limits.low[c], limits.high[c]);
    if (options_.unknowns.shift) x[components_] = p.shift_ns;
    return x;
  }

  Bounds bounds() const {
    Bounds limits;
    for (std::size_t c = 0; c < components_; ++c) {
      limits.low[c] = std::log(options_.tau_ns.low);
      limits.high[c] = std::log(options_.tau_ns.high);
    }
    limits.low[components_] = options_.known.shift_ns - options_.most_shift_ns;
    limits.high[components_] = options_.known.shift_ns + options_.most_shift_ns;
    return limits;
  }

  void fill(std::span<const double> theta, const IrfCurve& irf, Worker& worker,
            Basis& basis) const {
    const std::size_t T = gates_;
    Unknowns single{1, true, false, options_.unknowns.shift, false};
    if (!worker.model || irfs_.size() > 1)
      worker.model = std::make_unique<DecayModel>(acquisition_, irf, single);
    worker.mu.resize(T);
    worker.jacobian.resize(static_cast<std::size_t>(single.count()) * T);
    basis.linear.assign(linear_ * T, 1.0);
    basis.by_tau.resize(components_ * T);
    basis.by_shift.assign(components_ * T, 0.0);
    for (std::size_t c = 0; c < components_; ++c) {
      DecayParameters p = options_.known;
      const double tau = std::exp(theta[c]);
      p.amplitude = {1.0, 0.0};
      p.tau_ns = {tau, tau};
      p.background = 0.0;
      if (options_.unknowns.shift) p.shift_ns = theta[components_];
      (*worker.model)(p, worker.mu, worker.jacobian);
      const double* row = worker.jacobian.data();
      std::copy_n(row, T, basis.linear.data() + c * T);
      for (std::size_t k = 0; k < T; ++k) basis.by_tau[c * T + k] = tau * row[T + k];
      if (options_.unknowns.shift) std::copy_n(row + 2 * T, T, basis.by_shift.data() + c * T);
    }
  }

  /// f_i's equations in the first `variables` of (a, theta), whose gradients of mu are `rows`.
  void accumulate(std::span<const float> trace, std::span<const double> amplitudes,
                  std::span<const double* const> rows, NormalEquations& at) const {
    at = {};
    const double known = options_.unknowns.background ? 0.0 : options_.known.background;
    for (std::size_t k = static_cast<std::size_t>(options_.first_gate);
         k < static_cast<std::size_t>(options_.end_gate); ++k) {
      double mu = known;
      for (std::size_t a = 0; a < linear_; ++a) mu += amplitudes[a] * rows[a][k];
      const DevianceTerms gate = deviance_terms(options_, trace[k], mu);
      at.objective += gate.objective;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const double by = rows[i][k], weighted = gate.curvature * by;
        at.gradient[i] += gate.slope * by;
        for (std::size_t j = 0; j <= i; ++j) at.curvature[i][j] += weighted * rows[j][k];
      }
    }
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (std::size_t j = 0; j < i; ++j) at.curvature[j][i] = at.curvature[i][j];
  }

  /// Solves for the amplitudes of one trace, from those of the pass before, and returns what it
  /// says about theta.
  NormalEquations trace(std::size_t index, const Basis& basis, Worker& worker) {
    const std::size_t T = gates_;
    const auto counts = counts_.subspan(traces_[index] * T, T);
    const std::span<double> a(amplitudes_.data() + index * linear_, linear_);
    std::array<const double*, kMostVariables> rows{};
    for (std::size_t l = 0; l < linear_; ++l) rows[l] = basis.linear.data() + l * T;
    Bounds limits;
    limits.high.fill(1e3 * (totals_[index] + 1.0) / std::min(acquisition_.gate_step_ns, 1.0));
    if (std::all_of(a.begin(), a.end(), [](double v) { return v == 0.0; })) {
      for (std::size_t l = 0; l < linear_; ++l)
        a[l] = totals_[index] / static_cast<double>(linear_) /
               std::accumulate(rows[l], rows[l] + T, 1e-9);
    }
    const double unit = own_units_ ? totals_[index] : 1.0;  // counts squared, or deviations
    minimise(
        a, limits, {options_.iterations, 1e-9},
        [&](std::span<const double> at, NormalEquations& equations) {
          accumulate(counts, at, {rows.data(), linear_}, equations);
        },
        [&](double) { return unit; });
    // Derivatives by theta: of each component's lifetime, and of all components' place.
    worker.mu.assign(shared_ * T, 0.0);
    for (std::size_t c = 0; c < components_; ++c)
      for (std::size_t k = 0; k < T; ++k) {
        worker.mu[c * T + k] = a[c] * basis.by_tau[c * T + k];
        if (options_.unknowns.shift)
          worker.mu[components_ * T + k] += a[c] * basis.by_shift[c * T + k];
      }
    for (std::size_t s = 0; s < shared_; ++s) rows[linear_ + s] = worker.mu.data() + s * T;
    NormalEquations all;
    accumulate(counts, a, {rows.data(), linear_ + shared_}, all);
    return reduced(all, linear_, shared_, a);
  }

  /// r and its equations at theta, from all traces; an objective that is no number where keep_going
  /// said no.
  void pass(std::span<const double> theta, NormalEquations& total) {
    total = {};
    workers_.resize(static_cast<std::size_t>(thread_count()));
    Basis common;
    if (irfs_.size() == 1) fill(theta, irfs_[0], workers_[0], common);
    for (std::size_t block = 0; block < sums_.size(); block += kBlock) {
      if (stopped_ || (keep_going_ && !keep_going_())) {
        stopped_ = true;
        total.objective = std::numeric_limits<double>::quiet_NaN();
        return;
      }
      parallel_for(std::min(kBlock, sums_.size() - block), [&](std::size_t item, int thread) {
        Worker& worker = workers_[static_cast<std::size_t>(thread)];
        NormalEquations& sum = sums_[block + item] = {};
        const std::size_t first = (block + item) * kChunk;
        for (std::size_t i = first; i < std::min(traces_.size(), first + kChunk); ++i) {
          if (irfs_.size() > 1) fill(theta, irfs_[traces_[i]], worker, worker.basis);
          add(trace(i, irfs_.size() > 1 ? worker.basis : common, worker), shared_, sum);
        }
      });
    }
    for (const NormalEquations& sum : sums_) add(sum, shared_, total);
  }

  void finish(std::span<const double> theta, const Bounds& limits, const NormalEquations& at,
              double variance, SharedFit& fit) const {
    std::array<VariableVector, kMostVariables> inverse{};
    const bool known = invert_positive(at.curvature, static_cast<int>(shared_), inverse);
    std::array<std::pair<double, double>, kMostComponents> found{};
    bool limited = false;
    for (std::size_t c = 0; c < components_; ++c) {
      const double tau = std::exp(theta[c]), margin = 1e-6 * (limits.high[c] - limits.low[c]);
      limited |= theta[c] - limits.low[c] < margin || limits.high[c] - theta[c] < margin;
      found[c] = {tau, known ? tau * std::sqrt(variance * inverse[c][c])
                             : std::numeric_limits<double>::quiet_NaN()};
    }
    for (std::size_t c = components_; c < found.size(); ++c) found[c] = found[0];
    std::sort(found.begin(), found.end());
    for (std::size_t c = 0; c < found.size(); ++c) {
      fit.tau_ns[c] = found[c].first;
      fit.deviation_ns[c] = found[c].second;
    }
    fit.shift_ns = options_.unknowns.shift ? theta[components_] : options_.known.shift_ns;
    if (fit.status == FitStatus::converged && limited) fit.status = FitStatus::at_limit;
  }

  const Acquisition acquisition_;
  const std::span<const IrfCurve> irfs_;
  const FitOptions options_;
  const std::span<const float> counts_;
  const std::function<bool()>& keep_going_;
  const std::size_t gates_, components_, linear_, shared_;
  const bool own_units_;             // the objective counts in counts squared, not in deviations
  std::vector<std::size_t> traces_;  // those with counts enough
  std::vector<double> totals_;       // of them
  std::vector<double> amplitudes_;   // [traces][linear], the last pass's
  std::vector<NormalEquations> sums_;
  std::vector<Worker> workers_;
  bool stopped_ = false;
};

}  // namespace

SharedFit fit_shared_lifetimes(const Acquisition& acquisition, std::span<const IrfCurve> irfs,
                               const FitOptions& options, std::span<const float> counts,
                               double least_counts, const std::function<bool()>& keep_going) {
  const std::size_t T = static_cast<std::size_t>(acquisition.gates);
  require(counts.size() % T == 0, "shared lifetimes: found ", counts.size(),
          " counts, wanted a multiple of ", T, " gates");
  require(irfs.size() == 1 || irfs.size() == counts.size() / T, "shared lifetimes: found ",
          irfs.size(), " IRFs, wanted one, or one for each of ", counts.size() / T, " traces");
  if (options.unknowns.stretch || !options.unknowns.lifetimes)
    fail_usage("shared lifetimes: found a stretch of the IRF, or no lifetimes, to be found");
  // A fitter knows the limits that the options leave open.
  const FitOptions complete = Fitter(acquisition, irfs[0], options).options();
  return SharedFitter(acquisition, irfs, complete, counts, least_counts, keep_going)();
}

}  // namespace taugate
