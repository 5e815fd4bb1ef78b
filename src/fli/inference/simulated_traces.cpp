#include "taugate/fli/inference/simulated_traces.h"

#include <vector>

#include "core/hash.h"

namespace taugate {

SimulatedTraces::SimulatedTraces(const SimulatorConfig& config, const Normalisation& normalisation,
                                 std::uint64_t seed)
    : simulator_(config), normalisation_(normalisation), seed_(seed) {
  taugate::validate(normalisation, simulator_.gates());
}

/// The seed, and a hash of the prior and the normalisation.
std::string SimulatedTraces::identity() const {
  return concat("seed ", seed_, ", prior ",
                fnv1a(to_json(simulator_.config()) + to_json(normalisation_)));
}

void SimulatedTraces::fill(std::uint64_t first, Sequence<float> input,
                           Sequence<float> target) const {
  const int T = steps(), C = outputs();
  // Kept by each thread, so that a training step allocates nothing.
  thread_local std::vector<float> counts, sfd;
  counts.resize(static_cast<std::size_t>(T));
  sfd.resize(static_cast<std::size_t>(T) * C);
  Sample pixel{counts, sfd, {}};
  for (int b = 0; b < input.batch; ++b) {
    simulator_.sample(seed_, first + static_cast<std::uint64_t>(b), pixel);
    normalise(normalisation_, counts, counts);
    for (int t = 0; t < T; ++t) {
      input.at(t, 0, b) = counts[static_cast<std::size_t>(t)];
      for (int c = 0; c < C; ++c) target.at(t, c, b) = sfd[static_cast<std::size_t>(t) * C + c];
    }
  }
}

void SimulatedTraces::rows(std::uint64_t first, std::size_t count, float* input) const {
  const auto T = static_cast<std::size_t>(steps());
  for (std::size_t i = 0; i < count; ++i) {
    const std::span counts(input + i * T, T);
    Sample pixel{counts, {}, {}};
    simulator_.sample(seed_, first + i, pixel);
    normalise(normalisation_, counts, counts);
  }
}

}  // namespace taugate
