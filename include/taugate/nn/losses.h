#pragma once
// What training minimises. Each loss is a single number on the tape, so it is differentiated like
// any other operation; sequences are [T][C][B]. y: what the network gives, t: the truth.
//
//   mse      MSE(y, t)                      MSE(a, b) = mean over T, C and B of (a - b)^2
//   mixed    MSE(y, t) + MAE(y, t)          MAE(a, b) = mean over T, C and B of |a - b|
//   distillation   alpha MSE(y, teacher) + (1 - alpha) MSE(y, t) + beta MSE(P h, h_teacher)
//
// Sources. Distillation of outputs: Hinton, Vinyals & Dean, arXiv 1503.02531, for a regression; of
// features, through a learned projection: Romero et al., "FitNets", ICLR 2015. Erbas et al. (NeurIPS
// 2024 workshop) train their teacher with a "mixed loss function" and neither define it nor cite a
// source for it; of the paper whose network they take (Pandey et al., Opt. Lett. 49, 2024) only the
// abstract was at hand, which names no loss. So `mixed` is a guess: the squared and the absolute
// error with equal weights. The tables of this project are trained with `mse`.
//
// Every loss takes a `scale` in place of the mean: losses of slices of a batch add up to the
// batch's when each is scaled by 1 / (values in the whole batch's target).

#include <string>

#include "taugate/autograd/ops.h"

namespace taugate {

enum class Loss { mse, mixed };

std::string name_of(Loss loss);
Loss loss_named(const std::string& name);  ///< throws UsageError

template <class S>
S mean_scale(const Sequence<S>& target) {
  return S(1) / (S(target.steps) * target.features * target.batch);
}
template <class S>
Var<S> mean_squared_error(Tape<S>& tape, Var<S> y, Sequence<S> target) {
  return squared_error(tape, y, target, mean_scale(target));
}
/// scale * sum of (y - target)^2 + |y - target|; with mean_scale() it is `mixed`.
template <class S>
Var<S> mixed_error(Tape<S>& tape, Var<S> y, Sequence<S> target, S scale) {
  return add(tape, squared_error(tape, y, target, scale), absolute_error(tape, y, target, scale));
}
/// The loss of that name.
template <class S>
Var<S> error_of(Tape<S>& tape, Loss loss, Var<S> y, Sequence<S> target, S scale) {
  return loss == Loss::mixed ? mixed_error(tape, y, target, scale)
                             : squared_error(tape, y, target, scale);
}

struct DistillOptions {
  double alpha = 0.6;  ///< weight of the teacher's outputs against the truth's, 0..1
  double beta = 0.0;   ///< weight of the hidden features, 0 or more

  void validate() const;  ///< throws UsageError
};
/// Every field, as canonical JSON.
std::string to_json(const DistillOptions& options);

/// What the student is compared with, constants all: outputs [T][C][B], features [T][H][B].
template <class S>
struct DistilTargets {
  Sequence<S> truth, teacher, teacher_features;
};

/// The distillation loss. `projected` [T][H of the teacher][B] is P h, and unused where beta is 0.
/// The features' mean is over the teacher's units in place of C.
template <class S>
Var<S> distillation_error(Tape<S>& tape, const DistillOptions& options, Var<S> y, Var<S> projected,
                          const DistilTargets<S>& targets, S scale) {
  const auto alpha = static_cast<S>(options.alpha), beta = static_cast<S>(options.beta);
  Var<S> total = add(tape, squared_error(tape, y, targets.truth, (S(1) - alpha) * scale),
                     squared_error(tape, y, targets.teacher, alpha * scale));
  if (options.beta > 0.0) {
    const S per_unit = scale * static_cast<S>(y.features()) / static_cast<S>(projected.features());
    total =
        add(tape, total, squared_error(tape, projected, targets.teacher_features, beta * per_unit));
  }
  return total;
}

}  // namespace taugate
