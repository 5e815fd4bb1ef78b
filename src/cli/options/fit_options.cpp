#include "cli/options/fit_options.h"

#include <cmath>

#include "cli/options/file_list.h"
#include "cli/options/measurement_options.h"
#include "cli/options/pixel_options.h"
#include "cli/options/report_options.h"
#include "cli/results/pixel_results.h"
#include "taugate/fli/inference/recorded_irf.h"
#include "taugate/fli/io/rebin.h"

namespace taugate::cli {
namespace {

constexpr double kNarrowestIrf = 1e-3;  // ns
constexpr std::uint64_t kMostGates = 65536;

int wanted_gates(const Arguments& a) {
  if (!a.has("gates")) return 0;
  const std::uint64_t gates = a.count("gates");
  if (gates < 2 || gates > kMostGates)
    fail_usage("--gates: found ", gates, ", wanted 2 to ", kMostGates);
  return static_cast<int>(gates);
}

/// The lifetimes of --fix-tau.
void fix_lifetimes(const Arguments& a, FitOptions& fit) {
  const std::vector<double> tau = a.numbers("fix-tau");
  if (tau.size() != static_cast<std::size_t>(fit.unknowns.components) || !(tau[0] > 0.0) ||
      !(tau.back() > 0.0))
    fail_usage("--fix-tau: found '", a.text("fix-tau"), "', wanted ", fit.unknowns.components,
               " lifetime(s) above 0, one for each component");
  fit.unknowns.lifetimes = false;
  fit.known.tau_ns = {tau[0], tau.back()};
}

}  // namespace

Arguments fit_arguments() {
  Arguments a("fit", "FILE... [options]",
              "Estimates lifetimes by the field's methods: reconvolution fits and moments.\n"
              "FILE is a stack or a list of traces, as for infer.",
              {"file"});
  const auto value = [] { return cxxopts::value<std::string>(); };
  const auto preset = [](const char* v) { return cxxopts::value<std::string>()->default_value(v); };
  a.group("")("o,output", "folder for tables, maps and pictures", value(), "FOLDER")(
      "json", "write the summary here", value(), "FILE")("no-pictures", "draw nothing")(
      "residuals", "lm, mle: write the residual of every gate, in its standard deviations");
  add_report(a);
  add_threads(a);
  a.group("Estimator")("method", "lm, mle, cmm, rld or phasor", preset("mle"), "NAME")(
      "components", "1 or 2", preset("1"), "N")(
      "shift", "place of the IRF: known, global (one for all pixels) or pixel", preset("global"),
      "MODE")("no-background", "there is none")(
      "share-lifetimes", "lm, mle: one fit of all pixels; of all frames or files (with --table)",
      value(),
      "pixels|frames|files")("fix-tau", "lm, mle: lifetimes that are known", value(), "NS[,NS]")(
      "weights", "lm: by the fitted model, by the counts (biased where they are few), or equal",
      preset("model"), "KIND")("tau", "limits of a lifetime", value(), "NS:NS")(
      "from", "nothing before this time of the file's clock is fitted", value(), "NS")(
      "to", "nothing from this time on is fitted", value(), "NS");
  const std::string irf = "IRF (without one, --from says where the bare decay begins)";
  add_irf_library_options(a, irf);
  a.group(irf)("irf-per-pixel", "the file holds one for each pixel")(
      "irf-fwhm", "width of a Gaussian IRF instead", value(), "NS")(
      "irf-delay", "time of its centre", value(), "NS")("irf-tail", "its exponential tail",
                                                        preset("0"), "NS");
  a.group("Phasor")("reference", "recording of a dye that calibrates it, instead of an IRF",
                    value(), "FILE")("reference-tau", "lifetime of that dye", value(), "NS");
  add_measurement_options(a);
  a.group("Measurement")("gates",
                         "gates to sort the record into (default: its own bins, up to 1024 "
                         "where it is folded at the period)",
                         value(), "T");
  add_pixel_options(a);
  add_table_options(a);
  a.group("Pictures")("pixel", "pixel of the trace picture (default: the brightest)", value(),
                      "ROW,COLUMN")("scale", "colour scale of the maps (default: from the data)",
                                    value(), "NS:NS");
  a.needs({"pixel", "scale"}, {"output", "report"});
  a.excludes({"pixel", "scale"}, {"no-pictures"}, {"report"});
  a.needs_value({"weights"}, "method", {"lm"});
  a.needs_value({"residuals", "share-lifetimes", "fix-tau"}, "method", {"lm", "mle"});
  a.excludes({"fix-tau"}, {"share-lifetimes", "tau"});
  a.needs_value({"reference"}, "method", {"phasor"});
  a.needs({"reference-tau"}, {"reference"});
  a.needs({"shift"}, {"irf", "irf-fwhm"});
  a.needs({"irf-per-pixel"}, {"irf"});
  a.excludes({"irf-fwhm"}, {"irf"});
  a.needs({"irf-delay", "irf-tail"}, {"irf-fwhm"});
  return a;
}

ImageFitOptions fit_options_from(const Arguments& a) {
  ImageFitOptions o;
  o.kind = estimator_kind(a.text("method"));
  const std::uint64_t components = a.count("components");
  if (components < 1 || components > kMostComponents)
    fail_usage("--components: found ", components,
               ", wanted 1 or 2 (three take a million photons: docs/fitting.md)");
  FitOptions& fit = o.estimator.fit;
  fit.unknowns.components = static_cast<int>(components);
  const std::string shift = a.text("shift");
  if (shift == "known")
    o.shift = ShiftMode::known;
  else if (shift == "pixel")
    o.shift = ShiftMode::pixel;
  else if (shift != "global")
    fail_usage("--shift: found '", shift, "', wanted known, global or pixel");
  fit.unknowns.background = !a.has("no-background");
  const std::string sharing = a.maybe("share-lifetimes").value_or("");
  o.global_lifetimes = sharing == "pixels";
  if (!sharing.empty() && !o.global_lifetimes && sharing != "frames" && sharing != "files")
    fail_usage("--share-lifetimes: found '", sharing, "', wanted pixels, frames or files");
  if (!sharing.empty() && !o.global_lifetimes && !a.has("table"))
    fail_usage("--share-lifetimes: found ", sharing, ", wanted --table CSV, too");
  if (!sharing.empty() && o.shift == ShiftMode::pixel)
    fail_usage("--share-lifetimes: found --shift pixel, wanted known or global");
  if (a.has("fix-tau")) fix_lifetimes(a, fit);
  const std::string weights = a.text("weights");
  if (weights == "counts")
    fit.weights = GateWeights::counts;
  else if (weights == "equal")
    fit.weights = GateWeights::equal;
  else if (weights != "model")
    fail_usage("--weights: found '", weights, "', wanted model, counts or equal");
  if (a.has("tau")) fit.tau_ns = a.range("tau");
  if (a.has("tau") && !(fit.tau_ns.low > 0.0 && fit.tau_ns.high > fit.tau_ns.low))
    fail_usage("--tau: found '", a.text("tau"), "', wanted two different limits above 0");
  if (a.has("from")) o.from_ns = a.number("from");
  if (a.has("to")) o.to_ns = a.number("to");
  if (o.from_ns < 0.0 || (a.has("to") && !(o.to_ns > o.from_ns)))
    fail_usage("--from, --to: found ", o.from_ns, " and ", o.to_ns,
               " ns, wanted times from 0 up in this order");
  const bool moments = o.kind != EstimatorKind::lm && o.kind != EstimatorKind::mle;
  if (moments && (components > 1 || o.global_lifetimes || o.shift == ShiftMode::pixel))
    fail_usage("--method ", a.text("method"),
               ": knows one component and no shift of a pixel; wanted lm or mle");
  if (o.kind == EstimatorKind::phasor && (a.has("to") || (a.has("from") && a.has("irf"))))
    fail_usage("--from, --to: found --method phasor, which takes all gates");
  o.keep_expected = a.has("residuals");
  if (moments && o.keep_expected)
    fail_usage("--residuals: found --method ", a.text("method"), ", which fits no trace");
  if (o.keep_expected && !a.has("output")) fail_usage("--residuals: wanted -o FOLDER, too");
  // The report shows every pixel's fit.
  if (!moments && a.has("report") && !a.has("no-pictures")) o.keep_expected = true;
  return o;
}

std::optional<Measurement> recorded_irf(const Arguments& a, const Measurement& measurement) {
  if (!a.has("irf")) return std::nullopt;
  Measurement irf = irf_from(a, &measurement);
  if (a.has("irf-per-pixel") && a.has("irf-align"))
    fail_usage("--irf-align: makes one IRF of all, --irf-per-pixel keeps them apart; wanted one");
  if (!a.has("irf-per-pixel") && !a.has("irf-align")) {
    const std::vector<double> sum = summed_trace(irf);
    irf.counts.assign(sum.begin(), sum.end());
    irf.width = irf.height = 1;
  }
  return irf;
}

void make_curves(const Arguments& a, const RecordedGates& gates, const ImageFitOptions& o,
                 FitIrfs& irfs) {
  const Acquisition& acquisition = gates.acquisition;
  if (irfs.record) {
    if (a.has("irf-align")) {
      AlignedIrf aligned = aligned_irf_on_gates(*irfs.record, acquisition, gates.first_gate_ns);
      print_alignment(a, aligned.shift_ns);
      irfs.measured = std::move(aligned.sum);
    } else {
      irfs.measured = irfs_on_gates(*irfs.record, acquisition, gates.first_gate_ns);
    }
    for (int i = 0; i < irfs.measured->size(); ++i) irfs.curves.push_back(irfs.measured->curve(i));
  } else if (a.has("irf-fwhm")) {
    const double fwhm = a.number("irf-fwhm"), tail = a.number("irf-tail");
    if (!a.has("irf-delay")) fail_usage("--irf-fwhm: wanted --irf-delay NS, too");
    const double given = a.number("irf-delay"), delay = given - gates.first_gate_ns;
    const double period = acquisition.period_ns;
    if (!(fwhm >= kNarrowestIrf && fwhm <= period && tail >= 0.0 && tail <= period))
      fail_usage("--irf-fwhm, --irf-tail: found ", fwhm, " and ", tail, " ns, wanted a width of ",
                 kNarrowestIrf, " to ", period, " and a tail of 0 to ", period, " ns");
    if (!(given >= 0.0 && std::abs(delay) <= period))
      fail_usage("--irf-delay: found ", given, " ns, wanted 0 or more, within a laser period of ",
                 period, " ns from ", gates.first_gate_ns, " ns");
    irfs.curves.push_back(parametric_irf(delay, fwhm, 0.0, tail, irfs.buffer));
  } else if (a.has("from") || o.kind == EstimatorKind::phasor) {
    // A pulse at time 0: from there on, the decay is bare.
    irfs.buffer = {0.0, 1.0, 0.0};
    irfs.curves.push_back({0.0, 1e-4 * acquisition.gate_step_ns, irfs.buffer, 0.0});
  } else {
    fail_usage(
        "wanted an IRF: --irf FILE, or --irf-fwhm and --irf-delay, or --from NS where the "
        "decay is bare from there on (see: taugate fit --help)");
  }
}

RecordedGates gates_and_irfs(const Arguments& a, Measurement measurement,
                             std::optional<double> first_gate_ns, ImageFitOptions& options,
                             FitIrfs& irfs) {
  const Acquisition tiling = gates_of(measurement, wanted_gates(a));
  irfs.record = recorded_irf(a, measurement);
  RecordedGates gates = recorded_gates(std::move(measurement), tiling, options, first_gate_ns);
  make_curves(a, gates, options, irfs);
  if (!irfs.record && !a.has("irf-fwhm")) options.shift = ShiftMode::known;
  return gates;
}

std::optional<PhasorTransform> reference_from(const Arguments& a, const RecordedGates& gates) {
  if (!a.has("reference")) return std::nullopt;
  if (!a.has("reference-tau")) fail_usage("--reference: wanted --reference-tau NS, too");
  Measurement reference = read_measurement(a.text("reference"));
  if (!reference.bin_ns && a.has("bin")) reference.bin_ns = a.number("bin");
  const std::vector<double> sum = summed_trace(reference);
  reference.counts.assign(sum.begin(), sum.end());
  reference.width = reference.height = 1;
  const std::vector<float> counts = rebin(reference, gates.acquisition, gates.first_gate_ns);
  return PhasorTransform(gates.acquisition, std::span<const float>(counts),
                         a.number("reference-tau"));
}

}  // namespace taugate::cli
