#include "taugate/fli/estimation/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "taugate/core/error.h"
#include "taugate/core/parallel.h"

namespace taugate {
namespace {

constexpr std::size_t kTracesPerPart = 128;  // a thread's unit of work

}  // namespace

MeanStddev rmse_of_traces(const MeanStddev& rmse) {
  const double squared = rmse.mean * rmse.mean - rmse.deviation * rmse.deviation;
  return {std::sqrt(std::max(squared, 0.0)), rmse.deviation};
}

double dtw_distance(std::span<const float> a, std::span<const float> b, std::vector<double>& work) {
  require(!a.empty() && !b.empty(), "DTW: found an empty trace");
  // work[j] is the cost of the best path to (i, j):
  //   cost(i,j) = |a_i - b_j| + min(cost(i-1,j), cost(i,j-1), cost(i-1,j-1))
  work.assign(b.size(), std::numeric_limits<double>::infinity());
  double corner = 0.0;  // cost(i-1, j-1); only the very first cell starts from nothing
  for (const float value : a) {
    double left = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < b.size(); ++j) {
      const double above = work[j];
      // `left` last: it alone comes from the cell just before, so it bounds the loop's speed.
      const double earlier = std::min(above, corner);
      left = std::abs(static_cast<double>(value) - b[j]) + std::min(earlier, left);
      work[j] = left;
      corner = above;
    }
    corner = std::numeric_limits<double>::infinity();
  }
  return work.back();
}

MeanStddev MetricsSum::Sums::mean_stddev(double n) const {
  const double mean = x / n;
  return {mean, std::sqrt(std::max(x2 / n - mean * mean, 0.0))};
}

void MetricsSum::Part::add(const Part& other) {
  rmse.add(other.rmse);
  r2.add(other.r2);
  l2.add(other.l2);
  dtw.add(other.dtw);
  variation += other.variation;
}

MetricsSum::MetricsSum(int gates) : gates_(static_cast<std::size_t>(gates)) {
  require(gates >= 1, "metrics: found ", gates, " gates, wanted at least 1");
}

MetricsSum::Part MetricsSum::evaluate(const float* predicted, const float* truth,
                                      std::size_t traces, std::vector<double>& work) const {
  Part part;
  const double gates = static_cast<double>(gates_);
  for (std::size_t i = 0; i < traces; ++i, predicted += gates_, truth += gates_) {
    double mean = 0.0;
    for (std::size_t k = 0; k < gates_; ++k) mean += truth[k];
    mean /= gates;
    double error = 0.0, variation = 0.0;
    for (std::size_t k = 0; k < gates_; ++k) {
      const double e = static_cast<double>(predicted[k]) - truth[k], v = truth[k] - mean;
      error += e * e;
      variation += v * v;
    }
    part.variation += variation;
    part.rmse.add(std::sqrt(error / gates));
    part.r2.add(variation > 0.0 ? 1.0 - error / variation : (error == 0.0 ? 1.0 : 0.0));
    part.l2.add(std::sqrt(error));
    part.dtw.add(dtw_distance({predicted, gates_}, {truth, gates_}, work));
  }
  return part;
}

void MetricsSum::add(std::span<const float> predicted, std::span<const float> truth) {
  require(predicted.size() == truth.size() && truth.size() % gates_ == 0, "metrics: found ",
          predicted.size(), " predicted and ", truth.size(),
          " true values, wanted as many, and whole traces of ", gates_, " gates");
  const std::size_t traces = truth.size() / gates_;
  std::vector<Part> parts((traces + kTracesPerPart - 1) / kTracesPerPart);
  std::vector<std::vector<double>> work(static_cast<std::size_t>(thread_count()));
  parallel_for(parts.size(), [&](std::size_t item, int thread) {
    const std::size_t first = item * kTracesPerPart;
    parts[item] =
        evaluate(predicted.data() + first * gates_, truth.data() + first * gates_,
                 std::min(kTracesPerPart, traces - first), work[static_cast<std::size_t>(thread)]);
  });
  for (const Part& part : parts) total_.add(part);
  traces_ += traces;
}

Metrics MetricsSum::result() const {
  const double n = traces_ > 0 ? static_cast<double>(traces_) : std::nan("");
  Metrics m{traces_,
            total_.rmse.mean_stddev(n),
            total_.r2.mean_stddev(n),
            total_.l2.mean_stddev(n),
            total_.dtw.mean_stddev(n),
            std::nan("")};
  m.rmse.mean = std::sqrt(total_.rmse.x2 / n);  // a trace's squared RMSE is its mean squared error
  if (total_.variation > 0.0) m.pooled_r2 = 1.0 - total_.l2.x2 / total_.variation;
  return m;
}

}  // namespace taugate
