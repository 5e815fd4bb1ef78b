#include "study/photon_evaluation.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "taugate/core/parallel.h"
#include "taugate/fli/estimation/estimator.h"
#include "taugate/fli/inference/photon_stream.h"

namespace taugate {
namespace {

Range middle(Range range) {
  const double at = 0.5 * (range.low + range.high);
  return {at, at};
}

Unknowns unknowns_of_photons(const SimulatorConfig& c) {
  const auto wide = [](Range r) { return r.high > r.low; };
  const bool background = c.background_share.high > 0.0 || c.background_fraction.high > 0.0 ||
                          c.background_counts.high > 0.0;
  const bool width = !c.irf.measured && wide(c.irf.fwhm_ns);
  return {1, true, background, wide(c.irf.delay_ns), width || wide(c.irf.stretch)};
}

/// The prior with one IRF and one background.
SimulatorConfig condition_of(SimulatorConfig c, double share) {
  c.irf.delay_ns = middle(c.irf.delay_ns);
  c.irf.fwhm_ns = middle(c.irf.fwhm_ns);
  c.irf.gate_ns = middle(c.irf.gate_ns);
  c.irf.stretch = middle(c.irf.stretch);
  c.irf.tail_probability = c.irf.tail_probability >= 0.5 ? 1.0 : 0.0;
  c.irf.tail_ns = middle(c.irf.tail_ns);
  c.background_counts = c.background_fraction = {0.0, 0.0};
  c.background_share = {share, share};
  c.background_probability = 1.0;
  return c;
}

/// Photons [lists][photons] of one condition.
struct Lists {
  std::size_t lists, photons;
  std::vector<std::uint16_t> gates;
};

Lists draw(const SimulatorConfig& condition, double tau_ns, std::size_t lists, int photons,
           std::uint64_t seed) {
  const Simulator simulator(condition);
  Lists all{lists, static_cast<std::size_t>(photons), {}};
  all.gates.resize(lists * all.photons);
  parallel_for(lists, [&](std::size_t i, int) {
    simulator.photons(seed, i, Decay::mono(tau_ns),
                      std::span(all.gates).subspan(i * all.photons, all.photons));
  });
  return all;
}

PhotonScore score_of(std::string name, std::span<const Estimated> estimates, double tau_ns) {
  PhotonScore score{std::move(name)};
  double sum = 0.0, squares = 0.0, n = 0.0;
  for (const Estimated& e : estimates) {
    if (!std::isfinite(e.value)) {
      ++score.failures;
      continue;
    }
    const double error = e.value / tau_ns - 1.0, sigma = e.deviation / e.value,
                 levels = std::abs(std::log(e.value / tau_ns)) / sigma;
    sum += error;
    squares += error * error;
    score.predicted += sigma;
    score.within_one += levels < 1.0;
    score.within_two += levels < 2.0;
    ++n;
  }
  score.bias = sum / n;
  score.deviation = std::sqrt(std::max(0.0, squares / n - score.bias * score.bias));
  for (double* mean : {&score.predicted, &score.within_one, &score.within_two}) *mean /= n;
  return score;
}

PhotonScore network_score(const TraceModel& model, const Lists& all, double tau_ns) {
  PhotonStream stream(model, all.lists, 0.0);
  std::vector<PixelPhoton> photons;
  const double gate_ns = model.acquisition().gate_step_ns;
  for (std::size_t i = 0; i < all.gates.size(); ++i)
    photons.push_back({static_cast<std::uint32_t>(i / all.photons),
                       static_cast<float>((all.gates[i] + 0.5) * gate_ns)});
  stream.push(photons);
  return score_of("network", stream.answers(), tau_ns);
}

PhotonScore classical_score(EstimatorKind kind, const SimulatorConfig& condition,
                            const IrfCurve& irf, const Unknowns& unknowns, const Lists& all,
                            double tau_ns) {
  const Acquisition& a = condition.acquisition;
  EstimatorOptions options;
  options.fit.unknowns = unknowns;
  if (unknowns.background)  // of the centre of mass: from the gates before the rise
    options.baseline_gates = static_cast<int>(
        std::max(0.0, (irf.start_ns + 0.5 * irf.length_ns() - 2.0 * condition.irf.fwhm_ns.high) /
                          a.gate_step_ns));
  std::vector<float> counts(all.lists * static_cast<std::size_t>(a.gates));
  for (std::size_t i = 0; i < all.gates.size(); ++i)
    counts[i / all.photons * static_cast<std::size_t>(a.gates) + all.gates[i]] += 1.0f;
  std::vector<Estimated> estimates;
  for (const Estimate& e : estimate_all(kind, a, irf, options, counts))
    estimates.push_back({e.status == FitStatus::converged || e.status == FitStatus::poor_fit
                             ? static_cast<float>(e.amplitude_ns)
                             : std::numeric_limits<float>::quiet_NaN(),
                         0.0f});
  return score_of(name_of(kind), estimates, tau_ns);
}

}  // namespace

double PhotonScore::rmse() const { return std::hypot(bias, deviation); }
double PhotonRow::f_value(double relative_error) const {
  return relative_error * std::sqrt(photons * (1.0 - background_share));
}

std::vector<PhotonRow> evaluate_photons(const TraceModel& model, const SimulatorConfig& data,
                                        std::span<const double> tau_ns,
                                        std::span<const int> photons, std::size_t lists,
                                        std::uint64_t seed,
                                        const std::function<bool(std::size_t)>& keep_going) {
  require(data.acquisition == model.acquisition(),
          "photon evaluation: found data of other gates or another period than the model's");
  require(!data.irf.measured || data.irf.measured->size() == 1,
          "photon evaluation: found a library of measured IRFs, wanted one, for which there is a "
          "bound");
  const Unknowns unknowns = unknowns_of_photons(data);
  std::vector<double> shares{0.0};
  if (data.background_share.high > 0.0) shares.push_back(middle(data.background_share).low);
  std::vector<PhotonRow> rows;
  for (const double share : shares) {
    const SimulatorConfig condition = condition_of(data, share);
    std::vector<double> buffer;
    Random random(seed, 0);
    const IrfCurve irf = draw_irf(condition.irf, random, buffer);
    for (const double tau : tau_ns)
      for (const int n : photons) {
        if (keep_going && !keep_going(rows.size())) return rows;
        const DecayParameters truth =
            parameters_of(data.acquisition, irf, Decay::mono(tau), n * (1.0 - share),
                          n * share / data.acquisition.gates);
        PhotonRow row{tau,
                      share,
                      n,
                      cramer_rao_bound(data.acquisition, irf, truth, unknowns).tau_ns[0] / tau,
                      {}};
        const Lists all = draw(condition, tau, lists, n, seed + rows.size());
        row.scores = {network_score(model, all, tau),
                      classical_score(EstimatorKind::mle, condition, irf, unknowns, all, tau),
                      classical_score(EstimatorKind::cmm, condition, irf, unknowns, all, tau)};
        rows.push_back(std::move(row));
      }
  }
  return rows;
}

std::string to_json(std::span<const PhotonRow> rows) {
  nlohmann::json all = nlohmann::json::array();
  for (const PhotonRow& r : rows)
    for (const PhotonScore& s : r.scores)
      all.push_back({{"tau_ns", r.tau_ns},
                     {"background_share", r.background_share},
                     {"photons", r.photons},
                     {"relative_bound", r.bound},
                     {"bound_f_value", r.f_value(r.bound)},
                     {"estimator", s.estimator},
                     {"failures", s.failures},
                     {"relative_bias", s.bias},
                     {"relative_deviation", s.deviation},
                     {"relative_rmse", s.rmse()},
                     {"f_value", r.f_value(s.rmse())},
                     {"relative_predicted_deviation", s.predicted},
                     {"within_one", s.within_one},
                     {"within_two", s.within_two}});
  return all.dump(2);
}

}  // namespace taugate
