#include "fli/inference/novelty_cases.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "fli/inference/scaled_traces.h"
#include "fli/physics/statistics.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/estimation/lifetime.h"
#include "taugate/fli/inference/lifetime_head.h"
#include "taugate/fli/inference/novelty_estimate.h"

namespace taugate {
namespace {

using Shape = std::vector<double>;  // [T]: share of the light in each gate

/// What is unlike the training: another prior, and what is done to its shapes.
struct Case {
  std::string name;
  SimulatorConfig prior;
  std::function<void(Shape&, Random&)> distort = {};
  bool has_lifetime = true;
  double scattered = 0.0;  ///< share of the light that is a copy of the IRF
};

void add_background(Shape& shape, double share) {
  for (double& s : shape) s = (1.0 - share) * s + share / static_cast<double>(shape.size());
}

std::size_t peak_of(const Shape& shape) {
  return static_cast<std::size_t>(std::max_element(shape.begin(), shape.end()) - shape.begin());
}

void shuffle(Shape& shape, Random& random) {
  for (std::size_t k = shape.size() - 1; k > 0; --k)
    std::swap(shape[k], shape[random.below(k + 1)]);
}

/// As many counts more as the peak has, in a gate of less than half of them.
void heat_a_gate(Shape& shape, Random& random) {
  const double peak = shape[peak_of(shape)];
  std::size_t gate;
  do gate = random.below(shape.size());
  while (shape[gate] > 0.5 * peak);
  shape[gate] += peak;
}

/// One of the other gates that hold at least a tenth of the peak's counts.
void kill_another_gate(Shape& shape, Random& random) {
  const std::size_t peak = peak_of(shape);
  std::vector<std::size_t> high;
  for (std::size_t k = 0; k < shape.size(); ++k)
    if (k != peak && shape[k] > 0.1 * shape[peak]) high.push_back(k);
  if (!high.empty()) shape[high[random.below(high.size())]] = 0.0;
}

/// A detector that sees only the first photon of a pulse; 0.2 of them arrive on average.
void pile_up(Shape& shape) {
  double before = 0.0;
  for (double& s : shape) {
    const double photons = 0.2 * s;
    s = std::exp(-before) * -std::expm1(-photons);
    before += photons;
  }
}

Case lifetime_of(const SimulatorConfig& prior, double tau_ns) {
  Case c{concat("one lifetime of ", tau_ns, " ns"), prior};
  c.prior.decay = {.tau1_ns = {tau_ns, tau_ns}, .tau2_ns = {tau_ns, tau_ns}, .mono_probability = 1};
  return c;
}

double rounded(double value) { return std::round(100.0 * value) / 100.0; }

/// Later and earlier than any of the prior, and wider.
std::vector<Case> instruments(const SimulatorConfig& prior) {
  const IrfPrior& irf = prior.irf;
  std::vector<Case> cases;
  for (const double later : {0.25, 0.5, -0.5}) {
    cases.push_back({concat("IRF ", std::abs(later), later > 0.0 ? " ns later" : " ns earlier",
                            " than any in training"),
                     prior});
    const double delay = (later > 0.0 ? irf.delay_ns.high : irf.delay_ns.low) + later;
    cases.back().prior.irf.delay_ns = {delay, delay};
  }
  if (irf.measured) {
    cases.push_back({"IRF twice as wide", prior});
    cases.back().prior.irf.stretch = {2.0 * irf.stretch.high, 2.0 * irf.stretch.high};
  } else {
    const double fwhm = rounded(std::max(1.0, 5.0 / 3.0 * irf.fwhm_ns.high));
    cases.push_back({concat("IRF of FWHM ", fwhm, " ns"), prior});
    cases.back().prior.irf.fwhm_ns = {fwhm, fwhm};
  }
  return cases;
}

std::vector<Case> all_cases(const SimulatorConfig& prior) {
  const double shortest = std::min(prior.decay.tau1_ns.low, prior.decay.tau2_ns.low),
               longest = std::max(prior.decay.tau1_ns.high, prior.decay.tau2_ns.high);
  std::vector<Case> cases{{"as in training (false alarms)", prior}};
  const auto add = [&](const char* name, std::function<void(Shape&, Random&)> distort,
                       bool has_lifetime = true) {
    cases.push_back({name, prior, std::move(distort), has_lifetime});
  };
  add(
      "background only", [](Shape& s, Random&) { add_background(s, 1.0); }, false);
  add(
      "time reversed", [](Shape& s, Random&) { std::reverse(s.begin(), s.end()); }, false);
  add("gates shuffled", shuffle, false);
  add("background of 5 %", [](Shape& s, Random&) { add_background(s, 0.05); });
  add("background of 20 %", [](Shape& s, Random&) { add_background(s, 0.2); });
  for (const double tau : {2.0 * longest, 10.0 / 3.0 * longest, 0.5 * shortest})
    cases.push_back(lifetime_of(prior, rounded(tau)));
  add("a hot gate", heat_a_gate);
  add("the gate at the peak is dead", [](Shape& s, Random&) { s[peak_of(s)] = 0.0; });
  add("another gate is dead", kill_another_gate);
  for (Case& c : instruments(prior)) cases.push_back(std::move(c));
  add("scattered light of 20 %", {});
  cases.back().scattered = 0.2;
  add("rise of 0.2 ns, amplitude -0.3", {});
  cases.back().prior.decay.rise_ns = {0.2, 0.2};
  cases.back().prior.decay.rise_amplitude = {0.3, 0.3};
  add("pile-up of 0.2 photons a pulse", [](Shape& s, Random&) { pile_up(s); });
  std::erase_if(cases, [](const Case& c) { return !possible(c.prior); });
  return cases;
}

/// Counts of `traces` pixels [n][T], their lifetimes, and the quantiles of their IRFs [n][kIrfInputs].
struct Traces {
  std::vector<float> counts;
  std::vector<double> true_ns;
  std::vector<float> irfs;
};

Traces simulate(const Case& c, double photons, std::size_t traces, std::uint64_t seed) {
  const ScaledTraces source(c.prior);
  const auto T = static_cast<std::size_t>(source.gates());
  Traces out{std::vector<float>(traces * T), std::vector<double>(traces),
             std::vector<float>(traces * kIrfInputs)};
  parallel_for((traces + 63) / 64, [&](std::size_t part, int) {
    Shape shape(T), scattered(T);
    for (std::size_t i = part * 64; i < std::min(traces, (part + 1) * 64); ++i) {
      Random random(seed + 1, i);
      const std::span irf(&out.irfs[i * kIrfInputs], kIrfInputs);
      out.true_ns[i] = mean_lifetimes(source.shape(seed, i, {}, shape, irf)).amplitude_ns;
      if (c.scattered > 0.0) {
        source.shape(seed, i, Decay::mono(0.002), scattered);
        for (std::size_t t = 0; t < T; ++t) shape[t] += c.scattered * (scattered[t] - shape[t]);
      }
      if (c.distort) c.distort(shape, random);
      const double sum = std::accumulate(shape.begin(), shape.end(), 0.0);
      for (double& s : shape) s /= sum;
      source.detect(shape, photons, random, {&out.counts[i * T], T});
    }
  });
  return out;
}

double amplitude_ns(const TraceModel& model, std::span<const float> output) {
  return model.gives_lifetimes()
             ? double{lifetime_answer(model.lifetimes_of(output)).amplitude_ns.value}
             : sfd_lifetimes(model.decay_of(output), model.acquisition().gate_step_ns,
                             model.outputs())
                   .amplitude_ns;
}

}  // namespace

NoveltyTable novelty_table(const TraceModel& model, const std::vector<double>& photons,
                           std::size_t traces, std::uint64_t seed,
                           const std::function<bool(std::size_t)>& keep_going) {
  require(model.novelty.has_value(),
          "[novelty] found a model without statistics of its training's traces");
  const Novelty& novelty = *model.novelty;
  const auto executor = model.executor();
  ThreadScratch threads;
  const auto T = static_cast<std::size_t>(model.gates()), D = executor->state_units(),
             I = model.input_size(), O = model.description().output_size();
  NoveltyTable table{photons, {}};
  std::vector<float> scratch;
  for (const Case& c : all_cases(model.simulator)) {
    if (keep_going && !keep_going(table.cases.size())) break;
    NoveltyCase row{c.name, {}, {}};
    for (const double n : photons) {
      const Traces all = simulate(c, n, traces, seed);
      std::vector<float> input(traces * I), output(traces * O), states(traces * D);
      for (std::size_t i = 0; i < traces; ++i) {
        const std::span one(&input[i * I], I), irf = irf_of(model.normalisation, one);
        std::copy_n(&all.irfs[i * kIrfInputs], irf.size(), irf.begin());
        normalise(model.normalisation, {&all.counts[i * T], T}, one);
      }
      executor->run(threads, input, output, TraceOrder::by_trace, states);
      std::size_t flagged = 0;
      std::vector<float> errors;
      for (std::size_t i = 0; i < traces; ++i) {
        const double counts = std::accumulate(&all.counts[i * T], &all.counts[i * T] + T, 0.0);
        const std::span<const float> gates =
            gates_of(model.normalisation, std::span<const float>(&input[i * I], I));
        flagged += novelty.assess(counts, gates, {&states[i * D], D}, scratch).unlike;
        const double read = amplitude_ns(model, {&output[i * O], O});
        errors.push_back(static_cast<float>(read / all.true_ns[i] - 1.0));
      }
      row.flagged.push_back(static_cast<double>(flagged) / static_cast<double>(traces));
      const auto bias = c.has_lifetime ? statistics_of(errors) : std::nullopt;
      row.bias.push_back(bias ? bias->median : std::numeric_limits<double>::quiet_NaN());
    }
    table.cases.push_back(std::move(row));
  }
  return table;
}

std::string to_json(const NoveltyTable& table) {
  nlohmann::json cases = nlohmann::json::array();
  for (const NoveltyCase& c : table.cases)
    cases.push_back({{"case", c.name}, {"flagged", c.flagged}, {"bias", c.bias}});
  return nlohmann::json{{"photons", table.photons}, {"cases", cases}}.dump(2);
}

}  // namespace taugate
