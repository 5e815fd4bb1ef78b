#include "taugate/fli/inference/novelty.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/formatted.h"
#include "fli/inference/column_loops.h"
#include "taugate/core/error.h"

namespace taugate {
namespace {

/// Between which of `knots` evenly spaced values `x` lies; clamped to their ends.
struct Position {
  std::size_t knot;
  float weight;  // of the next one
};
Position position(const std::vector<double>& knots, double x) {
  const double step = knots[1] - knots[0];
  const double at = std::clamp((x - knots[0]) / step, 0.0, static_cast<double>(knots.size() - 1));
  const std::size_t knot = std::min(static_cast<std::size_t>(at), knots.size() - 2);
  return {knot, static_cast<float>(at - static_cast<double>(knot))};
}

float between(const std::vector<float>& values, Position at) {
  return values[at.knot] + at.weight * (values[at.knot + 1] - values[at.knot]);
}

/// The shortest decimals that give the same floats: their doubles have twice as many digits.
nlohmann::json json_of(const std::vector<float>& values) {
  nlohmann::json list = nlohmann::json::array();
  for (const float v : values)
    list.push_back(std::strtod(formatted("%.6g", double{v}).c_str(), nullptr));
  return list;
}

nlohmann::json json_of(const ShapeMixture& m) {
  return {{"centre", json_of(m.centre)},
          {"axes", json_of(m.axes)},
          {"variance", json_of(m.variance)},
          {"rarity", json_of(m.rarity)}};
}

ShapeMixture mixture_of(const nlohmann::json& json) {
  ShapeMixture m;
  json.at("centre").get_to(m.centre);
  json.at("axes").get_to(m.axes);
  json.at("variance").get_to(m.variance);
  json.at("rarity").get_to(m.rarity);
  return m;
}

}  // namespace

void Novelty::shape(std::span<const float> input, std::span<float> u) const {
  double sum = 0.0;
  std::size_t t = 0;
  for (float& value : u) {
    value = 0.0f;
    for (const std::size_t end = std::min(t + static_cast<std::size_t>(group), input.size());
         t < end; ++t) {
      value += input[t];
      sum += input[t];
    }
  }
  const auto scale = static_cast<float>(1.0 / sum);
  for (float& value : u) value = std::sqrt(value * scale);
}

Novelty::Scores Novelty::scores(double counts, std::span<const float> input,
                                std::span<const float> state, std::vector<float>& scratch) const {
  const std::size_t D = state_units(), G = input_mean.size(), P = component_count();
  require(input.size() == static_cast<std::size_t>(gates) && state.size() == D, "[novelty] found ",
          input.size(), " gates and ", state.size(), " units, wanted ", gates, " and ", D);
  scratch.resize(D + G + P + std::max(training.scratch_size(), beyond.scratch_size()));
  const std::span z(scratch.data(), D), u(scratch.data() + D, G), a(scratch.data() + D + G, P),
      work(scratch.data() + D + G + P, scratch.size() - D - G - P);
  const double photons = counts / counts_per_photon;
  const Position at = position(log_photons, std::log10(std::max(photons, 1e-30)));

  const ColumnLoops& loops = column_loops();
  loops.product(state.data(), D, transform.data(), D, z.data());
  double square = 0.0;
  const float *m = &mean[at.knot * D], *p = &precision[at.knot * D];
  for (std::size_t i = 0; i < D; ++i) {
    const float e = z[i] - (m[i] + at.weight * (m[D + i] - m[i]));
    square += e * e * (p[i] + at.weight * (p[D + i] - p[i]));
  }

  shape(input, u);
  double left = 0.0;
  for (std::size_t j = 0; j < G; ++j) {
    u[j] -= input_mean[j];
    left += u[j] * u[j];
  }
  loops.product(u.data(), G, components.data(), P, a.data());
  for (const float value : a) left -= value * value;
  // Beyond the last knot noise is small beside what the components cannot tell.
  const auto noise =
      static_cast<float>(0.25 / std::min(photons, std::pow(10.0, log_photons.back())));
  const double residual = std::max(left, 0.0) / noise;
  const auto trained = training.nearest(a, noise, work), other = beyond.nearest(a, noise, work);
  const double score[kTests] = {std::log(square), std::log(residual + trained.cost),
                                0.5 * (trained.cost - other.cost)};
  Scores all{static_cast<float>(std::sqrt(square)),
             static_cast<float>((residual + trained.chi2) / static_cast<double>(G)),
             {}};
  for (std::size_t k = 0; k < kTests; ++k) all.excess[k] = score[k] - between(limits[k], at);
  return all;
}

Unlikeness Novelty::assess(double counts, std::span<const float> input,
                           std::span<const float> state, std::vector<float>& scratch) const {
  const Scores s = scores(counts, input, state, scratch);
  return {s.state_distance, s.input_chi2r, *std::ranges::max_element(s.excess) > 0.0};
}

std::string Novelty::to_json() const {
  return nlohmann::json{{"counts_per_photon", counts_per_photon},
                        {"log_photons", log_photons},
                        {"transform", json_of(transform)},
                        {"mean", json_of(mean)},
                        {"precision", json_of(precision)},
                        {"group", group},
                        {"gates", gates},
                        {"input_mean", json_of(input_mean)},
                        {"components", json_of(components)},
                        {"training", json_of(training)},
                        {"beyond", json_of(beyond)},
                        {"limits", {json_of(limits[0]), json_of(limits[1]), json_of(limits[2])}}}
      .dump();
}

Novelty Novelty::from_json(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text);
  Novelty n;
  const auto read = [&](const char* name, auto& value) { json.at(name).get_to(value); };
  read("counts_per_photon", n.counts_per_photon);
  read("log_photons", n.log_photons);
  read("transform", n.transform);
  read("mean", n.mean);
  read("precision", n.precision);
  read("group", n.group);
  read("gates", n.gates);
  read("input_mean", n.input_mean);
  read("components", n.components);
  n.training = mixture_of(json.at("training"));
  n.beyond = mixture_of(json.at("beyond"));
  read("limits", n.limits);
  const std::size_t K = n.log_photons.size(), G = n.input_mean.size();
  const bool fits = K >= 2 && n.log_photons[1] > n.log_photons[0] && n.group >= 1 && n.gates >= 2 &&
                    n.counts_per_photon > 0.0 && !n.mean.empty() && n.mean.size() % K == 0 &&
                    n.precision.size() == n.mean.size() &&
                    n.transform.size() == n.state_units() * n.state_units() &&
                    G == n.gate_groups() && n.components.size() % G == 0 &&
                    n.component_count() < G && n.component_count() > 0 &&
                    n.training.fits(n.component_count()) && n.beyond.fits(n.component_count()) &&
                    std::ranges::all_of(n.limits, [&](const auto& l) { return l.size() == K; });
  require(fits, "its statistics of training's traces do not fit each other");
  return n;
}

}  // namespace taugate
