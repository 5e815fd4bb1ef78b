#include "taugate/fli/simulator.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/fli/response.h"

namespace taugate {
namespace {

/// A thread's working memory, kept from call to call for as long as the acquisition stays the same.
struct Scratch {
  Acquisition acquisition;
  std::optional<Response> response;
  std::vector<double> irf;
  std::vector<double> mean;

  void prepare(const Acquisition& wanted, std::size_t largest_irf) {
    if (!response || acquisition != wanted || largest_irf > irf.capacity()) {
      response.emplace(wanted, largest_irf);
      acquisition = wanted;
      irf.reserve(largest_irf);
      mean.resize(static_cast<std::size_t>(wanted.gates));
    }
  }
};
thread_local Scratch scratch;

}  // namespace

Decay draw_decay(const DecayPrior& prior, Random& random) {
  const auto draw = [&](Range range) {
    return prior.log_uniform ? range.draw_log(random) : range.draw(random);
  };
  const bool mono = random.uniform() < prior.mono_probability;
  const Range all{std::min(prior.tau1_ns.low, prior.tau2_ns.low),
                  std::max(prior.tau1_ns.high, prior.tau2_ns.high)};
  double tau1 = draw(mono ? all : prior.tau1_ns);
  double tau2 = draw(prior.tau2_ns);
  const double fraction = prior.fraction.draw(random);
  if (mono) return Decay::mono(tau1);
  if (tau1 > tau2) std::swap(tau1, tau2);
  return {tau1, tau2, fraction};
}

Simulator::Simulator(SimulatorConfig config) : config_(std::move(config)) {
  validate(config_);
  largest_irf_ = largest_irf(config_.irf);
}

void Simulator::sample(std::uint64_t seed, std::uint64_t index, Sample& out) const {
  Random random(seed, index);
  const Decay decay = draw_decay(config_.decay, random);
  sample(random, decay, out);
}

void Simulator::sample(std::uint64_t seed, std::uint64_t index, const Decay& decay,
                       Sample& out) const {
  Random random(seed, index);
  draw_decay(config_.decay, random);
  sample(random, decay, out);
}

void Simulator::sample(Random& random, const Decay& decay, Sample& out) const {
  const std::size_t gates = static_cast<std::size_t>(config_.acquisition.gates);
  require(out.counts.size() == gates, "sample: found room for ", out.counts.size(),
          " counts, wanted ", gates);
  scratch.prepare(config_.acquisition, largest_irf_);
  std::vector<double>& mean = scratch.mean;
  (*scratch.response)(draw_irf(config_.irf, random, scratch.irf), decay, mean);

  const double peak = config_.peak_counts.draw_log(random);
  const double background = config_.background_counts.draw(random) +
                            config_.background_fraction.draw(random) * peak +
                            draw_dark_counts(config_.detector, random);
  const double scale = peak / *std::max_element(mean.begin(), mean.end());
  double total = 0.0;
  for (double& mu : mean) {
    mu = std::max(mu * scale, 0.0);  // a measured IRF's noise may dip below zero
    total += mu;
    mu += background;
  }
  detect(config_.detector, mean, random, out.counts);
  if (!out.sfd.empty()) {
    const std::size_t size = gates * static_cast<std::size_t>(config_.channels);
    require(out.sfd.size() == size, "sample: found room for ", out.sfd.size(),
            " values of the SFD, wanted ", size);
    write_sfd(decay, config_.acquisition, out.sfd);
  }
  out.truth = {decay, peak, total};
}

}  // namespace taugate
