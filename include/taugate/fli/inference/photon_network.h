#pragma once
// Networks that read a pixel's photons one by one, without a histogram, and answer after any of them with the lifetime
// and its standard deviation (as the system of Lin et al., Sci Rep 14:3286, 2024): an encoder with a head at every step, which reads
//
//     2 t / P - 1     t, when the photon arrived, in the laser period P, both on the clock of the training's gates
//     ln(n) / 12      n, how many photons there were so far, this one included
//
// Given n, the update gate z = sigmoid(ln n) makes a state the mean of what all photons so far have put to it: with a
// fixed rate of forgetting, precision would stop to grow after some photons. The network is started so.
//
// Its head gives y and d after each photon:
//
//     ln(tau / ns) = 2 y,      ln s = 2 d - ln(n) / 2,
//
// s being the relative standard deviation: d is what precision lacks beside that of n independent photons.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "taugate/fli/inference/lifetime_head.h"
#include "taugate/fli/physics/simulator.h"
#include "taugate/nn/model.h"
#include "taugate/nn/trainer.h"

namespace taugate {

struct PhotonNetwork {
  static constexpr int kInputs = 2, kOutputs = 2;
  static constexpr float kLogCounts = 12.0f;  ///< ln n is divided by it
  static constexpr float kScale = 2.0f;
};

/// What the step of photon n = 1, 2, .. reads; `share` of the period has passed when it arrives, 0..1.
std::array<float, PhotonNetwork::kInputs> photon_input(float share, std::uint64_t n);
/// From the head's [kOutputs] after n photons: the lifetime in ns.
Estimated photon_answer(std::span<const float> output, std::uint64_t n);

/// An encoder with that head; the configuration's gates are the photons that it is trained on, at most.
Network photon_network(Seq2SeqConfig config);
/// Random weights; but the first layer's update gates take the mean of all photons, and its candidates are soft thresholds
/// in time, between which equal shares of the photons of the prior `config` arrive.
void initialise_photon_network(Model& model, const SimulatorConfig& config, std::uint64_t seed);

/// Lists of `photons` simulated photons. The target is ln(tau / ns) of the amplitude-weighted lifetime after some of
/// them, and NaN after the others: the lengths that count are log-uniform, and the whole list is one.
class PhotonLists : public TrainingData {
 public:
  /// Of the data set `seed` of `config`, whose gates are the period. Error where they are not.
  PhotonLists(const SimulatorConfig& config, int photons, std::uint64_t seed);

  static constexpr int kLengths = 16;  ///< that count, of a list
  int steps() const override { return photons_; }
  int inputs() const override { return PhotonNetwork::kInputs; }
  int outputs() const override { return 1; }
  std::string identity() const override;
  void fill(std::uint64_t first, Sequence<float> input, Sequence<float> target) const override;
  /// The inputs alone, one list after the other: [count][photons][kInputs] from list 0 on.
  std::vector<float> rows(std::size_t count) const;

 private:
  float share_of(std::uint16_t gate) const;

  Simulator simulator_;
  int photons_;
  std::uint64_t seed_;
};

/// beta_likelihood() of the head's outputs [T][kOutputs][B] where the target [T][1][B] has a value. While validating:
/// the mean of n (error of ln tau)^2, so that its root is F = deviation / tau * sqrt(n).
Var<float> photon_loss(Tape<float>& tape, Var<float> output, Sequence<float> target, double beta,
                       float scale);

/// Error unless the gates are the whole laser period, within half of one.
void require_whole_period(const Acquisition& acquisition);

}  // namespace taugate
