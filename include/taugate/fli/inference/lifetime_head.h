#pragma once
// Networks that answer with lifetimes and how sure they are of them, when the last gate has come: an encoder, and a head
// on its last state. Of each answer a the head gives y, the mean of what it may be, and d, the logarithm of its standard
// deviation, on scales that fit the +-2 of integers' outputs:
//
//     a = 2 y        of a = ln(amplitude-weighted lifetime / ns), ln(intensity-weighted lifetime / ns), and the
//                    amplitude of the short component (0..1)
//     ln s = 2 d - 3
//
// So s is a relative deviation for lifetimes: 68 % of the true ones lie within tau exp(+-s), where the network is
// calibrated. The fraction is that of two components, and means nothing where there is one.

#include <span>

#include "taugate/fli/physics/normalise.h"
#include "taugate/fli/physics/simulator.h"
#include "taugate/nn/model.h"
#include "taugate/nn/trainer.h"

namespace taugate {

struct LifetimeHead {
  static constexpr int kAnswers = 3, kOutputs = 2 * kAnswers;  ///< y of each, then d of each
  static constexpr float kScale = 2.0f, kLogOffset = -3.0f;
};

/// An answer with its standard deviation.
struct Estimated {
  float value = 0.0f, deviation = 0.0f;
};
/// What a network says of a trace.
struct LifetimeAnswer {
  Estimated amplitude_ns, intensity_ns;  ///< of the means (lifetime.h); deviation = lifetime * s
  Estimated fraction;                    ///< value within 0..1
};
/// From the head's [kOutputs].
LifetimeAnswer lifetime_answer(std::span<const float> output);

/// Simulated pixels with the answers wanted: target [1][kAnswers][B]; the fraction is NaN where there is one component.
/// With their SFDs beside, [kAnswers + T C][1][B]: the answers, then the SFD [T][C] (joint_loss.h).
class LifetimeTraces : public TrainingData {
 public:
  /// Pixels of the data set `seed` of `config`.
  LifetimeTraces(const SimulatorConfig& config, const Normalisation& normalisation,
                 std::uint64_t seed, bool decays = false);

  int steps() const override { return steps_; }
  int inputs() const override { return 1; }
  int outputs() const override { return decays_ ? 1 : LifetimeHead::kAnswers; }
  int target_steps() const override;
  std::string identity() const override;
  void fill(std::uint64_t first, Sequence<float> input, Sequence<float> target) const override;

 private:
  Simulator simulator_;
  Normalisation normalisation_;
  std::uint64_t seed_;
  int steps_;
  bool decays_;
};

/// beta_likelihood() of the head's output [1][kOutputs][B]; while validating the squared error of both lifetimes'
/// logarithms, so that its root is a relative error.
Var<float> lifetime_loss(Tape<float>& tape, Var<float> output, Sequence<float> target, double beta,
                         float scale);

/// A Seq2Seq that teaches such a network, on inputs with counts before the gates that it reads. The loss is
/// (1 - alpha) lifetime_loss() + alpha (squared error of both ln lifetimes against those of the teacher's SFD): the
/// deviations learn from the truth alone. A trace whose SFD has no lifetime is taught by the truth.
struct LifetimeTeacher {
  const Model& network;  ///< of whose outputs the first is the whole decay
  double gate_step_ns, alpha;

  Var<float> loss(Tape<float>& tape, Var<float> output, Sequence<float> input,
                  Sequence<float> target, double beta, float scale) const;
  /// The SFDs [T][C][B] that it makes of such inputs, and the loss above with these.
  Sequence<float> sfds(Tape<float>& tape, Sequence<float> input) const;
  Var<float> loss_by(Sequence<float> sfds, Tape<float>& tape, Var<float> output,
                     Sequence<float> target, double beta, float scale) const;
};

}  // namespace taugate
