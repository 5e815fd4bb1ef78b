#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "cli/options/arguments.h"
#include "cli/options/outputs.h"
#include "cli/options/report_options.h"
#include "cli/options/verbosity.h"
#include "core/formatted.h"
#include "core/interrupt.h"
#include "fli/physics/statistics.h"
#include "fli/plot/plot_errors.h"
#include "study/comparison.h"
#include "taugate/core/file.h"
#include "taugate/fli/estimation/lifetime.h"

namespace taugate::cli {
namespace {

namespace fs = std::filesystem;

constexpr double kShortestNs = 1e-3, kLongestNs = 1e6;

Arguments declare() {
  Arguments a(
      "compare", "[options] -o FOLDER",
      "Sets networks beside the classical estimators and the Cramer-Rao bound, on the same\n"
      "simulated traces: bias, deviation, failures, speed.");
  const auto value = [] { return cxxopts::value<std::string>(); };
  const auto preset = [](const char* v) { return cxxopts::value<std::string>()->default_value(v); };
  a.group("")("o,output", "folder for table, pictures and report", value(), "FOLDER")(
      "json", "write the figures here", value(), "FILE")("no-pictures", "draw nothing");
  add_report(a);
  add_threads(a);
  a.group("Methods")("models", "networks, of floats or of integers", value(), "FILE,FILE..")(
      "estimators",
      "lm, lm-counts (weighted by the counts), mle, cmm, rld, phasor; lm and mle with +shift or "
      "+width for what they are not told about the IRF",
      preset("lm,mle,mle+shift,mle+width,cmm,rld,phasor"), "NAME,NAME..");
  a.group("Conditions")("series", "counts, background, irf, mismatch, lifetime (default: all)",
                        value(),
                        "NAME,NAME..")("tau", "true lifetime, or two", preset("1"), "NS,NS")(
      "fraction", "amplitude of the first of two", preset("0.5"), "A")(
      "traces", "of each condition", preset("2000"), "N")("seed", "of the traces", preset("1"),
                                                          "N")(
      "preset", "acquisition, where there is no network: ss2-70, ss3-135, iccd-176",
      preset("ss2-70"), "NAME");
  a.excludes({"preset"}, {"models"});
  return a;
}

Decay decay_from(const Arguments& a) {
  const std::vector<double> taus = a.numbers("tau");
  if (taus.size() > 2 || *std::min_element(taus.begin(), taus.end()) < kShortestNs ||
      *std::max_element(taus.begin(), taus.end()) > kLongestNs)
    fail_usage("--tau: found '", a.text("tau"), "', wanted one or two lifetimes of ", kShortestNs,
               " to ", kLongestNs, " ns");
  if (taus.size() == 1 && a.has("fraction"))
    fail_usage("--fraction: does nothing with one lifetime, wanted two with --tau");
  if (taus.size() == 1) return Decay::mono(taus[0]);
  const double fraction = a.number("fraction");
  if (!(fraction > 0.0 && fraction < 1.0))
    fail_usage("--fraction: found ", fraction, ", wanted a share between 0 and 1");
  return {std::min(taus[0], taus[1]), std::max(taus[0], taus[1]),
          taus[0] <= taus[1] ? fraction : 1.0 - fraction};
}

void print(const std::vector<ComparisonRow>& rows) {
  std::string before;
  for (const ComparisonRow& r : rows) {
    const Condition& c = r.condition;
    const std::string heading = concat(c.series, " ", c.x);
    if (heading != before)
      std::printf(
          "%s: %.0f photons, background %.0f %%, IRF %.2f ns (told %.2f), lifetime %.3f ns\n",
          heading.c_str(), c.photons, 100.0 * c.background_fraction, c.fwhm_ns, c.assumed_fwhm_ns,
          r.truth_ns);
    before = heading;
    const auto percent = [](const char* format, double share) {
      return formatted_or_none(format, 100.0 * share) + (std::isfinite(share) ? " %" : "");
    };
    std::printf(
        "  %-20s bias %s  deviation %s  bound %s  ratio %s  F %s  failed %zu of %zu  "
        "%.3g traces/s\n",
        r.name.c_str(), percent("%+7.2f", r.relative_bias()).c_str(),
        percent("%6.2f", r.deviation_ns / r.truth_ns).c_str(),
        percent("%6.2f", r.bound_ns / r.truth_ns).c_str(),
        formatted_or_none("%5.2f", r.deviation_ns / r.bound_ns).c_str(),
        formatted_or_none("%5.2f", r.f_value).c_str(), r.failures, r.traces, r.traces_per_second);
  }
}

void write_table(const fs::path& path, const std::vector<ComparisonRow>& rows) {
  OutputFile file(path);
  file.write(
      "series,x,estimator,photons,background_fraction,irf_fwhm_ns,assumed_irf_fwhm_ns,true_ns,"
      "relative_bias,relative_deviation,relative_bound,f_value,traces,failures,"
      "traces_per_second\n");
  for (const ComparisonRow& r : rows) {
    const Condition& c = r.condition;
    file.write(concat(c.series, ',', c.x, ',', r.name, ',', c.photons, ',', c.background_fraction,
                      ',', c.fwhm_ns, ',', c.assumed_fwhm_ns, ',', r.truth_ns, ',',
                      r.relative_bias(), ',', r.deviation_ns / r.truth_ns, ',',
                      r.bound_ns / r.truth_ns, ',', r.f_value, ',', r.traces, ',', r.failures, ',',
                      r.traces_per_second, '\n'));
  }
  file.commit();
}

/// What varies in a series, as a reader wants it.
struct Axis {
  const char* series;
  const char* name;
  double unit;  // that x is shown in
};
constexpr Axis kAxes[] = {{"counts", "photons", 1.0},
                          {"background", "background (% of all counts)", 0.01},
                          {"irf", "FWHM of the IRF (ns)", 1.0},
                          {"mismatch", "error of the width that fits are told (%)", 0.01},
                          {"lifetime", "true lifetime (ns)", 1.0}};

/// What the picture of a series shows: deviation and bias of every method against what varies.
struct SeriesPicture {
  Axis axis;
  std::vector<ErrorCurve> curves;

  void draw(const fs::path& path) const {
    draw_error_curves(path, axis.name, std::string(axis.series) == "counts", curves);
  }
};

std::vector<SeriesPicture> pictures_of(const std::vector<ComparisonRow>& rows) {
  std::vector<SeriesPicture> pictures;
  for (const Axis& axis : kAxes) {
    std::vector<ErrorCurve> curves;
    for (const ComparisonRow& r : rows) {
      if (r.condition.series != axis.series) continue;
      auto curve = std::find_if(curves.begin(), curves.end(),
                                [&](const ErrorCurve& c) { return c.name == r.name; });
      if (curve == curves.end())
        curve = curves.insert(curves.end(), ErrorCurve{r.name, {}, {}, {}, {}});
      curve->x.push_back(r.condition.x / axis.unit);
      curve->deviation.push_back(r.deviation_ns / r.truth_ns);
      curve->bound.push_back(r.bound_ns / r.truth_ns);
      curve->bias.push_back(r.relative_bias());
    }
    if (!curves.empty()) pictures.push_back({axis, std::move(curves)});
  }
  return pictures;
}

/// A line a method; what varies stands in the first line of each value only.
ReportTable table_of(const Axis& axis, const std::vector<ComparisonRow>& rows) {
  ReportTable table{"",
                    {axis.name, "method", "bias (%)", "deviation (%)", "bound (%)", "ratio", "F",
                     "failed", "traces/s"},
                    {}};
  std::string before;
  for (const ComparisonRow& r : rows) {
    if (r.condition.series != axis.series) continue;
    const std::string x = short_number(r.condition.x / axis.unit);
    table.rows.push_back({x == before ? "" : x, r.name,
                          formatted_or_none("%+.1f", 100.0 * r.relative_bias()),
                          formatted_or_none("%.1f", 100.0 * r.deviation_ns / r.truth_ns),
                          formatted_or_none("%.1f", 100.0 * r.bound_ns / r.truth_ns),
                          formatted_or_none("%.2f", r.deviation_ns / r.bound_ns),
                          formatted_or_none("%.2f", r.f_value), std::to_string(r.failures),
                          format_quantity(r.traces_per_second)});
    before = x;
  }
  return table;
}

void write_report(const Arguments& a, const Decay& decay, const std::vector<ComparisonRow>& rows,
                  const std::vector<SeriesPicture>& pictures) {
  Report report = report_of(a, "Networks and estimators beside the statistical limit");
  const std::string lifetime =
      concat(short_number(mean_lifetimes(decay).amplitude_ns),
             decay.tau1_ns == decay.tau2_ns ? " ns" : " ns (the amplitude-weighted mean of two)");
  report.paragraph(concat(
      "Every method gets the same ", rows.at(0).traces,
      " simulated traces of each condition: unless the axis says otherwise, 1,000 photons without "
      "background, a Gaussian IRF of 0.3 ns, and a lifetime of ",
      lifetime,
      ". Its bound is the Cramer-Rao bound of what it does not know: networks know nothing of the "
      "IRF, fits its shape and place (+shift: not its place; +width: nor its width). Ratio is "
      "deviation / bound, F is deviation / lifetime * sqrt(photons); an estimator with a bias can "
      "be below the bound."));
  for (const SeriesPicture& picture : pictures) {
    report.section(concat("Against ", picture.axis.name));
    if (!a.has("no-pictures"))
      report.picture("Deviation, with the bounds, and bias; a bias beyond 30 % is not shown.",
                     [&picture](const fs::path& path) { picture.draw(path); });
    report.table(table_of(picture.axis, rows));
  }
  if (const auto models = a.maybe("models")) report.provenance("networks", *models);
  report.provenance("seed", a.text("seed"));
  report.write(a.text("report"));
}

}  // namespace

int compare(int argc, char** argv) {
  Arguments a = declare();
  if (!a.parse(argc, argv)) return kSuccess;
  use_threads(a);
  const Decay decay = decay_from(a);
  const int components = decay.tau1_ns == decay.tau2_ns ? 1 : 2;
  std::vector<std::unique_ptr<TraceModel>> models;
  std::vector<Method> methods;
  Acquisition acquisition = acquisition_preset(a.text("preset"));
  if (a.has("models"))
    for (const std::string& file : a.texts("models")) {
      models.push_back(load_trace_model(file));
      if (models.size() == 1) acquisition = models[0]->acquisition();
      require(models.back()->acquisition() == acquisition, file,
              ": was trained for another acquisition than ", a.texts("models")[0]);
      methods.push_back(network_method(*models.back(), fs::path(file).stem().string(), components));
    }
  for (const std::string& name : a.texts("estimators"))
    methods.push_back(classical_method(name, acquisition, components));
  if (methods.empty()) fail_usage("compare: wanted --models or --estimators");
  const auto conditions =
      standard_conditions(decay, a.has("series") ? a.texts("series") : std::vector<std::string>{});
  const std::uint64_t traces = a.count("traces");
  if (traces < 4 || traces > 10'000'000)
    fail_usage("--traces: found ", traces, ", wanted 4 to 10 million");
  check_outputs(a, {"json", "report"}, in_output_folder(a, {"comparison.csv", "comparison.json"}));

  if (a.has("output") || a.has("report")) check_pictures(a);
  Progress progress =
      shown_progress("compare", "conditions", static_cast<double>(conditions.size()));
  const std::vector<ComparisonRow> rows = taugate::compare(
      acquisition, methods, conditions, traces, a.count("seed"), [&](std::size_t done) {
        progress.update(static_cast<double>(done));
        return !interrupted();
      });
  if (interrupted()) {
    std::cout << "stopped; nothing written\n";
    return kInterrupted;
  }
  progress.finish(static_cast<double>(conditions.size()));
  print(rows);
  if (a.has("json")) write_file(a.text("json"), to_json(rows) + "\n");
  const std::vector<SeriesPicture> pictures = pictures_of(rows);
  if (a.has("report")) {
    write_report(a, decay, rows, pictures);
    std::cout << "wrote " << a.text("report") << '\n';
  }
  if (!a.has("output")) return kSuccess;
  const fs::path folder = a.text("output");
  make_folder(folder);
  write_table(folder / "comparison.csv", rows);
  write_file(folder / "comparison.json", to_json(rows) + "\n");
  if (!a.has("no-pictures"))
    for (const SeriesPicture& picture : pictures)
      picture.draw(folder / concat(picture.axis.series, ".png"));
  std::cout << "wrote " << folder.string() << "/: comparison.csv, comparison.json"
            << (a.has("no-pictures") ? "" : " and pictures") << '\n';
  return kSuccess;
}

}  // namespace taugate::cli
