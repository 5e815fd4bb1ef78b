#include "study/calibration.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "fli/plot/gnuplot.h"
#include "study/comparison.h"
#include "study/evaluation.h"
#include "taugate/fli/estimation/lifetime.h"
#include "taugate/fli/inference/inference.h"

namespace taugate {
namespace {

constexpr std::size_t kTracesAnIrf = 8;  // share an IRF and a background
constexpr int kDecays = 5;
constexpr std::size_t kSpreadDecays = 20'000;

/// Background counts a gate of light mu [T] without any: as the simulator draws them.
double draw_background(const SimulatorConfig& prior, std::span<const double> mu, Random& random) {
  double background = prior.background_counts.draw(random);
  background += prior.background_fraction.draw(random) * *std::max_element(mu.begin(), mu.end());
  if (prior.background_share.high > 0.0 && random.uniform() < prior.background_probability) {
    const double share = prior.background_share.draw(random);
    background += share / (1.0 - share) * std::accumulate(mu.begin(), mu.end(), 0.0) /
                  static_cast<double>(mu.size());
  }
  return background;
}

double prior_spread(const DecayPrior& prior) {
  double sum = 0.0, squares = 0.0;
  for (std::size_t i = 0; i < kSpreadDecays; ++i) {
    Random random(1, i);
    const double log = std::log(mean_lifetimes(draw_decay(prior, random)).amplitude_ns);
    sum += log;
    squares += log * log;
  }
  const double n = kSpreadDecays, mean = sum / n;
  return std::sqrt(squares / n - mean * mean);
}

/// Traces of one condition [traces][T], their lifetimes, and the mean square of the bound relative to these.
struct TracesOfOne {
  std::vector<float> counts;
  std::vector<double> truth_ns;    // [traces]
  std::vector<IrfQuantiles> irfs;  // [traces]
  double bound2 = 0.0;
};

TracesOfOne draw(const TraceModel& model, const SimulatorConfig& data,
                 const std::optional<Decay>& given, double photons, std::size_t traces,
                 std::uint64_t seed, std::size_t first) {
  const Acquisition& a = data.acquisition;
  const auto T = static_cast<std::size_t>(a.gates);
  // An ICCD's counts are those of Poisson with fewer photons, each worth more (detector.h).
  const bool iccd = data.detector.kind == DetectorKind::iccd;
  const double excess = iccd ? data.detector.excess_noise : 1.0,
               gain = iccd ? data.detector.gain : 1.0;
  std::vector<double> buffer, mu(T), jacobian(T * 4);
  TracesOfOne all;
  for (std::size_t done = 0; done < traces; done += kTracesAnIrf) {
    Random random(seed, first + done);
    const Decay decay = given ? *given : draw_decay(data.decay, random);
    const IrfCurve irf = draw_irf(data.irf, random, buffer);
    DecayParameters truth = parameters_of(a, irf, decay, photons / excess);
    DecayModel(a, irf, {2, true, false, false, false})(truth, mu, jacobian);
    truth.background = draw_background(data, mu, random);
    const std::size_t count = std::min(kTracesAnIrf, traces - done);
    for (const float n : draw_traces(a, irf, truth, count, seed + 1, first + done))
      all.counts.push_back(static_cast<float>(excess * gain) * n);
    const double tau = mean_lifetimes(decay).amplitude_ns;
    all.truth_ns.insert(all.truth_ns.end(), count, tau);
    all.irfs.insert(all.irfs.end(), count, irf_quantiles(irf));
    const Unknowns unknowns = unknowns_of(model, data, decay.tau1_ns < decay.tau2_ns ? 2 : 1);
    const double bound = cramer_rao_bound(a, irf, truth, unknowns).amplitude_ns / tau;
    all.bound2 += bound * bound * static_cast<double>(count) / static_cast<double>(traces);
  }
  return all;
}

CalibrationRow row_of(const TraceModel& model, const TracesOfOne& condition,
                      const std::optional<Decay>& decay, double photons) {
  const Inference r = infer_counts(model, condition.counts, condition.irfs);
  CalibrationRow row;
  row.decay = decay;
  row.photons = photons;
  double sum = 0.0, squares = 0.0, predicted = 0.0;
  for (std::size_t i = 0; i < r.amplitude_ns.size(); ++i) {
    const double tau = r.amplitude_ns[i], truth = condition.truth_ns[i];
    if (!std::isfinite(tau)) continue;  // no counts
    const double relative = tau / truth - 1.0, sigma = r.amplitude_sd_ns[i] / tau;
    sum += relative;
    squares += relative * relative;
    predicted += sigma;
    row.truth_ns += truth;
    row.levels.push_back(
        static_cast<float>(std::erf(std::abs(std::log(tau / truth)) / (sigma * std::sqrt(2.0)))));
  }
  std::sort(row.levels.begin(), row.levels.end());
  row.traces = row.levels.size();
  const double n = static_cast<double>(row.traces);
  row.truth_ns /= n;
  row.bias = sum / n;
  row.deviation = std::sqrt(std::max(0.0, squares / n - row.bias * row.bias));
  row.predicted = predicted / n;
  row.bound = std::sqrt(condition.bound2);
  return row;
}

}  // namespace

double CalibrationRow::coverage(double level) const {
  const auto end = std::lower_bound(levels.begin(), levels.end(), static_cast<float>(level));
  return static_cast<double>(end - levels.begin()) / static_cast<double>(levels.size());
}
double CalibrationRow::within(double deviations) const {
  return coverage(std::erf(deviations / std::sqrt(2.0)));
}

std::vector<Decay> calibration_decays(const DecayPrior& data) {
  const double shortest = std::min(data.tau1_ns.low, data.tau2_ns.low),
               longest = std::max(data.tau1_ns.high, data.tau2_ns.high);
  std::vector<Decay> decays;
  if (data.mono_probability > 0.0)
    for (int k = 0; k < kDecays; ++k)
      decays.push_back(Decay::mono(shortest * std::pow(longest / shortest, k / (kDecays - 1.0))));
  const auto middle = [](Range r) { return 0.5 * (r.low + r.high); };
  const double tau1 = middle(data.tau1_ns), tau2 = middle(data.tau2_ns);
  if (data.mono_probability < 1.0 && tau1 < tau2)
    for (int k = 0; k < kDecays; ++k)
      decays.push_back(
          {tau1, tau2,
           data.fraction.low + (data.fraction.high - data.fraction.low) * (k + 0.5) / kDecays});
  return decays;
}

std::vector<CalibrationRow> calibration(const TraceModel& model, const SimulatorConfig& data,
                                        std::span<const Decay> decays,
                                        std::span<const double> photons, std::size_t traces,
                                        std::uint64_t seed,
                                        const std::function<bool(std::size_t)>& keep_going) {
  require(model.gives_lifetimes(),
          "calibration: found a network that gives decays, wanted one that "
          "tells how sure it is of its lifetimes (train --model lifetime)");
  require(data.detector.kind != DetectorKind::gated_spad && !(data.detector.dark_counts > 0.0) &&
              !(data.detector.hot_probability > 0.0) && !(data.scatter.high > 0.0) &&
              !(data.decay.rise_amplitude.high > 0.0),
          "calibration: found a prior with scatter, a rise, binary frames or dark counts, wanted "
          "Poisson "
          "counts of decays and background, for which there is a bound");
  require(data.acquisition.gates == model.gates(), "calibration: found ", data.acquisition.gates,
          " gates, wanted the model's ", model.gates());
  require_same_gates(model, data.acquisition);
  const double spread = prior_spread(model.simulator.decay);
  std::vector<CalibrationRow> rows;
  std::vector<std::optional<Decay>> all(decays.begin(), decays.end());
  all.emplace_back();
  for (const std::optional<Decay>& decay : all)
    for (const double n : photons) {
      if (keep_going && !keep_going(rows.size())) return rows;
      rows.push_back(
          row_of(model, draw(model, data, decay, n, traces, seed, rows.size() * traces), decay, n));
      rows.back().prior_spread = spread;
    }
  return rows;
}

std::string to_csv(std::span<const CalibrationRow> rows) {
  std::string text =
      "tau1_ns,tau2_ns,fraction,true_ns,photons,traces,relative_bias,relative_deviation,"
      "relative_predicted_deviation,relative_bound,prior_spread,within_one,within_two\n";
  for (const CalibrationRow& r : rows) {
    if (r.decay)
      text += concat(r.decay->tau1_ns, ',', r.decay->tau2_ns, ',', r.decay->fraction);
    else
      text += "prior,prior,prior";
    text += concat(',', r.truth_ns, ',', r.photons, ',', r.traces, ',', r.bias, ',', r.deviation,
                   ',', r.predicted, ',', r.bound, ',', r.prior_spread, ',', r.within(1.0), ',',
                   r.within(2.0), '\n');
  }
  return text;
}

void draw_reliability(const std::filesystem::path& path, std::span<const CalibrationRow> rows) {
  require(!rows.empty(), "reliability plot: found no conditions");
  std::map<double, std::vector<const CalibrationRow*>> by_photons;
  for (const CalibrationRow& r : rows) by_photons[r.photons].push_back(&r);
  GnuplotScript script(600, 900);
  std::string coverages, deviations;
  int number = 0;
  for (const auto& [photons, group] : by_photons) {
    std::vector<double> level, share, predicted, found;
    for (int k = 0; k <= 20; ++k) {
      level.push_back(0.05 * k);
      double sum = 0.0;
      for (const CalibrationRow* r : group) sum += r->coverage(level.back());
      share.push_back(sum / static_cast<double>(group.size()));
    }
    for (const CalibrationRow* r : group) {
      predicted.push_back(100.0 * r->predicted);
      found.push_back(100.0 * r->deviation);
    }
    const std::string block = concat("c", number), spread = concat("s", number);
    script.data(block, {level, share});
    script.data(spread, {found, predicted});
    const std::string style = concat("lt ", ++number, " title '", photons, "'");
    coverages += concat(", $", block, " using 1:2 with lines lw 2 ", style);
    deviations += concat(", $", spread, " using 1:2 with points pt 7 ps 0.9 ", style);
  }
  script.line("set multiplot layout 2,1 margins 0.14,0.96,0.07,0.97 spacing 0.1");
  script.line("set key top left title 'photons'; set xrange [0:1]; set yrange [0:1]");
  script.line("set xlabel 'middle share of what the network says'; ",
              "set ylabel 'share of the true lifetimes in it'");
  script.line("plot x with lines lw 1 lc rgb '#606060' notitle", coverages);
  script.line("set logscale xy; set autoscale xy; set xrange [*:*]; set yrange [*:*]");
  script.line("set xlabel 'deviation of its answers (% of the lifetime)'; ",
              "set ylabel 'mean of its own standard deviations (%)'");
  script.line("plot x with lines lw 1 lc rgb '#606060' notitle", deviations);
  script.line("unset multiplot");
  script.write_png(path);
}

}  // namespace taugate
