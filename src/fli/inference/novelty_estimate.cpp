#include "taugate/fli/inference/novelty_estimate.h"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <utility>

#include "core/eigen_view.h"
#include "fli/inference/scaled_traces.h"
#include "fli/inference/stored_statistics.h"
#include "taugate/core/parallel.h"

namespace taugate {
namespace {

using Matrix64 = Eigen::MatrixXd;
using Vector64 = Eigen::VectorXd;

constexpr std::size_t kBlock = 4096;                      // traces held at a time
constexpr double kFirst = 1.0, kLast = 5.5, kStep = 0.5;  // of log10 N
constexpr std::size_t kKnots = static_cast<std::size_t>((kLast - kFirst) / kStep) + 1;
constexpr std::size_t kLow = 4, kHigh = 7;  // 10^3 and 10^4.5: where the covariances are diagonal
constexpr double kRidge = 1e-5;             // of the mean variance: units that never move
constexpr int kMostGates = 256;             // of the input's test; more are added up in groups
constexpr double kFaintest = 2e3;  // photons whose noise hides the components that are left out
constexpr std::size_t kShapes = 40'000;  // noise-free inputs of training, and as many beyond
constexpr std::size_t kGroups = 32;  // Gaussians for the inputs of training, twice as many beyond

/// How much of a trace belongs to a knot: 1 at the knot, 0 at its neighbours.
double weight_of(std::size_t knot, double log_photons) {
  const double at = std::clamp((log_photons - kFirst) / kStep, 0.0, double{kKnots - 1});
  return std::max(0.0, 1.0 - std::abs(at - static_cast<double>(knot)));
}

/// Traces of the prior at all numbers of photons, and what the network makes of them.
struct Block {
  std::vector<float> input, states, counts;  // [n][I], I = input_size(); [n][D], [n]
  std::vector<double> log_photons;           // [n]
  std::size_t size() const { return counts.size(); }
};

class Source {
 public:
  explicit Source(const TraceModel& model)
      : model_(model), traces_(model.simulator), executor_(model.executor()) {}

  std::size_t state_units() const { return executor_->state_units(); }
  double counts_per_photon() const { return traces_.counts_per_photon(); }

  Block block(std::size_t first, std::size_t count) {
    const auto T = static_cast<std::size_t>(traces_.gates()), I = model_.input_size();
    Block all{std::vector<float>(count * I), {}, std::vector<float>(count), {}};
    std::vector<char> has_counts(count);
    parallel_for((count + 255) / 256, [&](std::size_t part, int) {
      std::vector<double> shape(T);
      for (std::size_t i = part * 256; i < std::min(count, (part + 1) * 256); ++i) {
        Random random(kNoveltySeed + 1, first + i);
        const double photons =
            std::pow(10.0, random.uniform(kFirst - 0.5 * kStep, kLast + 0.5 * kStep));
        const std::span input(&all.input[i * I], I), counts = gates_of(model_.normalisation, input);
        traces_.shape(kNoveltySeed, first + i, {}, shape, irf_of(model_.normalisation, input));
        traces_.detect(shape, photons, random, counts);
        for (const float c : counts) all.counts[i] += c;
        has_counts[i] = normalise(model_.normalisation, counts, input);
      }
    });
    keep(all, has_counts, I);
    all.states.resize(all.size() * state_units());
    std::vector<float> output(all.size() * model_.description().output_size());
    if (all.size() > 0)
      executor_->run(scratch_, all.input, output, TraceOrder::by_trace, all.states);
    return all;
  }

 private:
  void keep(Block& all, const std::vector<char>& has_counts, std::size_t I) const {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < has_counts.size(); ++i) {
      if (!has_counts[i]) continue;
      std::copy_n(&all.input[i * I], I, &all.input[kept * I]);
      all.counts[kept++] = all.counts[i];
    }
    all.input.resize(kept * I);
    all.counts.resize(kept);
    for (const float c : all.counts)
      all.log_photons.push_back(std::log10(double{c} / counts_per_photon()));
  }

  const TraceModel& model_;
  ScaledTraces traces_;
  std::unique_ptr<Executor> executor_;
  ThreadScratch scratch_;
};

/// Weighted mean and covariance of vectors that come in blocks.
struct Moments {
  double weight = 0.0;
  Vector64 sum;
  Matrix64 products;

  explicit Moments(std::size_t size)
      : sum(Vector64::Zero(static_cast<Eigen::Index>(size))),
        products(Matrix64::Zero(static_cast<Eigen::Index>(size), static_cast<Eigen::Index>(size))) {
  }
  /// Columns of `x`, each with its weight.
  void add(const Matrix64& x, const Vector64& weights) {
    weight += weights.sum();
    sum += x * weights;
    products.noalias() += (x * weights.asDiagonal()) * x.transpose();
  }
  Vector64 mean() const { return sum / weight; }
  Matrix64 covariance() const { return products / weight - mean() * mean().transpose(); }
};

/// The states of a block that belong to a knot.
void add_states(const Block& block, std::size_t knot, std::size_t D, Moments& moments) {
  std::vector<std::pair<std::size_t, double>> own;
  for (std::size_t i = 0; i < block.size(); ++i)
    if (const double w = weight_of(knot, block.log_photons[i]); w > 0.0) own.emplace_back(i, w);
  Matrix64 x(static_cast<Eigen::Index>(D), static_cast<Eigen::Index>(own.size()));
  Vector64 weights(x.cols());
  const auto states = as_eigen(Matrix<const float>{
      block.states.data(), static_cast<int>(block.size()), static_cast<int>(D)});
  for (Eigen::Index k = 0; k < x.cols(); ++k) {
    const auto& [trace, weight] = own[static_cast<std::size_t>(k)];
    weights[k] = weight;
    x.col(k) = states.row(static_cast<Eigen::Index>(trace)).cast<double>();
  }
  moments.add(x, weights);
}

/// The nearest knot that enough traces belong to: a detector may not reach all numbers of photons.
std::size_t filled(const std::vector<double>& weights, std::size_t knot, double enough) {
  for (std::size_t away = 0; away < kKnots; ++away) {
    if (knot >= away && weights[knot - away] >= enough) return knot - away;
    if (knot + away < kKnots && weights[knot + away] >= enough) return knot + away;
  }
  fail("[novelty] found too few traces with counts for their statistics, wanted ", enough,
       " around some number of photons");
}

/// W, and the mean and 1 / variance of z = W^T h at every knot.
void set_states(const std::vector<Moments>& moments, Novelty& n) {
  const Eigen::Index D = moments[0].sum.size();
  std::vector<double> weights;
  for (const Moments& m : moments) weights.push_back(m.weight);
  const auto of = [&](std::size_t knot) -> const Moments& {
    return moments[filled(weights, knot, 2.0 * static_cast<double>(D))];
  };
  const auto ridged = [&](std::size_t knot) {
    Matrix64 c = of(knot).covariance();
    c.diagonal().array() += kRidge * c.trace() / static_cast<double>(D) + 1e-12;
    return c;
  };
  const Eigen::GeneralizedSelfAdjointEigenSolver<Matrix64> both(ridged(kHigh), ridged(kLow));
  require(both.info() == Eigen::Success,
          "[novelty] found states whose covariance cannot be diagonalised");
  for (Eigen::Index u = 0; u < D; ++u) append_halves(n.transform, both.eigenvectors().row(u));
  // As it is stored: rounding moves what it makes of a state, all states alike.
  const Matrix64 W =
      as_eigen(Matrix<const float>{n.transform.data(), static_cast<int>(D), static_cast<int>(D)})
          .cast<double>();
  for (std::size_t k = 0; k < kKnots; ++k) {
    append_floats(n.mean, W.transpose() * of(k).mean());
    append_floats(n.precision, (W.transpose() * ridged(k) * W).diagonal().cwiseInverse());
  }
}

/// u [n][G] of `count` noise-free traces, in turn from each of the priors.
std::vector<float> noise_free(const TraceModel& model, const std::vector<SimulatorConfig>& priors,
                              std::size_t count, const Novelty& n) {
  const std::vector<ScaledTraces> sources(priors.begin(), priors.end());
  const auto T = static_cast<std::size_t>(n.gates), G = n.gate_groups();
  std::vector<float> u(count * G);
  std::vector<char> has_counts(count);
  parallel_for((count + 255) / 256, [&](std::size_t part, int) {
    std::vector<double> shape(T);
    std::vector<float> input(model.input_size());
    const std::span gates = gates_of(model.normalisation, std::span(input));
    for (std::size_t i = part * 256; i < std::min(count, (part + 1) * 256); ++i) {
      sources[i % sources.size()].shape(kNoveltySeed, i, {}, shape);
      std::copy(shape.begin(), shape.end(), gates.begin());
      has_counts[i] = normalise(model.normalisation, gates, input);
      if (has_counts[i]) n.shape(gates, {&u[i * G], G});
    }
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i)
    if (has_counts[i]) std::copy_n(&u[i * G], G, &u[kept++ * G]);
  u.resize(kept * G);
  return u;
}

/// The main components of noise-free inputs u [n][G], those that noise of kFaintest photons does
/// not hide, and where in them the inputs of training lie, and those beyond. False where stopped.
template <class Go>
bool set_inputs(const TraceModel& model, std::size_t count, const Go& go, Novelty& n) {
  const auto G = static_cast<Eigen::Index>(n.gate_groups());
  const std::vector<float> within = noise_free(model, {model.simulator}, count, n),
                           outside = noise_free(model, beyond_prior(model.simulator), count, n);
  Moments moments(n.gate_groups());
  // Columns of a block of u, at most.
  const auto matrix = [&](std::span<const float> u) -> Matrix64 {
    const auto columns = static_cast<Eigen::Index>(std::min(u.size() / n.gate_groups(), kBlock));
    return Eigen::Map<const Eigen::MatrixXf>(u.data(), G, columns).cast<double>();
  };
  for (const auto* u : {&within, &outside})
    for (std::size_t first = 0; first < u->size(); first += kBlock * n.gate_groups()) {
      if (!go()) return false;
      const Matrix64 x = matrix(std::span(*u).subspan(first));
      moments.add(x, Vector64::Ones(x.cols()));
    }
  const Eigen::SelfAdjointEigenSolver<Matrix64> solver(moments.covariance());
  Eigen::Index P = 1;
  while (P < G / 2 && solver.eigenvalues()[G - 1 - P] > 0.25 / kFaintest) ++P;
  const Matrix64 V = solver.eigenvectors().rightCols(P);
  append_halves(n.input_mean, moments.mean());
  for (Eigen::Index j = 0; j < G; ++j) append_halves(n.components, V.row(j));
  const auto mixture = [&](const std::vector<float>& u, std::size_t groups) {
    std::vector<float> a;
    for (std::size_t first = 0; first < u.size(); first += kBlock * n.gate_groups()) {
      const Matrix64 x = matrix(std::span(u).subspan(first));
      const Eigen::MatrixXf part = (V.transpose() * (x.colwise() - moments.mean())).cast<float>();
      a.insert(a.end(), part.data(), part.data() + part.size());
    }
    return ShapeMixture::fit(a, static_cast<std::size_t>(P), groups);
  };
  n.training = mixture(within, kGroups);
  n.beyond = mixture(outside, 2 * kGroups);
  return go();
}

struct Judged {
  double log_photons;
  std::array<double, Novelty::kTests> excess;
};

/// The value that `share` of the traces around each knot are beyond.
template <class Value>
std::vector<double> upper_quantiles(const std::vector<Judged>& judged, double share, Value value) {
  std::vector<double> weights(kKnots), limits(kKnots);
  for (std::size_t k = 0; k < kKnots; ++k) {
    std::vector<std::pair<double, double>> own;
    for (const Judged& j : judged)
      if (const double w = weight_of(k, j.log_photons); w > 0.0) {
        own.emplace_back(value(j), w);
        weights[k] += w;
      }
    std::sort(own.begin(), own.end(), std::greater<>());
    double beyond = 0.0;
    for (const auto& [at, weight] : own) {
      limits[k] = at;
      if ((beyond += weight) > share * weights[k]) break;
    }
  }
  std::vector<double> result;
  for (std::size_t k = 0; k < kKnots; ++k) result.push_back(limits[filled(weights, k, 100.0)]);
  return result;
}

/// An equal share of the false alarms to each test, then all moved until together they make all of
/// them. `judged` against limits of 0.
void set_limits(std::vector<Judged> judged, Novelty& n) {
  for (std::size_t test = 0; test < Novelty::kTests; ++test) {
    const std::vector<double> limits =
        upper_quantiles(judged, Novelty::kFalseAlarms / Novelty::kTests,
                        [&](const Judged& j) { return j.excess[test]; });
    n.limits[test].clear();
    append_floats(n.limits[test], limits);
    for (Judged& j : judged)
      for (std::size_t k = 0; k < kKnots; ++k)
        j.excess[test] -= weight_of(k, j.log_photons) * n.limits[test][k];
  }
  const std::vector<double> moves =
      upper_quantiles(judged, Novelty::kFalseAlarms,
                      [](const Judged& j) { return *std::ranges::max_element(j.excess); });
  for (auto& limits : n.limits)
    for (std::size_t k = 0; k < kKnots; ++k) limits[k] += static_cast<float>(moves[k]);
}

}  // namespace

bool possible(const SimulatorConfig& prior) {
  try {
    validate(prior);
    return true;
  } catch (const UsageError&) {  // an IRF longer than the period, say
    return false;
  }
}

std::vector<SimulatorConfig> beyond_prior(const SimulatorConfig& prior) {
  std::vector<SimulatorConfig> priors;
  const auto add = [&](auto&& change) {
    SimulatorConfig other = prior;
    change(other);
    if (possible(other)) priors.push_back(std::move(other));
  };
  const auto above = [](const Range& r, double by) { return Range{r.high, r.high + by}; };
  const DecayPrior& decay = prior.decay;
  const double shortest = std::min(decay.tau1_ns.low, decay.tau2_ns.low),
               longest = std::max(decay.tau1_ns.high, decay.tau2_ns.high);
  for (const Range& tau : {Range{0.25 * shortest, shortest}, Range{longest, 4.0 * longest}})
    add([&](SimulatorConfig& c) {
      c.decay = {.tau1_ns = tau, .tau2_ns = tau, .mono_probability = 1.0, .log_uniform = true};
    });
  add([&](SimulatorConfig& c) {
    const double most =
        prior.background_fraction.high + prior.background_counts.high / prior.peak_counts.low;
    c.background_counts = {};
    if (prior.background_share.high > 0.0) {
      c.background_share = above(prior.background_share, 0.3);
      c.background_share.high = std::min(c.background_share.high, 0.95);
      c.background_probability = 1.0;
      return;
    }
    c.background_fraction = {most, 2.0 * most + 0.05};
  });
  add([&](SimulatorConfig& c) { c.scatter = above(prior.scatter, 0.4); });
  add([&](SimulatorConfig& c) {
    c.decay.rise_ns = {std::max(prior.decay.rise_ns.low, 0.5 * shortest),
                       std::max(prior.decay.rise_ns.high, 2.0 * shortest)};
    c.decay.rise_amplitude = above(prior.decay.rise_amplitude, 0.4);
  });
  const IrfPrior& irf = prior.irf;
  const double reach =
      std::max(irf.delay_ns.high - irf.delay_ns.low, 4.0 * prior.acquisition.gate_step_ns);
  add([&](SimulatorConfig& c) { c.irf.delay_ns = above(irf.delay_ns, reach); });
  add([&](SimulatorConfig& c) { c.irf.delay_ns = {irf.delay_ns.low - reach, irf.delay_ns.low}; });
  add([&](SimulatorConfig& c) {
    Range& width = irf.measured ? c.irf.stretch : c.irf.fwhm_ns;
    width = above(width, 1.5 * width.high);
  });
  return priors;
}

std::optional<Novelty> estimate_novelty(const TraceModel& model, const NoveltyOptions& options) {
  Source source(model);
  const std::size_t D = source.state_units();
  Novelty n;
  n.gates = model.gates();
  n.group = (n.gates + kMostGates - 1) / kMostGates;
  n.counts_per_photon = source.counts_per_photon();
  for (std::size_t k = 0; k < kKnots; ++k)
    n.log_photons.push_back(kFirst + kStep * static_cast<double>(k));
  const std::size_t I = model.input_size();
  const auto go = [&] { return !options.keep_going || options.keep_going(); };

  // At least four traces a unit and knot for the covariances, and as many for the limits.
  const std::size_t least = 4 * D * kKnots, traces = std::max(options.traces, 2 * least),
                    for_moments = std::max(traces / 6, least);
  std::vector<Moments> states(kKnots, Moments(D));
  for (std::size_t first = 0; first < for_moments; first += kBlock) {
    if (!go()) return {};
    const Block block = source.block(first, std::min(kBlock, for_moments - first));
    parallel_for(kKnots, [&](std::size_t knot, int) { add_states(block, knot, D, states[knot]); });
  }
  set_states(states, n);
  if (!set_inputs(model, std::min(for_moments, kShapes), go, n)) return {};

  for (auto& limits : n.limits) limits.assign(kKnots, 0.0f);  // until they are known
  std::vector<Judged> judged;
  const auto judge = [&](const Block& block) {
    const std::size_t start = judged.size();
    judged.resize(start + block.size());
    parallel_for((block.size() + 255) / 256, [&](std::size_t part, int) {
      std::vector<float> scratch;
      for (std::size_t i = part * 256; i < std::min(block.size(), (part + 1) * 256); ++i) {
        const std::span<const float> input(&block.input[i * I], I);
        const auto scores = n.scores(block.counts[i], gates_of(model.normalisation, input),
                                     {&block.states[i * D], D}, scratch);
        judged[start + i] = {block.log_photons[i], scores.excess};
      }
    });
  };
  for (std::size_t first = for_moments; first < traces; first += kBlock) {
    if (!go()) return {};
    judge(source.block(first, std::min(kBlock, traces - first)));
  }
  set_limits(std::move(judged), n);
  return n;
}

}  // namespace taugate
