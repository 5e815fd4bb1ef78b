#pragma once
// How well predicted SFDs agree with the true ones. Over N traces of T gates, p predicted and s
// true:
//
//   RMSE  sqrt( mean of (p-s)^2 over all traces and gates )         pooled
//   R^2   1 - sum_k (p-s)^2 / sum_k (s - mean s)^2                  per trace, averaged
//   pooled R^2  1 - sum (p-s)^2 / sum (s - mean_k s)^2 over all traces and gates: the one for a
//         component that some traces hardly have, where R^2 of a trace falls without bound
//   L2    sqrt( sum_k (p-s)^2 )                                     per trace, averaged
//   DTW   dynamic time warping distance: the least sum of |p_i - s_j| along a path from (0,0) to
//         (T-1,T-1) by steps (1,0), (0,1), (1,1); no window         per trace, averaged
//
// Beside each stands its standard deviation over the traces (RMSE's: of the traces' own RMSEs).

#include <cstddef>
#include <span>
#include <vector>

namespace taugate {

struct MeanStddev {
  double mean = 0.0;
  double deviation = 0.0;  ///< standard deviation over traces (divisor N)
};

struct Metrics {
  std::size_t traces = 0;
  MeanStddev rmse, r2, l2,
      dtw;                 ///< rmse.mean is the pooled RMSE; all NaN where there are no traces
  double pooled_r2 = 0.0;  ///< NaN also where every true trace is constant
};

/// The mean of the traces' own RMSEs and their deviation, from Metrics::rmse:
/// pooled^2 = mean^2 + deviation^2.
MeanStddev rmse_of_traces(const MeanStddev& rmse);

/// Exact DTW distance of two traces of any lengths >= 1. `work` is resized to b.size().
double dtw_distance(std::span<const float> a, std::span<const float> b, std::vector<double>& work);

/// Sums the metrics batch by batch. The result depends on how the traces were cut into batches only
/// in the last bits, and on the number of threads not at all.
class MetricsSum {
 public:
  explicit MetricsSum(int gates);

  /// predicted, truth [traces][T] row-major. A true trace that is constant has no R^2; it counts as
  /// 1 if predicted exactly and else as 0. Throws Error where the sizes do not fit.
  void add(std::span<const float> predicted, std::span<const float> truth);

  Metrics result() const;

 private:
  struct Sums {  // of x and x^2
    double x = 0.0, x2 = 0.0;
    void add(double value) { x += value, x2 += value * value; }
    void add(const Sums& other) { x += other.x, x2 += other.x2; }
    MeanStddev mean_stddev(double n) const;
  };
  struct Part {
    Sums rmse, r2, l2, dtw;
    double variation = 0.0;  ///< of the true traces about their own means
    void add(const Part& other);
  };
  Part evaluate(const float* predicted, const float* truth, std::size_t traces,
                std::vector<double>& work) const;

  std::size_t gates_;
  std::size_t traces_ = 0;
  Part total_;
};

}  // namespace taugate
