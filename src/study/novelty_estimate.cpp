#include "taugate/study/novelty_estimate.h"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "taugate/core/parallel.h"
#include "taugate/study/scaled_traces.h"

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
constexpr double kFaintest = 1e4;  // photons whose noise hides the components that are left out

/// Six digits, as they go into the file: what is judged before and after is the same.
float six_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return std::strtof(text, nullptr);
}

template <class Values>
void append(std::vector<float>& to, const Values& values) {
  for (const double v : values) to.push_back(six_digits(v));
}

/// How much of a trace belongs to a knot: 1 at the knot, 0 at its neighbours.
double weight_of(std::size_t knot, double log_photons) {
  const double at = std::clamp((log_photons - kFirst) / kStep, 0.0, double{kKnots - 1});
  return std::max(0.0, 1.0 - std::abs(at - static_cast<double>(knot)));
}

/// Traces of the prior at all numbers of photons, and what the network makes of them.
struct Block {
  std::vector<float> input, shape, states, counts;  // [n][T] twice, [n][D], [n]
  std::vector<double> log_photons;                  // [n]
  std::size_t size() const { return counts.size(); }
};

class Source {
 public:
  explicit Source(const TraceModel& model)
      : model_(model), traces_(model.simulator), engine_(model.engine()) {}

  std::size_t state_units() const { return engine_->state_units(); }
  double counts_per_photon() const { return traces_.counts_per_photon(); }

  Block block(std::size_t first, std::size_t count) {
    const auto T = static_cast<std::size_t>(traces_.gates());
    Block all{std::vector<float>(count * T),
              std::vector<float>(count * T),
              {},
              std::vector<float>(count),
              {}};
    std::vector<char> lit(count);
    parallel_for((count + 255) / 256, [&](std::size_t part, int) {
      std::vector<double> shape(T);
      for (std::size_t i = part * 256; i < std::min(count, (part + 1) * 256); ++i) {
        Random random(kNoveltySeed + 1, first + i);
        const double photons =
            std::pow(10.0, random.uniform(kFirst - 0.5 * kStep, kLast + 0.5 * kStep));
        traces_.shape(kNoveltySeed, first + i, {}, shape);
        const std::span input(&all.input[i * T], T), noise_free(&all.shape[i * T], T);
        traces_.detect(shape, photons, random, input);
        std::copy(shape.begin(), shape.end(), noise_free.begin());
        for (const float c : input) all.counts[i] += c;
        lit[i] = normalise(model_.normalisation, noise_free, noise_free) &&
                 normalise(model_.normalisation, input, input);
      }
    });
    keep(all, lit, T);
    all.states.resize(all.size() * state_units());
    std::vector<float> sfd(all.input.size() * static_cast<std::size_t>(model_.outputs()));
    if (all.size() > 0) engine_->run(all.input, sfd, all.states);
    return all;
  }

 private:
  void keep(Block& all, const std::vector<char>& lit, std::size_t T) const {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < lit.size(); ++i) {
      if (!lit[i]) continue;
      std::copy_n(&all.input[i * T], T, &all.input[kept * T]);
      std::copy_n(&all.shape[i * T], T, &all.shape[kept * T]);
      all.counts[kept++] = all.counts[i];
    }
    all.input.resize(kept * T);
    all.shape.resize(kept * T);
    all.counts.resize(kept);
    for (const float c : all.counts)
      all.log_photons.push_back(std::log10(double{c} / counts_per_photon()));
  }

  const TraceModel& model_;
  ScaledTraces traces_;
  std::unique_ptr<TraceEngine> engine_;
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
  for (Eigen::Index k = 0; k < x.cols(); ++k) {
    const auto& [trace, weight] = own[static_cast<std::size_t>(k)];
    weights[k] = weight;
    for (Eigen::Index u = 0; u < x.rows(); ++u)
      x(u, k) = block.states[trace * D + static_cast<std::size_t>(u)];
  }
  moments.add(x, weights);
}

/// The nearest knot that enough traces belong to: a detector may not reach all numbers of photons.
std::size_t filled(const std::vector<double>& weights, std::size_t knot, double enough) {
  for (std::size_t away = 0; away < kKnots; ++away) {
    if (knot >= away && weights[knot - away] >= enough) return knot - away;
    if (knot + away < kKnots && weights[knot + away] >= enough) return knot + away;
  }
  fail("[novelty] found too few traces with light for their statistics, wanted ", enough,
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
  const Matrix64& W = both.eigenvectors();
  for (Eigen::Index u = 0; u < D; ++u) append(n.transform, W.row(u));
  for (std::size_t k = 0; k < kKnots; ++k) {
    append(n.mean, W.transpose() * of(k).mean());
    append(n.precision, (W.transpose() * ridged(k) * W).diagonal().cwiseInverse());
  }
}

/// The main components of noise-free inputs: those that noise of kFaintest photons does not hide.
void set_components(const Moments& shapes, Novelty& n) {
  const Eigen::SelfAdjointEigenSolver<Matrix64> solver(shapes.covariance());
  const Eigen::Index G = shapes.sum.size();
  Eigen::Index P = 1;
  while (P < G / 2 && solver.eigenvalues()[G - 1 - P] > 0.25 / kFaintest) ++P;
  append(n.input_mean, shapes.mean());
  append(n.component_variance, solver.eigenvalues().tail(P));
  for (Eigen::Index j = 0; j < G; ++j)
    append(n.components, solver.eigenvectors().rightCols(P).row(j));
}

struct Judged {
  double log_photons, state, input;
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

/// ln of positive values, to be interpolated.
std::vector<float> logs(const std::vector<double>& values) {
  std::vector<float> result;
  for (const double v : values) result.push_back(six_digits(std::log(std::max(v, 1e-30))));
  return result;
}

/// Half of the false alarms to each test, then both moved until together they make all of them.
void set_limits(std::vector<Judged> judged, Novelty& n) {
  const double half = 0.5 * Novelty::kFalseAlarms;
  n.log_state_limit = logs(upper_quantiles(judged, half, [](const auto& j) { return j.state; }));
  n.log_input_limit = logs(upper_quantiles(judged, half, [](const auto& j) { return j.input; }));
  for (Judged& j : judged)
    for (std::size_t k = 0; k < kKnots; ++k) {
      j.state *= std::exp(-weight_of(k, j.log_photons) * n.log_state_limit[k]);
      j.input *= std::exp(-weight_of(k, j.log_photons) * n.log_input_limit[k]);
    }
  const std::vector<float> moves = logs(upper_quantiles(
      judged, Novelty::kFalseAlarms, [](const auto& j) { return std::max(j.state, j.input); }));
  for (std::size_t k = 0; k < kKnots; ++k) {
    n.log_state_limit[k] = six_digits(double{n.log_state_limit[k]} + moves[k]);
    n.log_input_limit[k] = six_digits(double{n.log_input_limit[k]} + moves[k]);
  }
}

}  // namespace

std::optional<Novelty> estimate_novelty(const TraceModel& model, const NoveltyOptions& options) {
  Source source(model);
  const std::size_t D = source.state_units();
  Novelty n;
  n.gates = model.gates();
  n.group = (n.gates + kMostGates - 1) / kMostGates;
  n.counts_per_photon = source.counts_per_photon();
  for (std::size_t k = 0; k < kKnots; ++k)
    n.log_photons.push_back(kFirst + kStep * static_cast<double>(k));
  const auto T = static_cast<std::size_t>(n.gates), G = (T + n.group - 1) / n.group;
  const auto go = [&] { return !options.keep_going || options.keep_going(); };

  const std::size_t for_moments = options.traces / 3;
  std::vector<Moments> states(kKnots, Moments(D));
  Moments shapes(G);
  std::vector<float> u(G);
  for (std::size_t first = 0; first < for_moments; first += kBlock) {
    if (!go()) return {};
    const Block block = source.block(first, std::min(kBlock, for_moments - first));
    parallel_for(kKnots + 1, [&](std::size_t knot, int) {
      if (knot < kKnots) return add_states(block, knot, D, states[knot]);
      Matrix64 x(static_cast<Eigen::Index>(G), static_cast<Eigen::Index>(block.size()));
      for (std::size_t i = 0; i < block.size(); ++i) {
        n.shape({&block.shape[i * T], T}, u);
        for (std::size_t j = 0; j < G; ++j)
          x(static_cast<Eigen::Index>(j), static_cast<Eigen::Index>(i)) = u[j];
      }
      shapes.add(x, Vector64::Ones(x.cols()));
    });
  }
  set_states(states, n);
  set_components(shapes, n);

  // Limits of 1 until they are known: then ratios() gives the squares themselves.
  n.log_state_limit.assign(kKnots, 0.0f);
  n.log_input_limit.assign(kKnots, 0.0f);
  std::vector<Judged> judged;
  const auto judge = [&](const Block& block) {
    const std::size_t start = judged.size();
    judged.resize(start + block.size());
    parallel_for((block.size() + 255) / 256, [&](std::size_t part, int) {
      std::vector<float> scratch;
      for (std::size_t i = part * 256; i < std::min(block.size(), (part + 1) * 256); ++i) {
        const auto r =
            n.ratios(block.counts[i], {&block.input[i * T], T}, {&block.states[i * D], D}, scratch);
        judged[start + i] = {block.log_photons[i], r.state, r.input};
      }
    });
  };
  for (std::size_t first = for_moments; first < options.traces; first += kBlock) {
    if (!go()) return {};
    judge(source.block(first, std::min(kBlock, options.traces - first)));
  }
  set_limits(std::move(judged), n);
  return n;
}

}  // namespace taugate
