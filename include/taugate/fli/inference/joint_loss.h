#pragma once
// What a Seq2Seq learns from that has a lifetime head on its encoder's last state (lifetime_head.h) beside its own:
//
//   mean of lifetime_loss() over the answers + kDecayWeight * mean squared error of the SFD
//
// The squared errors are small beside a likelihood, so that without a weight the decoder would hardly learn. The input
// begins with the counts, so the decoder has a step more than the SFD: its first one, which does not count.

#include "taugate/fli/inference/lifetime_head.h"

namespace taugate {

inline constexpr float kDecayWeight = 100.0f;

/// Of the outputs [T+1][C][B] and [1][LifetimeHead::kOutputs][B] for an input [T+1][1][B], against a target of
/// LifetimeTraces with decays; `scale`: 1 / values of the whole batch's target. A teacher's decays, if there is one,
/// teach the SFD with weight alpha, and the lifetimes as LifetimeTeacher says. While validating: the squared errors of
/// both lifetimes' logarithms and of the SFD, added up.
Var<float> joint_loss(Tape<float>& tape, const NetworkOutput<float>& y, Sequence<float> input,
                      Sequence<float> target, double beta, float scale,
                      const LifetimeTeacher* teacher = nullptr);

}  // namespace taugate
