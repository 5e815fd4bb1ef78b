#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <limits>
#include <numeric>

#include "cli/commands.h"
#include "cli/results/fit_report.h"
#include "cli/results/fit_summary.h"
#include "cli/options/measurement_options.h"
#include "cli/results/pixel_results.h"
#include "taugate/core/file.h"
#include "core/interrupt.h"
#include "taugate/core/parallel.h"
#include "core/progress.h"
#include "taugate/fli/physics/decay.h"
#include "fli/formats/csv.h"
#include "fli/formats/npz.h"
#include "taugate/fli/io/rebin.h"
#include "taugate/fli/plot/plot_maps.h"
#include "taugate/fli/physics/response.h"
#include "taugate/fli/inference/image_fit.h"
#include "taugate/fli/inference/recorded_irf.h"

namespace taugate::cli {
namespace {

namespace fs = std::filesystem;

constexpr double kNarrowestIrf = 1e-3;  // ns
constexpr std::uint64_t kMostGates = 65536;

Arguments declare() {
  Arguments a("fit", "FILE [options]",
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
      "global-lifetimes", "lm, mle: one fit of all pixels, which share their lifetimes")(
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
  a.group("Pictures")("pixel", "pixel of the trace picture (default: the brightest)", value(),
                      "ROW,COLUMN")("scale", "colour scale of the maps (default: from the data)",
                                    value(), "NS:NS");
  a.needs({"pixel", "scale"}, {"output", "report"});
  a.excludes({"pixel", "scale"}, {"no-pictures"}, {"report"});
  a.needs_value({"weights"}, "method", {"lm"});
  a.needs_value({"residuals", "global-lifetimes"}, "method", {"lm", "mle"});
  a.needs_value({"reference"}, "method", {"phasor"});
  a.needs({"reference-tau"}, {"reference"});
  a.needs({"shift"}, {"irf", "irf-fwhm"});
  a.needs({"irf-per-pixel"}, {"irf"});
  a.excludes({"irf-fwhm"}, {"irf"});
  a.needs({"irf-delay", "irf-tail"}, {"irf-fwhm"});
  return a;
}

ImageFitOptions options_from(const Arguments& a) {
  ImageFitOptions o;
  o.kind = estimator_kind(a.text("method"));
  const std::uint64_t components = a.count("components");
  if (components < 1 || components > kMostComponents)
    fail_usage("--components: found ", components,
               ", wanted 1 or 2 (three take a million photons: docs/fitting.md)");
  o.components = static_cast<int>(components);
  const std::string shift = a.text("shift");
  if (shift == "known")
    o.shift = ShiftMode::known;
  else if (shift == "pixel")
    o.shift = ShiftMode::pixel;
  else if (shift != "global")
    fail_usage("--shift: found '", shift, "', wanted known, global or pixel");
  o.background = !a.has("no-background");
  o.global_lifetimes = a.has("global-lifetimes");
  if (o.global_lifetimes && o.shift == ShiftMode::pixel)
    fail_usage("--global-lifetimes: found --shift pixel, wanted known or global");
  const std::string weights = a.text("weights");
  if (weights == "counts")
    o.weights = GateWeights::counts;
  else if (weights == "equal")
    o.weights = GateWeights::equal;
  else if (weights != "model")
    fail_usage("--weights: found '", weights, "', wanted model, counts or equal");
  if (a.has("tau")) o.tau_ns = a.range("tau");
  if (a.has("tau") && !(o.tau_ns.low > 0.0 && o.tau_ns.high > o.tau_ns.low))
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

/// The IRF's curves and what their samples lie in.
struct Irfs {
  std::optional<Measurement> record;
  std::optional<MeasuredIrfs> measured;
  std::vector<double> buffer;
  std::vector<IrfCurve> curves;
};

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
                 Irfs& irfs) {
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

/// The maps of all pixels; counts are those that were fitted.
Maps maps_of(const RecordedGates& gates, const ImageFit& fit) {
  const std::vector<Estimate>& pixels = fit.pixels;
  const std::ptrdiff_t first = fit.options.fit.first_gate, end = fit.options.fit.end_gate;
  const std::size_t T = static_cast<std::size_t>(gates.acquisition.gates);
  Maps maps;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const auto begin = gates.counts.begin() + static_cast<std::ptrdiff_t>(i * T);
    const Estimate& e = pixels[i];
    const std::pair<const char*, double> row[] = {
        {"counts", std::accumulate(begin + first, begin + end, 0.0)},
        {"amplitude_weighted_ns", e.amplitude_ns},
        {"intensity_weighted_ns", e.intensity_ns},
        {"tau1_ns", e.tau1_ns},
        {"tau2_ns", e.tau2_ns},
        {"fraction", e.fraction},
        {"photons", e.photons},
        {"background", e.background},
        {"shift_ns", e.shift_ns},
        {"chi2_reduced", e.chi2_reduced},
        {"status", static_cast<double>(e.status)},
        {"amplitude_weighted_sd_ns", e.deviation.amplitude_ns},
        {"intensity_weighted_sd_ns", e.deviation.intensity_ns},
        {"tau1_sd_ns", e.deviation.tau_ns[0]},
        {"tau2_sd_ns", e.deviation.tau_ns[1]},
        {"fraction_sd", e.deviation.fraction},
        {"photons_sd", e.deviation.photons_sd},
        {"background_sd", e.deviation.background},
        {"shift_sd_ns", e.deviation.shift_ns}};
    if (maps.empty())
      for (const auto& [name, value] : row) maps.push_back({name, {}});
    for (std::size_t m = 0; m < maps.size(); ++m)
      maps[m].second.push_back(static_cast<float>(row[m].second));
  }
  return maps;
}

void write_results(const fs::path& folder, const RecordedGates& gates, const Maps& maps) {
  const std::size_t W = static_cast<std::size_t>(gates.width);
  std::vector<std::string> names{"row", "column"};
  for (const auto& map : maps) names.push_back(map.first);
  CsvWriter table(folder / "lifetimes.csv", names);
  std::vector<double> row(names.size());
  for (std::size_t i = 0; i < maps[0].second.size(); ++i) {
    const std::size_t line = i / W;
    row[0] = static_cast<double>(line);
    row[1] = static_cast<double>(i % W);
    for (std::size_t m = 0; m < maps.size(); ++m) row[m + 2] = maps[m].second[i];
    table.row(row);
  }
  table.finish();
  NpzWriter archive(folder / "fit.npz");
  const std::vector<std::size_t> shape =
      gates.height > 1 ? std::vector<std::size_t>{W} : std::vector<std::size_t>{};
  for (const auto& map : maps)
    archive.add(map.first, {'f', 4, false}, shape).append(std::span<const float>(map.second));
  archive.finish();
  write_map_stack(folder, gates.width, gates.height, maps);
}

/// (counts - expected) / sqrt(expected), [N][T] or [H][W][T]; 0 where nothing was fitted.
void write_residuals(const fs::path& path, const RecordedGates& gates,
                     const std::vector<float>& expected) {
  std::vector<float> residuals(expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (expected[i] > 0.0f) residuals[i] = (gates.counts[i] - expected[i]) / std::sqrt(expected[i]);
  std::vector<std::size_t> shape{static_cast<std::size_t>(gates.acquisition.gates)};
  if (gates.height > 1) shape.insert(shape.begin(), static_cast<std::size_t>(gates.width));
  write_npy<float>(path, {'f', 4, false}, shape, residuals);
}

/// Measured counts, those expected in the gates that were fitted, what is left over there, and the
/// decay that was found.
void draw_decay(const RecordedGates& gates, const IrfCurve& irf, std::span<const float> counts,
                const Estimate& e, std::span<const double> expected, const FitOptions& options,
                const std::string& title, const fs::path& target) {
  if (!std::isfinite(e.amplitude_ns)) return;
  const Acquisition& q = gates.acquisition;
  std::vector<float> fitted(expected.begin(), expected.end());
  for (std::size_t k = 0; k < fitted.size(); ++k)
    if (k < static_cast<std::size_t>(options.first_gate) ||
        k >= static_cast<std::size_t>(options.end_gate))
      fitted[k] = std::numeric_limits<float>::quiet_NaN();
  IrfCurve moved = irf;
  moved.start_ns += e.shift_ns;
  const std::vector<float> irf_gates = irf_in_gates(q, moved);
  // The decay alone begins where the IRF is highest.
  const auto peak = std::max_element(irf.density.begin(), irf.density.end()) - irf.density.begin();
  const double bin = 0.1 * q.gate_step_ns;
  std::vector<double> pulse{0.0, 1.0, 0.0}, decay(irf_gates.size());
  Response{q}({moved.start_ns + irf.bin_ns * static_cast<double>(peak) - bin, bin, pulse, 0.0},
              {e.tau1_ns, e.tau2_ns, e.fraction}, decay);
  const std::vector<float> sfd(decay.begin(), decay.end());
  std::ostringstream text;
  text << title << ": " << std::setprecision(4) << e.amplitude_ns << " ns";
  draw_trace(target,
             {text.str(), q.gate_step_ns, counts, sfd, fitted, irf_gates, gates.first_gate_ns});
}

void draw_pixel(const RecordedGates& gates, const IrfCurve& irf, const ImageFit& fit,
                EstimatorKind kind, std::size_t pixel, const fs::path& target) {
  const std::size_t T = static_cast<std::size_t>(gates.acquisition.gates);
  const std::span counts(gates.counts.data() + pixel * T, T);
  const auto estimator = make_estimator(kind, gates.acquisition, irf, fit.options);
  const Estimate e = (*estimator)(counts);
  const std::size_t W = static_cast<std::size_t>(gates.width);
  draw_decay(gates, irf, counts, e, estimator->expected(), fit.options.fit,
             concat("row ", pixel / W, ", column ", pixel % W), target);
}

}  // namespace

int fit(int argc, char** argv) {
  Arguments a = declare();
  if (!a.parse(argc, argv)) return kSuccess;
  use_threads(a);
  const fs::path file = a.positional("file");
  ImageFitOptions options = options_from(a);
  const InferenceOptions given = inference_options_from(a);
  options.least_counts = given.least_counts;
  check_outputs(a, {"json", "report"},
                in_output_folder(
                    a, {"lifetimes.csv", "fit.npz", "summary.json", "maps.tif", "residuals.npy"}));

  if (a.has("output") || a.has("report")) check_pictures(a);
  Measurement measurement = measurement_from(a, file);
  const std::optional<Range> scale = chosen_scale(a, measurement);
  const std::uint64_t gates_wanted = a.has("gates") ? a.count("gates") : 0;
  if (a.has("gates") && (gates_wanted < 2 || gates_wanted > kMostGates))
    fail_usage("--gates: found ", gates_wanted, ", wanted 2 to ", kMostGates);
  const Acquisition tiling = gates_of(measurement, static_cast<int>(gates_wanted));
  Irfs irfs;
  irfs.record = recorded_irf(a, measurement);
  const RecordedGates gates =
      recorded_gates(std::move(measurement), tiling, options, given.first_gate_ns);
  const Acquisition& acquisition = gates.acquisition;
  make_curves(a, gates, options, irfs);
  if (!irfs.record && !a.has("irf-fwhm")) options.shift = ShiftMode::known;
  const std::optional<PhasorTransform> reference = reference_from(a, gates);
  const std::vector<float> intensity = [&] {
    std::vector<float> sums(gates.counts.size() / static_cast<std::size_t>(acquisition.gates));
    for (std::size_t i = 0; i < gates.counts.size(); ++i)
      sums[i / static_cast<std::size_t>(acquisition.gates)] += gates.counts[i];
    return sums;
  }();
  const std::size_t pixel = chosen_pixel(a, gates.width, gates.height, intensity);

  Progress progress(std::cerr, "fit", "traces", static_cast<double>(intensity.size()),
                    {.terminal = is_terminal(2), .clock = {}});
  const auto start = std::chrono::steady_clock::now();
  const ImageFit result = fit_image(
      gates, irfs.curves, options,
      [&](std::size_t done) {
        progress.update(static_cast<double>(done));
        return !interrupted();
      },
      reference ? &*reference : nullptr);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (interrupted()) {
    std::cout << "stopped; nothing written\n";
    return kInterrupted;
  }
  progress.finish(static_cast<double>(intensity.size()));

  const Maps maps = maps_of(gates, result);
  const nlohmann::json s = fit_summary(a, gates, result, maps, seconds);
  print_fit(result, s, seconds);
  if (a.has("json")) write_file(a.text("json"), s.dump(2) + "\n");
  const Report::Draw trace = [&](const fs::path& target) {
    draw_pixel(gates, irfs.curves[irfs.curves.size() > 1 ? pixel : 0], result, options.kind, pixel,
               target);
  };
  const Report::Draw light = [&](const fs::path& target) {
    draw_decay(gates, irfs.curves[0], result.whole_counts, result.whole, result.whole_expected,
               result.options.fit, "all light together", target);
  };
  std::vector<std::uint8_t> doubtful;
  for (const Estimate& e : result.pixels)
    doubtful.push_back(std::isfinite(e.amplitude_ns) && e.status != FitStatus::converged);
  if (a.has("report")) {
    write_report(a, {file.string(), gates, irfs.curves, result, maps, scale, light, trace, seconds,
                     doubtful});
    std::cout << "wrote " << a.text("report") << '\n';
  }
  if (!a.has("output")) return kSuccess;
  const fs::path folder = a.text("output");
  make_folder(folder);
  write_results(folder, gates, maps);
  if (a.has("residuals")) write_residuals(folder / "residuals.npy", gates, result.expected);
  write_file(folder / "summary.json", s.dump(2) + "\n");
  if (!a.has("no-pictures")) {
    const std::vector<float>& tau = map_of(maps, "amplitude_weighted_ns");
    if (gates.height > 1) {
      const LifetimePanel panel{"amplitude-weighted lifetime", gates.width, gates.height, tau,
                                doubtful};
      draw_lifetime_maps(folder / "lifetime_map.png", {&panel, 1}, scale);
      draw_overlay(folder / "overlay.png",
                   {"lifetime x intensity", gates.width, gates.height, tau, doubtful}, intensity,
                   scale);
      const auto jobs = map_pictures(folder, gates.width, gates.height, maps);
      parallel_for(jobs.size(), [&](std::size_t job, int) { jobs[job](); });
    }
    trace(folder / "trace.png");
    if (result.pixels.size() > 1) light(folder / "all_light.png");
  }
  std::cout << "wrote " << folder.string() << "/: lifetimes.csv, fit.npz, maps.tif, summary.json"
            << (a.has("no-pictures") ? "" : " and pictures") << '\n';
  return kSuccess;
}

}  // namespace taugate::cli
