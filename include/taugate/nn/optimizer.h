#pragma once
// Adam with gradient-norm clipping, and learning-rate schedules.

#include <string>

#include "taugate/nn/parameters.h"

namespace taugate {

struct AdamOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double clip_norm = 1.0;  ///< gradients longer than this are scaled down to it; 0: never
};

/// Kingma & Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1. Its moments are
/// blocks of the parameters' layout, so saving them resumes it exactly.
class AdamOptimizer {
 public:
  explicit AdamOptimizer(std::size_t size, AdamOptions options = {})
      : options_(options), mean_(size), square_(size) {}

  /// One step on `values` against `gradients`; both parameters.size() long. Returns the gradient's
  /// norm before clipping. A norm that is not finite throws Error and changes nothing.
  double step(float* values, const float* gradients, double learning_rate);

  std::uint64_t steps() const { return steps_; }
  Buffer<float>& mean() { return mean_; }
  const Buffer<float>& mean() const { return mean_; }
  Buffer<float>& square() { return square_; }
  const Buffer<float>& square() const { return square_; }
  void set_steps(std::uint64_t steps) { steps_ = steps; }

 private:
  AdamOptions options_;
  Buffer<float> mean_, square_;
  std::uint64_t steps_ = 0;
};

/// The learning rate as a function of how far training is.
struct Schedule {
  enum class Kind {
    constant,
    cosine,  ///< linear warm-up, then half a cosine down to `floor` times the rate
    plateau  ///< linear warm-up, then halved after every two validations without a new best
  };
  Kind kind = Kind::cosine;
  double rate = 5e-3;
  double warm_up = 0.02;  ///< share of the run
  double floor = 0.01;    ///< where the cosine ends, as a share of the rate

  /// `progress` in [0, 1]; `halvings` counts those of the plateau schedule.
  double at(double progress, int halvings) const;
};

std::string name_of(Schedule::Kind kind);
Schedule::Kind schedule_kind(const std::string& name);  ///< throws UsageError

}  // namespace taugate
