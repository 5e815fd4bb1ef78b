#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "cli/commands.h"
#include "cli/infer_photons.h"
#include "cli/options/outputs.h"
#include "cli/options/prior_options.h"
#include "cli/options/verbosity.h"
#include "core/formatted.h"
#include "core/interrupt.h"
#include "fli/inference/calibration_traces.h"
#include "fli/inference/novelty_cases.h"
#include "fli/plot/gnuplot.h"
#include "study/calibration.h"
#include "study/evaluation.h"
#include "study/photon_evaluation.h"
#include "study/write_back.h"
#include "taugate/core/file.h"
#include "taugate/fli/plot/plot_maps.h"

namespace taugate::cli {
namespace {

void print(const Evaluation& e) {
  for (std::size_t c = 0; c < e.channels.size(); ++c) {
    const Metrics& m = e.channels[c];
    const char* names[] = {"whole decay", "short component", "long component"};
    std::printf("%s, %zu traces (mean +- standard deviation over traces)\n",
                c < 3 ? names[c] : "output", m.traces);
    // Where a component is hardly there, R2 of a trace says nothing.
    if (m.traces == 0) {
      std::printf("  none\n");
      continue;
    }
    const std::string r2 = c == 0 ? formatted("R2 %.5f +- %.5f", m.r2.mean, m.r2.deviation)
                                  : "pooled R2 " + formatted_or_none("%.5f", m.pooled_r2);
    std::printf("  RMSE %.5f +- %.5f   %s   L2 %.4f +- %.4f   DTW %.4f +- %.4f\n", m.rmse.mean,
                m.rmse.deviation, r2.c_str(), m.l2.mean, m.l2.deviation, m.dtw.mean,
                m.dtw.deviation);
  }
  const auto certainty = [](const LifetimeError& l, const char* unit) {
    if (l.certainty)
      std::printf(
          "    its own deviation %.4f%s on average; %.1f %% of the true values within one, "
          "%.1f %% within two\n",
          l.certainty->mean_deviation_ns, unit, 100.0 * l.certainty->within_one,
          100.0 * l.certainty->within_two);
  };
  const auto line = [&](const char* name, const LifetimeError& l) {
    if (l.traces == 0) {
      std::printf("  %s lifetime: none\n", name);
      return;
    }
    std::printf("  %s lifetime: bias %+.4f ns, deviation %.4f ns, mean |error| %.2f %%\n", name,
                l.bias_ns, l.deviation_ns, 100.0 * l.mean_relative);
    certainty(l, " ns");
  };
  if (e.channels.empty()) std::printf("%zu traces\n", e.amplitude.traces);
  line("amplitude-weighted", e.amplitude);
  line("intensity-weighted", e.intensity);
  if (e.fraction) {
    std::printf("  amplitude of the short component, %zu traces: bias %+.4f, deviation %.4f\n",
                e.fraction->traces, e.fraction->bias_ns, e.fraction->deviation_ns);
    certainty(*e.fraction, "");
  }
  if (e.blank) std::printf("  %zu traces without photons left out\n", e.blank);
}

/// The table of traces that the model was not trained for. False after Ctrl-C.
bool evaluate_unlike(const TraceModel& model, const Arguments& a) {
  const NoveltyTable table =
      novelty_table(model, {100, 300, 1000, 10000}, a.count("samples") / 10, a.count("seed"),
                    [](std::size_t) { return !interrupted(); });
  if (interrupted()) return false;
  std::printf(
      "share of traces flagged as unlike the training, and median bias of the lifetime\n%-44s",
      "photons");
  for (const double n : table.photons) std::printf("%16.0f", n);
  std::printf("\n");
  for (const NoveltyCase& c : table.cases) {
    std::printf("%-44s", c.name.c_str());
    for (std::size_t k = 0; k < table.photons.size(); ++k)
      std::printf("%7.1f %%%7s", 100.0 * c.flagged[k],
                  std::isfinite(c.bias[k]) ? formatted("%+.0f%%", 100.0 * c.bias[k]).c_str() : "");
    std::printf("\n");
  }
  if (a.has("json")) write_file(a.text("json"), to_json(table) + "\n");
  return true;
}

/// Of a network of integers.
void evaluate_write_margin(const TraceModel& model, const Arguments& a) {
  const auto* integers = dynamic_cast<const QuantizedModel*>(&model);
  if (!integers)
    fail(a.positional("model"),
         ": found a model of floats, wanted one of integers, whose states are written back");
  const std::uint64_t traces = std::max<std::uint64_t>(1, a.count("samples") / 10);
  const WriteMargins margins =
      write_margins(integers->network, simulated_inputs(model, traces, a.count("seed")));
  std::printf(
      "write margin 2|update| / unit, of %zu traces; one unit of the carried state is %.3g\n"
      "%-14s%18s%18s%32s\n",
      static_cast<std::size_t>(traces), margins.unit, "layer", "margin below 1", "mean 1 - z",
      "dead band of its units, |n - h|");
  for (const LayerMargins& layer : margins.layers) {
    const auto [least, most] = std::minmax_element(
        layer.units.begin(), layer.units.end(),
        [](const WriteMargin& x, const WriteMargin& y) { return x.dead_band < y.dead_band; });
    std::printf("%-14s%16.2f %%%18.4f%14.3g to %.3g\n", layer.name.c_str(), 100.0 * layer.all.lost,
                layer.all.mean_update, least->dead_band, most->dead_band);
  }
  std::printf("%-14s%16.2f %%%18.4f%14.3g (median)\n", "all", 100.0 * margins.all.lost,
              margins.all.mean_update, margins.median_dead_band);
  if (a.has("json")) write_file(a.text("json"), to_json(margins) + "\n");
}

/// How true the model's own standard deviations are. False after Ctrl-C.
bool evaluate_calibration(const TraceModel& model, const SimulatorConfig& data,
                          const Arguments& a) {
  const std::vector<Decay> decays = calibration_decays(data.decay);
  const std::vector<double> photons{30, 100, 300, 1000, 3000, 10000};
  Progress progress = shown_progress("calibration", "conditions",
                                     static_cast<double>((decays.size() + 1) * photons.size()));
  const std::vector<CalibrationRow> rows = calibration(
      model, data, decays, photons, a.count("samples") / 5, a.count("seed"), [&](std::size_t done) {
        progress.update(static_cast<double>(done));
        return !interrupted();
      });
  if (interrupted()) return false;
  progress.finish(static_cast<double>(rows.size()));
  std::printf("amplitude-weighted lifetime, %% of it\n%32s%9s%11s%8s%9s%7s%12s%12s\n", "photons",
              "bias", "deviation", "bound", "ratio", "own", "within one", "within two");
  for (const CalibrationRow& r : rows) {
    const std::string decay =
        r.decay ? formatted("%.3f ns, ", r.truth_ns) +
                      (r.decay->tau1_ns < r.decay->tau2_ns ? "2 components" : "1 component")
                : "over the prior";
    std::printf("  %-23s%7.0f%9.2f%11.2f%8.2f%9.3f%7.2f%11.1f%%%11.1f%%\n", decay.c_str(),
                r.photons, 100.0 * r.bias, 100.0 * r.deviation, 100.0 * r.bound,
                r.deviation / r.bound, 100.0 * r.predicted, 100.0 * r.within(1.0),
                100.0 * r.within(2.0));
  }
  write_file(a.text("calibration"), to_csv(rows));
  if (a.has("reliability-plot")) draw_reliability(a.text("reliability-plot"), rows);
  return true;
}

/// A network of single photons. False after Ctrl-C.
bool evaluate_network_of_photons(const TraceModel& model, const SimulatorConfig& data,
                                 const Arguments& a) {
  for (const char* option : {"unlike", "write-margin", "calibration", "scatter-plot"})
    if (a.has(option)) fail_usage("--", option, ": does nothing for a network of single photons");
  const std::vector<int> photons =
      a.has("photon-counts") ? a.integers("photon-counts") : std::vector{10, 30, 100, 300, 1000};
  for (const int n : photons)
    if (n < 1 || n > 1'000'000) fail_usage("--photon-counts: found ", n, ", wanted 1 to 1000000");
  std::vector<double> taus;
  for (const Decay& decay : calibration_decays(data.decay))
    if (decay.tau1_ns == decay.tau2_ns) taus.push_back(decay.tau1_ns);
  require(!taus.empty(),
          "evaluate: found a prior without decays of one component, wanted some for a network of "
          "single photons");
  const std::size_t lists = std::max<std::size_t>(a.count("samples") / 20, 1);
  const std::vector<PhotonRow> rows =
      evaluate_photons(model, data, taus, photons, lists, a.count("seed"),
                       [](std::size_t) { return !interrupted(); });
  if (interrupted()) return false;
  std::printf("lifetime, %% of it, over %zu lists each; ratio: RMSE / bound\n", lists);
  std::printf("%6s%12s%9s | %6s%6s |%23s%12s%12s |%23s |%23s\n", "ns", "background", "photons",
              "bound", "F", "network: bias RMSE ratio", "within one", "within two",
              "MLE: bias RMSE ratio", "CMM: bias RMSE ratio");
  for (const PhotonRow& r : rows) {
    std::printf("%6.2f%10.1f %%%9d | %6.2f%6.2f |", r.tau_ns, 100.0 * r.background_share, r.photons,
                100.0 * r.bound, r.f_value(r.bound));
    for (const PhotonScore& s : r.scores) {
      std::printf("%8.2f%8.2f%8.3f", 100.0 * s.bias, 100.0 * s.rmse(), s.rmse() / r.bound);
      if (s.estimator == "network")
        std::printf("%10.1f %%%10.1f %%", 100.0 * s.within_one, 100.0 * s.within_two);
      std::printf(&s == &r.scores.back() ? "\n" : " |");
    }
  }
  if (const int trained = model.description().gates; std::ranges::max(photons) > trained)
    warn_of_many_photons("some lists", trained);
  if (a.has("json")) write_file(a.text("json"), to_json(rows) + "\n");
  return true;
}

}  // namespace

int evaluate(int argc, char** argv) {
  Arguments a("evaluate", "MODEL [options]",
              "Measures a model on fresh simulated traces: its own prior's, or others.", {"model"});
  a.group("")("samples", "traces to evaluate on",
              cxxopts::value<std::string>()->default_value("20000"),
              "N")("seed", "of those traces", cxxopts::value<std::string>()->default_value("1000"),
                   "N")("json", "write the figures here", cxxopts::value<std::string>(), "FILE")(
      "unlike",
      "how many traces that the model was not trained for it would flag, by kind and photons; on a "
      "tenth of the samples each")("write-margin",
                                   "of a model of integers, which updates are too small for its "
                                   "carried state to be written; on a "
                                   "tenth of the samples")(
      "scatter-plot", "picture of true against predicted lifetimes", cxxopts::value<std::string>(),
      "PNG");
  a.group("Networks that give lifetimes")(
      "calibration",
      "measure their standard deviations at 30 to 10,000 photons and five lifetimes (of the "
      "prior's "
      "ends, and between), beside the bound, on a fifth of the samples each; the table goes here",
      cxxopts::value<std::string>(),
      "CSV")("reliability-plot", "picture of that table", cxxopts::value<std::string>(), "PNG");
  a.group("Networks of single photons, beside the field's estimators and the bound")(
      "photon-counts",
      "photons of a list (default: 10,30,100,300,1000); a twentieth of the samples each, at five "
      "lifetimes of the prior",
      cxxopts::value<std::string>(), "N,N..");
  a.needs({"reliability-plot"}, {"calibration"});
  a.excludes({"json", "scatter-plot", "unlike"}, {"calibration"});
  add_threads(a);
  add_prior_options(a);
  if (!a.parse(argc, argv)) return kSuccess;
  use_threads(a);
  const std::unique_ptr<TraceModel> loaded =
      load_trace_model(a.positional("model"), ModelReads::either);
  const TraceModel& model = *loaded;
  const Prior data = prior_from(a, Prior{model.simulator, model.first_gate_ns});
  const std::uint64_t samples = a.count("samples");
  if (samples < 1 || samples > 1u << 30)
    fail_usage("--samples: found ", samples, ", wanted 1 to 2^30");
  if (samples < 10 && a.has("unlike"))
    fail_usage("--samples: found ", samples, ", wanted at least 10 with --unlike");
  a.allow_beside("write-margin", {"model", "samples", "seed", "json", "threads"});
  a.allow_beside("unlike", {"model", "samples", "seed", "json", "threads"});
  if (samples < 500 && a.has("calibration"))
    fail_usage("--samples: found ", samples, ", wanted at least 500 with --calibration");
  check_outputs(a, {"json", "scatter-plot", "calibration", "reliability-plot"});
  if (a.has("scatter-plot") || a.has("reliability-plot")) require_gnuplot();
  if (model.reads_photons())
    return evaluate_network_of_photons(model, data.simulator, a) ? kSuccess : kInterrupted;
  if (a.has("photon-counts")) fail_usage("--photon-counts: does nothing for a network of traces");
  if (a.has("write-margin")) {
    evaluate_write_margin(model, a);
    return kSuccess;
  }
  if (a.has("calibration"))
    return evaluate_calibration(model, data.simulator, a) ? kSuccess : kInterrupted;
  if (a.has("unlike")) return evaluate_unlike(model, a) ? kSuccess : kInterrupted;
  Progress progress = shown_progress("evaluate", "traces", static_cast<double>(samples));
  const Evaluation e =
      taugate::evaluate(model, samples, a.count("seed"), data.simulator, [&](std::size_t done) {
        progress.update(static_cast<double>(done));
        return !interrupted();
      });
  if (interrupted()) return kInterrupted;
  progress.finish(static_cast<double>(samples));
  print(e);
  if (a.has("json")) write_file(a.text("json"), to_json(e) + "\n");
  if (a.has("scatter-plot"))
    draw_lifetime_scatter(a.text("scatter-plot"), "Amplitude-weighted lifetime", e.true_ns,
                          e.predicted_ns);
  return kSuccess;
}

}  // namespace taugate::cli
