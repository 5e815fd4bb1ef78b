#include "taugate/fli/estimation/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "fli/estimation/deviance.h"
#include "taugate/fli/physics/response.h"

namespace taugate {
namespace {

constexpr std::size_t kGridLifetimes = 20;
constexpr double kShiftsAGate = 2.0;  // of the grid, where the shift is unknown
constexpr int kMostShiftsASide = 40;
constexpr double kModelFloor = 0.1;      // counts, of weights from the model
constexpr double kLeastExpected = 1e-6;  // counts, of a gate's likelihood

FitOptions completed(FitOptions o, const Acquisition& a, const IrfCurve& irf) {
  if (!(o.tau_ns.low > 0.0)) {
    o.tau_ns.low = a.gate_step_ns / 20.0;
    // A second component that decays faster than the instrument sees is a flash: few counts, but
    // most of the amplitude.
    if (o.unknowns.components == 2)
      o.tau_ns.low = std::max(a.gate_step_ns / 4.0, rise_time_ns(irf) / 3.0);
  }
  if (!(o.tau_ns.high > 0.0)) o.tau_ns.high = 20.0 * a.window_ns();
  if (!(o.most_shift_ns > 0.0)) o.most_shift_ns = 3.0 * a.gate_step_ns;
  if (o.end_gate == 0) o.end_gate = a.gates;
  if (o.first_gate < 0 || o.first_gate >= o.end_gate || o.end_gate > a.gates)
    fail_usage("gates to fit: found ", o.first_gate, " to ", o.end_gate,
               ", wanted a range in 0 to ", a.gates);
  if (o.method == FitMethod::likelihood)
    o.variance_floor = kLeastExpected;
  else if (!(o.variance_floor > 0.0))
    o.variance_floor = o.weights == GateWeights::model ? kModelFloor : 1.0;
  check_within("variance floor", o.variance_floor, 1e-9, 1e9);
  check_range("lifetime limits (ns)", o.tau_ns, 1e-6, 1e9);
  if (o.end_gate - o.first_gate <= o.unknowns.count())
    fail_usage("gates to fit: found ", o.end_gate - o.first_gate, ", wanted more than the ",
               o.unknowns.count(), " unknowns");
  return o;
}

/// Sums of products that the compiler may keep in registers side by side, in a fixed order.
double dot(const double* a, const double* b, std::size_t n) {
  double sums[4]{};
  std::size_t k = 0;
  for (; k + 4 <= n; k += 4)
    for (std::size_t l = 0; l < 4; ++l) sums[l] += a[k + l] * b[k + l];
  for (; k < n; ++k) sums[0] += a[k] * b[k];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

const char* name_of(FitStatus status) {
  switch (status) {
    case FitStatus::converged:
      return "converged";
    case FitStatus::at_limit:
      return "at limit";
    case FitStatus::not_converged:
      return "not converged";
    case FitStatus::poor_fit:
      return "poor fit";
    case FitStatus::below_threshold:
      return "below threshold";
    case FitStatus::no_counts:
      break;
  }
  return "no counts";
}

Fitter::Fitter(const Acquisition& acquisition, const IrfCurve& irf, const FitOptions& options)
    : acquisition_(acquisition),
      options_(completed(options, acquisition, irf)),
      first_(static_cast<std::size_t>(options_.first_gate)),
      end_(static_cast<std::size_t>(options_.end_gate)),
      model_(acquisition, irf, options_.unknowns),
      mu_(static_cast<std::size_t>(acquisition.gates)),
      jacobian_(mu_.size() * static_cast<std::size_t>(options_.unknowns.count())) {
  make_grid();
}

void Fitter::make_grid() {
  const Unknowns& u = options_.unknowns;
  if (u.lifetimes) {
    // Lifetimes that a trace can tell apart; the limits may lie far beyond.
    const double low =
        std::clamp(0.5 * acquisition_.gate_step_ns, options_.tau_ns.low, options_.tau_ns.high);
    const double high =
        std::clamp(2.0 * acquisition_.window_ns(), options_.tau_ns.low, options_.tau_ns.high);
    for (std::size_t i = 0; i < kGridLifetimes; ++i)
      taus_.push_back(low * std::pow(high / low, static_cast<double>(i) / (kGridLifetimes - 1)));
  } else {
    taus_.assign(options_.known.tau_ns.begin(), options_.known.tau_ns.begin() + u.components);
  }
  const double half = 0.9 * options_.most_shift_ns;
  const int a_side =
      std::min(static_cast<int>(std::ceil(kShiftsAGate * half / acquisition_.gate_step_ns)),
               kMostShiftsASide);
  if (u.shift)
    for (int i = -a_side; i <= a_side; ++i)
      shifts_.push_back(options_.known.shift_ns + half * i / a_side);
  else
    shifts_.push_back(options_.known.shift_ns);

  const std::size_t T = mu_.size(), n = taus_.size(), fitted = end_ - first_;
  responses_.resize(shifts_.size() * n * T);
  gram_.resize(shifts_.size() * (n + 1) * (n + 1));
  products_.resize(n + 1);
  DecayParameters p = options_.known;
  p.amplitude = {1.0, 0.0};
  p.background = 0.0;
  for (std::size_t s = 0; s < shifts_.size(); ++s) {
    p.shift_ns = shifts_[s];
    double* gram = gram_.data() + s * (n + 1) * (n + 1);
    for (std::size_t i = 0; i < n; ++i) {
      p.tau_ns = {taus_[i], taus_[i]};
      double* response = responses_.data() + (s * n + i) * T;
      model_(p, {response, T}, jacobian_);
      for (std::size_t j = 0; j <= i; ++j)
        gram[i * (n + 1) + j] = gram[j * (n + 1) + i] =
            dot(response + first_, responses_.data() + (s * n + j) * T + first_, fitted);
      gram[i * (n + 1) + n] = gram[n * (n + 1) + i] =
          std::accumulate(response + first_, response + end_, 0.0);
    }
    gram[n * (n + 1) + n] = static_cast<double>(fitted);
  }
}

/// Solves for the amplitudes of lifetimes i and j (i == j: one) and the background; keeps the
/// result where the squared error is the smallest so far and nothing is negative.
void Fitter::try_pair(std::size_t shift, std::size_t i, std::size_t j, double squares,
                      Start& best) const {
  const std::size_t n = taus_.size();
  const double* gram = gram_.data() + shift * (n + 1) * (n + 1);
  const bool pair = i != j;
  for (const bool background : {true, false}) {
    if (background && !options_.unknowns.background) continue;
    std::array<std::size_t, 3> rows{i};
    std::size_t count = 1;
    if (pair) rows[count++] = j;
    if (background) rows[count++] = n;
    std::array<VariableVector, kMostVariables> a{};
    VariableVector b{}, x{};
    for (std::size_t r = 0; r < count; ++r) {
      for (std::size_t c = 0; c < count; ++c) a[r][c] = gram[rows[r] * (n + 1) + rows[c]];
      b[r] = products_[rows[r]];
    }
    if (!solve_positive(a, b, static_cast<int>(count), x)) continue;
    if (std::any_of(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(count),
                    [](double v) { return v < 0.0; }))
      continue;
    double error = squares;
    for (std::size_t r = 0; r < count; ++r) error -= x[r] * b[r];
    if (!(error < best.error)) return;
    best.error = error;
    best.shift = shift;
    DecayParameters p = options_.known;
    p.shift_ns = shifts_[shift];
    p.tau_ns = {taus_[i], taus_[j]};
    p.amplitude = {x[0], pair ? x[1] : 0.0};
    if (background) p.background = x[count - 1];
    best.parameters = p;
    return;
  }
}

void Fitter::multiply_with_grid(std::size_t shift) {
  const std::size_t T = mu_.size(), n = taus_.size();
  for (std::size_t i = 0; i < n; ++i)
    products_[i] =
        dot(mu_.data() + first_, responses_.data() + (shift * n + i) * T + first_, end_ - first_);
}

DecayParameters Fitter::best_start(std::span<const float> counts) {
  const std::size_t n = taus_.size();
  const double known_background = options_.unknowns.background ? 0.0 : options_.known.background;
  double squares = 0.0;
  products_[n] = 0.0;
  for (std::size_t k = first_; k < end_; ++k) {
    mu_[k] = counts[k] - known_background;
    squares += mu_[k] * mu_[k];
    products_[n] += mu_[k];
  }
  Start best{std::numeric_limits<double>::infinity(), 0, options_.known};
  for (std::size_t s = 0; s < shifts_.size(); ++s) {
    multiply_with_grid(s);
    for (std::size_t i = 0; i < n; ++i) try_pair(s, i, i, squares, best);
  }
  DecayParameters& p = best.parameters;
  if (std::isinf(best.error)) {  // the counts rise, or are below the known background
    p.tau_ns.fill(taus_[n / 2]);
    p.amplitude = {std::max(products_[n], 1.0) / acquisition_.window_ns(), 0.0};
  }
  if (options_.unknowns.components == 1) return p;
  const DecayParameters single = p;
  multiply_with_grid(best.shift);
  best.error = std::numeric_limits<double>::infinity();  // any pair will do
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j) try_pair(best.shift, i, j, squares, best);
  if (std::isinf(best.error)) {  // each would have an amplitude below zero
    p = single;
    p.amplitude = {0.5 * p.amplitude[0], 0.5 * p.amplitude[0]};
    if (options_.unknowns.lifetimes)
      p.tau_ns = {std::max(0.6 * p.tau_ns[0], options_.tau_ns.low),
                  std::min(1.6 * p.tau_ns[0], options_.tau_ns.high)};
  }
  return p;
}

/// Back from the minimiser's variables: lifetimes are logarithms there.
DecayParameters Fitter::parameters_at(std::span<const double> x) const {
  DecayParameters p = options_.known;
  if (options_.unknowns.components == 1) p.amplitude[1] = 0.0;
  scatter(x, options_.unknowns, p);
  if (options_.unknowns.lifetimes)
    for (int c = 0; c < options_.unknowns.components; ++c)
      p.tau_ns[static_cast<std::size_t>(c)] = std::exp(p.tau_ns[static_cast<std::size_t>(c)]);
  return p;
}

Bounds Fitter::bounds(double counts) const {
  const double huge = 1e3 * (counts + 1.0) / std::min(acquisition_.gate_step_ns, 1.0);
  DecayParameters low, high;
  low.amplitude.fill(0.0);
  high.amplitude.fill(huge);
  low.tau_ns.fill(std::log(options_.tau_ns.low));
  high.tau_ns.fill(std::log(options_.tau_ns.high));
  low.background = 0.0;
  high.background = huge;
  low.shift_ns = options_.known.shift_ns - options_.most_shift_ns;
  high.shift_ns = options_.known.shift_ns + options_.most_shift_ns;
  low.stretch = 0.2;
  high.stretch = 5.0;
  Bounds result;
  gather(low, options_.unknowns, result.low);
  gather(high, options_.unknowns, result.high);
  return result;
}

void Fitter::evaluate(const FitOptions& objective, std::span<const float> counts,
                      std::span<const double> x, NormalEquations& at) {
  const DecayParameters p = parameters_at(x);
  model_(p, mu_, jacobian_);
  const std::size_t T = mu_.size(), P = x.size();
  if (options_.unknowns.lifetimes)
    for (std::size_t c = 0; c < static_cast<std::size_t>(options_.unknowns.components); ++c) {
      double* row = jacobian_.data() + (2 * c + 1) * T;
      for (std::size_t k = first_; k < end_; ++k) row[k] *= p.tau_ns[c];  // d/d ln tau
    }
  at = {};
  for (std::size_t k = first_; k < end_; ++k) {
    const DevianceTerms gate = deviance_terms(objective, counts[k], mu_[k]);
    at.objective += gate.objective;
    for (std::size_t i = 0; i < P; ++i) {
      const double by = jacobian_[i * T + k], weighted = gate.curvature * by;
      at.gradient[i] += gate.slope * by;
      for (std::size_t j = 0; j <= i; ++j) at.curvature[i][j] += weighted * jacobian_[j * T + k];
    }
  }
  for (std::size_t i = 0; i < P; ++i)
    for (std::size_t j = 0; j < i; ++j) at.curvature[j][i] = at.curvature[i][j];
}

void Fitter::finish(std::span<const float> counts, std::span<const double> x, const Bounds& limits,
                    Fit& fit) {
  const Unknowns& u = options_.unknowns;
  DecayParameters& p = fit.parameters = parameters_at(x);
  // Only a component with an amplitude has a lifetime that could be at its limit.
  DecayParameters low, high;
  scatter(limits.low, u, low);
  scatter(limits.high, u, high);
  const auto at_limit = [](double value, double a, double b) {
    return value - a < 1e-6 * (b - a) || b - value < 1e-6 * (b - a);
  };
  bool limited = u.shift && at_limit(p.shift_ns, low.shift_ns, high.shift_ns);
  if (u.lifetimes)
    for (std::size_t c = 0; c < static_cast<std::size_t>(u.components); ++c)
      if (p.amplitude[c] > 0.0)
        limited |= at_limit(std::log(p.tau_ns[c]), low.tau_ns[c], high.tau_ns[c]);
  // The shorter lifetime comes first; a component without amplitude repeats the other's lifetime.
  if (u.components == 2 && u.lifetimes) {
    for (std::size_t c = 0; c < 2; ++c)
      if (!(p.amplitude[c] > 0.0)) p.tau_ns[c] = p.tau_ns[1 - c];
    if (p.tau_ns[0] > p.tau_ns[1]) {
      std::swap(p.tau_ns[0], p.tau_ns[1]);
      std::swap(p.amplitude[0], p.amplitude[1]);
    }
  }
  model_(p, mu_, jacobian_);
  const double gates = static_cast<double>(end_ - first_);
  double chi2 = 0.0;
  for (std::size_t k = first_; k < end_; ++k) {
    const double error = counts[k] - mu_[k];
    chi2 += error * error / std::max(mu_[k], kLeastExpected);
  }
  fit.chi2_reduced = chi2 / (gates - u.count());
  // Where no background was found, one count in all gates together could be.
  fit.deviation = cramer_rao_bound(mu_, jacobian_, p, u, first_, end_, 1.0 / gates);
  fit.photons = fit.deviation.photons;
  fit.goodness =
      goodness_of_fit(counts.subspan(first_, end_ - first_),
                      std::span<const double>(mu_).subspan(first_, end_ - first_), u.count());
  if (fit.status != FitStatus::converged) return;
  if (limited)
    fit.status = FitStatus::at_limit;
  else if (fit.goodness.poor())
    fit.status = FitStatus::poor_fit;
}

Minimum Fitter::descend(std::span<const float> counts, const Bounds& limits, std::span<double> x) {
  // Weighted sums and deviances count in standard deviations; an unweighted one in its own size.
  const bool own_units =
      options_.method == FitMethod::least_squares && options_.weights == GateWeights::equal;
  const double freedom = static_cast<double>(end_ - first_ - x.size());
  const double total = own_units ? std::accumulate(counts.begin() + options_.first_gate,
                                                   counts.begin() + options_.end_gate, 0.0)
                                 : 0.0;
  const auto by = [&](const FitOptions& objective, double tolerance) {
    return minimise(
        x, limits, {options_.iterations, tolerance},
        [&](std::span<const double> at, NormalEquations& equations) {
          evaluate(objective, counts, at, equations);
        },
        [&](double value) { return own_units ? std::max(value / freedom, 1e-12 * total) : 1.0; });
  };
  int before = 0;
  if (options_.method == FitMethod::likelihood) {
    // Far from the end, a few counts where next to none are expected are most of the deviance, and
    // its curvature there is none of the end's. Weights with a floor see the whole trace.
    FitOptions calm = options_;
    calm.method = FitMethod::least_squares;
    calm.weights = GateWeights::model;
    calm.variance_floor = kModelFloor;
    before = by(calm, 1e-2).iterations;
  }
  Minimum minimum = by(options_, 1e-6);
  minimum.iterations += before;
  return minimum;
}

Fit Fitter::operator()(std::span<const float> counts) {
  require(counts.size() == mu_.size(), "fit: found ", counts.size(), " gates, wanted ", mu_.size());
  Fit fit;
  const double total = std::accumulate(counts.begin() + options_.first_gate,
                                       counts.begin() + options_.end_gate, 0.0);
  const std::size_t P = static_cast<std::size_t>(options_.unknowns.count());
  if (!(total >= static_cast<double>(P))) {
    std::fill(mu_.begin(), mu_.end(), 0.0);
    fit.parameters.tau_ns.fill(std::numeric_limits<double>::quiet_NaN());
    return fit;
  }
  DecayParameters start = best_start(counts);
  if (options_.unknowns.lifetimes)
    for (double& tau : start.tau_ns) tau = std::log(tau);
  // The expected variance of an empty gate would pin a background that starts at nothing.
  const double mean = total / static_cast<double>(end_ - first_);
  if (options_.unknowns.background) start.background = std::max(start.background, 0.01 * mean);
  VariableVector variables{};
  gather(start, options_.unknowns, variables);
  const std::span<double> x(variables.data(), P);
  const Bounds limits = bounds(total);
  for (std::size_t i = 0; i < P; ++i) x[i] = std::clamp(x[i], limits.low[i], limits.high[i]);

  const Minimum minimum = descend(counts, limits, x);
  fit.objective = minimum.objective;
  fit.iterations = minimum.iterations;
  fit.status = minimum.converged ? FitStatus::converged : FitStatus::not_converged;
  finish(counts, x, limits, fit);
  return fit;
}

}  // namespace taugate
