#include "cli/options/prior_options.h"

#include <algorithm>
#include <cmath>

#include "cli/options/measurement_options.h"
#include "taugate/core/file.h"
#include "taugate/fli/inference/measured_prior.h"
#include "taugate/fli/inference/recorded_irf.h"
#include "taugate/fli/io/measurement.h"

namespace taugate::cli {
namespace {

constexpr int kMeasuredGates = 256;         // unless --gates says otherwise
constexpr double kLifetimesInWindow = 8.0;  // of the longest, where the period leaves the choice
constexpr Range kRiseAmplitude{0.0, 0.4};   // unless a configuration says otherwise

DetectorKind detector_kind(const std::string& name) {
  if (name == "tcspc") return DetectorKind::tcspc;
  if (name == "gated-spad") return DetectorKind::gated_spad;
  if (name == "iccd") return DetectorKind::iccd;
  fail_usage("--detector: found '", name, "', wanted tcspc, gated-spad or iccd");
}

void apply_decay(const Arguments& a, DecayPrior& decay) {
  if (a.has("tau")) {
    decay.tau1_ns = decay.tau2_ns = a.range("tau");
    decay.log_uniform = true;
    decay.mono_probability = 0.5;
  }
  if (a.has("tau1")) decay.tau1_ns = a.range("tau1");
  if (a.has("tau2")) decay.tau2_ns = a.range("tau2");
  if (a.has("fraction")) decay.fraction = a.range("fraction");
  if (a.has("mono")) decay.mono_probability = a.number("mono");
  if (a.has("rise")) {
    decay.rise_ns = a.range("rise");
    if (!(decay.rise_amplitude.high > 0.0)) decay.rise_amplitude = kRiseAmplitude;
  }
}

/// The acquisition; and the times at which --measured has data, where that is not all of the
/// period. `known`: the configuration is that of a model.
std::optional<Range> apply_acquisition(const Arguments& a, SimulatorConfig& config, bool known) {
  Acquisition& acquisition = config.acquisition;
  std::optional<Range> times;
  double bin = 0.0;
  if (a.has("measured")) {
    Measurement recorded = read_measurement(a.text("measured"));
    if (a.has("period")) set_time_axis(recorded, {}, a.number("period"));
    require(recorded.period_ns.has_value(), a.text("measured"),
            ": does not tell the laser period; give --period NS");
    acquisition.period_ns = *recorded.period_ns;
    acquisition.gates = kMeasuredGates;
    if (recorded.bin_ns) {
      bin = *recorded.bin_ns;
      times = recorded_times(recorded, a.has("period") ? a.number("period") : *recorded.period_ns);
    }
  }
  if (a.has("period") && !a.has("measured")) acquisition.period_ns = a.number("period");
  if (a.has("gates")) acquisition.gates = a.small_count("gates");
  if (a.has("photons")) {  // which may arrive at any time of the period
    if (!a.has("gates") && (!known || a.has("measured")))
      acquisition.gates = std::min(
          kMeasuredGates,
          bin > 0.0 ? static_cast<int>(std::lround(acquisition.period_ns / bin)) : kMeasuredGates);
    acquisition.gate_step_ns = acquisition.gate_width_ns =
        acquisition.period_ns / std::max(acquisition.gates, 1);
    require(!times || times->high - times->low > acquisition.period_ns - 2.0 * bin,
            a.maybe("measured").value_or(""),
            ": found a record of less than the laser period, "
            "wanted all of it for --photons");
    times.reset();
  } else if (a.has("gate-step")) {
    acquisition.gate_step_ns = acquisition.gate_width_ns = a.number("gate-step");
  } else if (a.has("measured") || a.has("window")) {
    const double wanted = kLifetimesInWindow * config.decay.tau2_ns.high;
    const double most = times ? times->high - times->low : acquisition.period_ns;
    const double window = a.has("window") ? a.number("window") : std::min(most, wanted);
    double step = window / acquisition.gates;
    if (!a.has("gates") && step < bin) {  // no finer than the recorder's own
      step = bin;
      acquisition.gates = static_cast<int>(std::floor(window / bin + 1e-6));
    }
    acquisition.gate_step_ns = acquisition.gate_width_ns = step;
  }
  if (a.has("gate-width")) acquisition.gate_width_ns = a.number("gate-width");
  validate(acquisition);
  if (times && acquisition.window_ns() > times->high - times->low + 0.5 * acquisition.gate_step_ns)
    fail_usage("gates: found ", acquisition.gates, " of ", acquisition.gate_step_ns, " ns, ",
               a.text("measured"), " has data from ", times->low, " to ", times->high,
               " ns only; wanted gates that fit in there");
  return times;
}

/// A file of measured IRFs, into the prior.
void apply_measured_irf(const Arguments& a, std::optional<Range> times, Prior& prior) {
  const MeasuredPriorResult found = set_measured_irf(
      prior.simulator, irf_from(a),
      {irf_shape(a.maybe("irf-model").value_or("measured")), a.has("irf-align"), times},
      prior.first_gate_ns);
  prior.first_gate_ns = found.first_gate_ns;
  if (a.has("irf-align")) print_alignment(a, found.shift_ns);
}

}  // namespace

void add_prior_options(Arguments& arguments) {
  const auto value = [] { return cxxopts::value<std::string>(); };
  arguments.group("Simulated traces (times in ns; RANGE is LOW:HIGH or one number)")(
      "preset", "acquisition and IRF: ss2-70, ss3-135, iccd-176", value(), "NAME")(
      "prior",
      "lifetimes, counts and background: general (default; mostly one component) or paper (two)",
      value(),
      "NAME")("config", "simulator configuration as JSON (see docs/simulator.md)", value(), "FILE")(
      "measured", "take the laser period from this recording and choose the gates to suit --tau",
      value(), "FILE")("gates", "gates of a trace", value(), "T")(
      "gate-step", "time from gate to gate", value(), "NS")(
      "gate-width", "time that a gate is open (default: the step)", value(), "NS")(
      "window", "time that all gates span, instead of --gate-step", value(), "NS")(
      "period", "laser period", value(), "NS")(
      "tau", "both lifetimes, log-uniform, every second trace mono-exponential", value(), "RANGE")(
      "tau1", "shorter lifetime", value(), "RANGE")("tau2", "longer lifetime", value(), "RANGE")(
      "fraction", "amplitude of the shorter one", value(), "RANGE")(
      "mono", "share of mono-exponential traces", value(), "P")(
      "counts", "peak counts, log-uniform", value(), "RANGE")(
      "background", "background counts per gate", value(), "RANGE")(
      "background-share", "share of all counts that are background, in every second trace", value(),
      "RANGE")("scatter", "share of the light that is scattered: follows the IRF", value(),
               "RANGE")("rise", "time constant of a rise of amplitude 0 to -0.4", value(), "RANGE")(
      "irf-model", "measured: draw those curves; exgauss or gate: draw from the range of such fits",
      value(), "NAME")("irf-fwhm", "width of a Gaussian IRF", value(), "RANGE")(
      "irf-delay", "time of its centre (of a measured IRF: added to its own)", value(), "RANGE")(
      "irf-tail", "exponential tail of every second Gaussian IRF (default: none)", value(),
      "RANGE")("irf-gate", "width of a rectangular gate that blurs it", value(), "RANGE")(
      "detector", "tcspc, gated-spad or iccd", value(), "KIND")(
      "dark", "dark counts per gate", value(), "N")("hot", "share of hot pixels", value(), "P")(
      "outputs", "1: the decay; 3: also its short and its long component", value(), "C");
  add_irf_library_options(arguments, "Measured IRF instead of a Gaussian one");
  arguments.needs({"irf-model"}, {"irf"});
  arguments.excludes({"irf-fwhm", "irf-gate"}, {"irf"}, {"irf-model"});
  arguments.excludes({"preset"}, {"config"});
  arguments.excludes({"background-share"}, {"background"});
  arguments.excludes({"window"}, {"gate-step"});
}

Prior prior_from(const Arguments& a, const std::optional<Prior>& base) {
  if (a.has("config") && a.has("prior"))
    fail_usage("--prior: found --config beside it, wanted one of them (or a field \"prior\" in ",
               a.text("config"), ")");
  Prior prior = base.value_or(Prior{simulator_preset("ss2-70"), 0.0});
  if (a.has("preset")) prior = {simulator_preset(a.text("preset")), 0.0};
  if (a.has("config"))
    prior = {simulator_config_from_json(read_file(a.text("config"), 1 << 28)), 0.0};
  SimulatorConfig& config = prior.simulator;
  if (a.has("prior"))
    set_prior(config, a.text("prior"));
  else if (!base && !a.has("config"))
    set_prior(config, "general");
  apply_decay(a, config.decay);
  const std::optional<Range> times = apply_acquisition(a, config, base.has_value());
  if (times) prior.first_gate_ns = times->low;
  if (a.has("irf")) apply_measured_irf(a, times, prior);
  if (a.has("irf-fwhm")) config.irf.fwhm_ns = a.range("irf-fwhm");
  if (a.has("irf-delay")) config.irf.delay_ns = a.range("irf-delay");
  if (a.has("irf-delay") && !a.has("irf") && config.irf.delay_ns.low < 0.0)
    fail_usage("--irf-delay: found ", a.text("irf-delay"), ", wanted times from 0 up");
  if (a.has("irf-delay") && times && !a.has("irf")) {  // from the file's clock to the gates'
    config.irf.delay_ns.low -= prior.first_gate_ns;
    config.irf.delay_ns.high -= prior.first_gate_ns;
  }
  if (a.has("irf-tail")) {
    config.irf.tail_ns = a.range("irf-tail");
    config.irf.tail_probability = 0.5;
  }
  if (a.has("irf-gate")) config.irf.gate_ns = a.range("irf-gate");
  if (a.has("counts")) config.peak_counts = a.range("counts");
  if (a.has("background")) {  // in the place of all that the prior has
    config.background_counts = a.range("background");
    config.background_fraction = config.background_share = {0.0, 0.0};
  }
  if (a.has("background-share")) {
    config.background_share = a.range("background-share");
    config.background_counts = config.background_fraction = {0.0, 0.0};
  }
  if (a.has("scatter")) config.scatter = a.range("scatter");
  if (a.has("detector")) config.detector.kind = detector_kind(a.text("detector"));
  if (a.has("dark")) config.detector.dark_counts = a.number("dark");
  if (a.has("hot")) config.detector.hot_probability = a.number("hot");
  if (a.has("outputs")) config.channels = a.small_count("outputs");
  validate(config);
  return prior;
}

}  // namespace taugate::cli
