#include "cli/options/fit_options.h"

#include <algorithm>

#include "cli/options/file_list.h"
#include "cli/options/measurement_options.h"
#include "cli/options/pixel_options.h"
#include "cli/options/report_options.h"
#include "cli/results/pixel_results.h"
#include "taugate/fli/inference/recorded_irf.h"
#include "taugate/fli/io/rebin.h"

namespace taugate::cli {
namespace {

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
      "shift",
      "place of the IRF: known, global (one for all pixels) or pixel (of the sums over a mask's "
      "labels)",
      preset("global"), "MODE")("no-background", "there is none")(
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
  a.needs({"shift"}, {"irf", "irf-fwhm", "files"});  // a list may bring the IRFs
  a.needs({"irf-per-pixel"}, {"irf", "files"});
  a.excludes({"irf-fwhm"}, {"irf"});
  a.needs({"irf-delay", "irf-tail"}, {"irf-fwhm"});
  return a;
}

ImageFitOptions fit_options_from(const Arguments& a) {
  ImageFitOptions o;
  o.kind = estimator_kind(a.text("method"));
  FitOptions& fit = o.estimator.fit;
  fit.unknowns.components = a.small_count("components");
  // Labels differ in lifetime, and have counts enough to tell where their IRF is.
  const bool labels = a.has("mask") && !a.has("mask-pixels") && !a.has("share-lifetimes") &&
                      (o.kind == EstimatorKind::lm || o.kind == EstimatorKind::mle);
  const std::string shift = labels && !a.has("shift") ? "pixel" : a.text("shift");
  if (shift == "known")
    o.shift = ShiftMode::known;
  else if (shift == "pixel")
    o.shift = ShiftMode::pixel;
  else if (shift != "global")
    fail_usage("--shift: found '", shift, "', wanted known, global or pixel");
  fit.unknowns.background = !a.has("no-background");
  const std::string sharing = a.maybe("share-lifetimes").value_or("");
  o.share_lifetimes = sharing == "pixels";
  if (!sharing.empty() && !o.share_lifetimes && sharing != "frames" && sharing != "files")
    fail_usage("--share-lifetimes: found '", sharing, "', wanted pixels, frames or files");
  if (!sharing.empty() && a.has("sliding"))
    fail_usage(
        "--share-lifetimes: found --sliding, too, whose sums share photons; wanted one of the two");
  if (!sharing.empty() && !o.share_lifetimes && !a.has("table"))
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
  if (a.has("tau") && fit.tau_ns == Range{})  // which the library takes for its own choice
    fail_usage("--tau: found '", a.text("tau"), "', wanted two different limits above 0");
  if (a.has("from")) o.from_ns = a.number("from");
  if (a.has("to")) o.to_ns = a.number("to");
  if (a.has("to") && !(o.to_ns > 0.0))
    fail_usage("--to: found ", o.to_ns, " ns, wanted more than 0");
  const bool moments = o.kind != EstimatorKind::lm && o.kind != EstimatorKind::mle;
  validate(o);
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

void require_irf(const Arguments& a, const ImageFitOptions& o) {
  if (!a.has("irf") && !a.has("irf-fwhm") && !a.has("from") && o.kind != EstimatorKind::phasor)
    fail_usage(
        "wanted an IRF: --irf FILE, or --irf-fwhm and --irf-delay, or --from NS where the "
        "decay is bare from there on (see: taugate fit --help)");
}

namespace {

/// The IRF that the options name; a record is of one trace unless each pixel has its own. UsageError
/// where there is none and the estimator needs one.
IrfChoice irf_choice_from(const Arguments& a, const Measurement& measurement,
                          const ImageFitOptions& o) {
  IrfChoice choice;
  choice.align = a.has("irf-align");
  if (a.has("irf")) {
    Measurement irf = irf_from(a, &measurement);
    if (a.has("irf-per-pixel") && choice.align)
      fail_usage("--irf-align: makes one IRF of all, --irf-per-pixel keeps them apart; wanted one");
    const bool apart = a.has("irf-per-pixel") || choice.align;
    choice.record = apart ? std::move(irf) : summed_record(std::move(irf));
  } else if (a.has("irf-fwhm")) {
    if (!a.has("irf-delay")) fail_usage("--irf-fwhm: wanted --irf-delay NS, too");
    choice.gaussian = {a.number("irf-fwhm"), a.number("irf-delay"), a.number("irf-tail")};
  } else {
    require_irf(a, o);
  }
  return choice;
}

}  // namespace

RecordedGates gates_and_irfs(const Arguments& a, Measurement measurement,
                             std::optional<double> first_gate_ns, ImageFitOptions& options,
                             FitIrfs& irfs) {
  const Acquisition tiling = gates_of(measurement, wanted_gates(a));
  const IrfChoice choice = irf_choice_from(a, measurement, options);
  RecordedGates gates = recorded_gates(std::move(measurement), tiling, options, first_gate_ns);
  irfs = fit_irfs(choice, gates);
  if (choice.align) print_alignment(a, irfs.shift_ns);
  if (!choice.record && !choice.gaussian) options.shift = ShiftMode::known;
  return gates;
}

std::optional<PhasorTransform> reference_from(const Arguments& a, const RecordedGates& gates) {
  if (!a.has("reference")) return std::nullopt;
  if (!a.has("reference-tau")) fail_usage("--reference: wanted --reference-tau NS, too");
  Measurement reference = summed_record(read_measurement(a.text("reference")));
  if (!reference.bin_ns && a.has("bin")) reference.bin_ns = a.number("bin");
  const std::vector<float> counts = rebin(reference, gates.acquisition, gates.first_gate_ns);
  return PhasorTransform(gates.acquisition, std::span<const float>(counts),
                         a.number("reference-tau"));
}

}  // namespace taugate::cli
