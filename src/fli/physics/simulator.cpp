#include "taugate/fli/physics/simulator.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/fli/physics/irf_quantiles.h"
#include "taugate/fli/physics/response.h"

namespace taugate {
namespace {

/// A thread's working memory, kept from call to call for as long as the acquisition stays the same.
struct Scratch {
  Acquisition acquisition;
  std::optional<Response> response;
  std::vector<double> irf;
  std::vector<double> mean, extra;
  std::vector<std::uint32_t> guide;

  void prepare(const Acquisition& wanted, std::size_t largest_irf) {
    if (!response || acquisition != wanted || largest_irf > irf.capacity()) {
      response.emplace(wanted, largest_irf);
      acquisition = wanted;
      irf.reserve(largest_irf);
      mean.resize(static_cast<std::size_t>(wanted.gates));
      extra.resize(mean.size());
      guide.resize(mean.size() + 1);
    }
  }
};
thread_local Scratch scratch;

constexpr double kScatterNs = 1e-3;  // stands for a lifetime of 0

/// mean += scale * other
void add(std::span<double> mean, double scale, std::span<const double> other) {
  for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += scale * other[k];
}

double sum(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

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

/// Fills scratch.mean with the counts to expect in each gate, and `quantiles`, unless it is empty, with
/// the IRF's.
Truth Simulator::expect(Random& random, const Decay& decay, std::span<float> quantiles) const {
  const std::size_t gates = static_cast<std::size_t>(config_.acquisition.gates);
  scratch.prepare(config_.acquisition, largest_irf_);
  std::vector<double>& mean = scratch.mean;
  const IrfCurve irf = draw_irf(config_.irf, random, scratch.irf);
  if (!quantiles.empty()) std::ranges::copy(irf_quantiles(irf), quantiles.begin());
  (*scratch.response)(irf, decay, mean);
  // Random numbers only where asked for: a configuration without these gives the traces that it
  // always gave.
  if (config_.decay.rise_amplitude.high > 0.0) {
    const double amplitude = config_.decay.rise_amplitude.draw(random);
    // No slower than the fastest decay: so the decay is never negative.
    const double rise_ns = std::min(config_.decay.rise_ns.draw(random), decay.tau1_ns);
    (*scratch.response)(irf, Decay::mono(rise_ns), scratch.extra);
    add(mean, -amplitude, scratch.extra);
  }
  if (config_.scatter.high > 0.0) {
    const double share = config_.scatter.draw(random);
    (*scratch.response)(irf, Decay::mono(kScatterNs), scratch.extra);
    const double total = sum(mean), prompt = sum(scratch.extra);
    if (total > 0.0 && prompt > 0.0)
      add(mean, share / (1.0 - share) * total / prompt, scratch.extra);
  }

  const double peak = config_.peak_counts.draw_log(random);
  double background = config_.background_counts.draw(random);
  background += config_.background_fraction.draw(random) * peak;
  const double scale = peak / *std::max_element(mean.begin(), mean.end());
  if (config_.background_share.high > 0.0 && random.uniform() < config_.background_probability) {
    const double share = config_.background_share.draw(random);
    background += share / (1.0 - share) * scale * sum(mean) / static_cast<double>(gates);
  }
  background += draw_dark_counts(config_.detector, random);
  double total = 0.0;
  for (double& mu : mean) {
    mu = std::max(mu * scale, 0.0);  // a measured IRF's noise may dip below zero
    total += mu;
    mu += background;
  }
  return {decay, peak, total};
}

void Simulator::sample(Random& random, const Decay& decay, Sample& out) const {
  const std::size_t gates = static_cast<std::size_t>(config_.acquisition.gates);
  require(out.counts.size() == gates, "sample: found room for ", out.counts.size(),
          " counts, wanted ", gates);
  out.truth = expect(random, decay, out.irf);
  detect(config_.detector, scratch.mean, random, out.counts);
  if (!out.sfd.empty()) {
    const std::size_t size = gates * static_cast<std::size_t>(config_.channels);
    require(out.sfd.size() == size, "sample: found room for ", out.sfd.size(),
            " values of the SFD, wanted ", size);
    write_sfd(decay, config_.acquisition, out.sfd);
  }
}

Truth Simulator::photons(std::uint64_t seed, std::uint64_t index,
                         std::span<std::uint16_t> gates) const {
  Random random(seed, index);
  const Decay decay = draw_decay(config_.decay, random);
  return photons(random, decay, gates);
}

Truth Simulator::photons(std::uint64_t seed, std::uint64_t index, const Decay& decay,
                         std::span<std::uint16_t> gates) const {
  Random random(seed, index);
  draw_decay(config_.decay, random);
  return photons(random, decay, gates);
}

/// By inversion: the gate in which the cumulated expectation passes a uniform share of the whole. A guide says where the
/// search begins for each of as many equal shares as there are gates (Chen and Asau, 1974).
Truth Simulator::photons(Random& random, const Decay& decay, std::span<std::uint16_t> gates) const {
  require(config_.detector.kind == DetectorKind::tcspc,
          "photons: found a detector of gate images, wanted one of single photons (tcspc)");
  const Truth truth = expect(random, decay, {});
  std::vector<double>& sums = scratch.mean;
  std::partial_sum(sums.begin(), sums.end(), sums.begin());
  const double total = sums.back(), shares = static_cast<double>(sums.size());
  std::vector<std::uint32_t>& guide = scratch.guide;
  for (std::size_t share = 0, k = 0; share < sums.size(); ++share) {
    while (k + 1 < sums.size() && sums[k] * shares <= static_cast<double>(share) * total) ++k;
    guide[share] = static_cast<std::uint32_t>(k);
  }
  for (std::uint16_t& gate : gates) {
    const double u = random.uniform();
    std::uint32_t k = guide[static_cast<std::size_t>(u * shares)];
    while (k + 1 < sums.size() && sums[k] <= u * total) ++k;
    gate = static_cast<std::uint16_t>(k);
  }
  return truth;
}

}  // namespace taugate
