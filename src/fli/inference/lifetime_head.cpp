#include "taugate/fli/inference/lifetime_head.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/hash.h"
#include "taugate/fli/estimation/lifetime.h"
#include "taugate/fli/physics/normalise.h"

namespace taugate {
namespace {

constexpr int kAnswers = LifetimeHead::kAnswers;
constexpr int kLifetimes = 2;  // of the answers, the first

}  // namespace

LifetimeAnswer lifetime_answer(std::span<const float> output) {
  require(output.size() == LifetimeHead::kOutputs, "lifetime head: found ", output.size(),
          " outputs, wanted ", LifetimeHead::kOutputs);
  const auto answer = [&](int of) {
    const auto a = static_cast<std::size_t>(of);
    const float ln_s = LifetimeHead::kScale * output[a + kAnswers] + LifetimeHead::kLogOffset;
    return Estimated{LifetimeHead::kScale * output[a],
                     std::exp(std::clamp(ln_s, static_cast<float>(kLogDeviations[0]),
                                         static_cast<float>(kLogDeviations[1])))};
  };
  const auto lifetime = [&](int of) {
    const Estimated log = answer(of);
    const float tau = std::exp(log.value);
    return Estimated{tau, tau * log.deviation};
  };
  const Estimated fraction = answer(2);
  return {lifetime(0), lifetime(1), {std::clamp(fraction.value, 0.0f, 1.0f), fraction.deviation}};
}

LifetimeTraces::LifetimeTraces(const SimulatorConfig& config, const Normalisation& normalisation,
                               std::uint64_t seed, bool decays)
    : simulator_(config),
      normalisation_(normalisation),
      seed_(seed),
      steps_(static_cast<int>(
          input_size(normalisation, static_cast<std::size_t>(simulator_.gates())))),
      decays_(decays) {
  taugate::validate(normalisation, simulator_.gates());
}

int LifetimeTraces::target_steps() const {
  return decays_ ? kAnswers + simulator_.gates() * simulator_.channels() : 1;
}

std::string LifetimeTraces::identity() const {
  return concat(decays_ ? "lifetimes and decays, seed " : "lifetimes, seed ", seed_, ", prior ",
                fnv1a(to_json(simulator_.config()) + to_json(normalisation_)));
}

void LifetimeTraces::fill(std::uint64_t first, Sequence<float> input,
                          Sequence<float> target) const {
  thread_local std::vector<float> row,
      sfd;  // kept by each thread, so that a step allocates nothing
  row.resize(static_cast<std::size_t>(steps_));
  sfd.resize(decays_ ? static_cast<std::size_t>(target_steps() - kAnswers) : 0);
  const std::span<float> all(row);
  Sample pixel{gates_of(normalisation_, all), sfd, {}, irf_of(normalisation_, all)};
  const auto answer = [&](int a, int b) -> float& {
    return decays_ ? target.at(a, 0, b) : target.at(0, a, b);
  };
  for (int b = 0; b < input.batch; ++b) {
    simulator_.sample(seed_, first + static_cast<std::uint64_t>(b), pixel);
    normalise(normalisation_, pixel.counts, row);
    for (int t = 0; t < steps_; ++t) input.at(t, 0, b) = row[static_cast<std::size_t>(t)];
    const Decay& decay = pixel.truth.decay;
    const Lifetimes means = mean_lifetimes(decay);
    answer(0, b) = static_cast<float>(std::log(means.amplitude_ns));
    answer(1, b) = static_cast<float>(std::log(means.intensity_ns));
    answer(2, b) = decay.tau1_ns == decay.tau2_ns ? std::numeric_limits<float>::quiet_NaN()
                                                  : static_cast<float>(decay.fraction);
    for (std::size_t i = 0; i < sfd.size(); ++i)
      target.at(kAnswers + static_cast<int>(i), 0, b) = sfd[i];
  }
}

Var<float> lifetime_loss(Tape<float>& tape, Var<float> output, Sequence<float> target, double beta,
                         float scale) {
  constexpr float factor = LifetimeHead::kScale;
  if (!output.wants_gradient()) {
    const Sequence<float> lifetimes{target.data, 1, kLifetimes, target.batch};
    return squared_error(tape, affine(tape, features_of(tape, output, 0, kLifetimes), factor),
                         lifetimes, scale * kAnswers / kLifetimes);
  }
  return beta_likelihood(
      tape, affine(tape, features_of(tape, output, 0, kAnswers), factor),
      affine(tape, features_of(tape, output, kAnswers, kAnswers), factor, LifetimeHead::kLogOffset),
      target, static_cast<float>(beta), scale);
}

Var<float> LifetimeTeacher::loss(Tape<float>& tape, Var<float> output, Sequence<float> input,
                                 Sequence<float> target, double beta, float scale) const {
  if (!output.wants_gradient()) return lifetime_loss(tape, output, target, beta, scale);
  return loss_by(sfds(tape, input), tape, output, target, beta, scale);
}

Sequence<float> LifetimeTeacher::sfds(Tape<float>& tape, Sequence<float> input) const {
  Tape<float> frozen(tape.arena(), network.parameters().bind());
  const int T = network.description().gates;
  return network(frozen, Var<float>{input.slice(input.steps - T, T), {}}).value;
}

Var<float> LifetimeTeacher::loss_by(Sequence<float> sfds, Tape<float>& tape, Var<float> output,
                                    Sequence<float> target, double beta, float scale) const {
  const int T = sfds.steps;
  const Sequence<float> taught = tape.arena().zero_sequence<float>(1, kLifetimes, sfds.batch);
  thread_local std::vector<float> sfd;
  sfd.resize(static_cast<std::size_t>(T));
  for (int b = 0; b < sfds.batch; ++b) {
    for (int t = 0; t < T; ++t) sfd[static_cast<std::size_t>(t)] = sfds.at(t, 0, b);
    const Lifetimes tau = sfd_lifetimes(sfd, gate_step_ns);
    const double means[kLifetimes] = {tau.amplitude_ns, tau.intensity_ns};
    for (int a = 0; a < kLifetimes; ++a)
      taught.at(0, a, b) = means[a] > 0.0 && std::isfinite(means[a])
                               ? static_cast<float>(std::log(means[a]))
                               : target.at(0, a, b);
  }
  const auto share = static_cast<float>(alpha);
  const Var<float> means =
      affine(tape, features_of(tape, output, 0, kLifetimes), LifetimeHead::kScale);
  return add(tape, lifetime_loss(tape, output, target, beta, (1.0f - share) * scale),
             squared_error(tape, means, taught, share * scale));
}

}  // namespace taugate
