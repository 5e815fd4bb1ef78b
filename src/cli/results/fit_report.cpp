#include "cli/results/fit_report.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "cli/results/fit_summary.h"
#include "core/progress.h"
#include "fli/physics/statistics.h"
#include "taugate/fli/estimation/phasor.h"
#include "taugate/fli/plot/plot_histograms.h"
#include "taugate/fli/plot/plot_maps.h"

namespace taugate::cli {
namespace {

ReportTable whole_table(const Estimate& e) {
  ReportTable table{
      concat("Summed decay: ", name_of(e.status)), {"", "value", "standard deviation"}, {}};
  const auto row = [&](const char* name, double value, double deviation) {
    table.rows.push_back(
        {name, short_number(value), std::isfinite(deviation) ? short_number(deviation) : ""});
  };
  const LifetimeBound& sd = e.deviation;
  row("amplitude-weighted lifetime (ns)", e.amplitude_ns, sd.amplitude_ns);
  row("intensity-weighted lifetime (ns)", e.intensity_ns, sd.intensity_ns);
  if (e.fraction < 1.0) {
    row("shorter lifetime (ns)", e.tau1_ns, sd.tau_ns[0]);
    row("longer lifetime (ns)", e.tau2_ns, sd.tau_ns[1]);
    row("amplitude of the shorter", e.fraction, sd.fraction);
  }
  row("photons", e.photons, sd.photons_sd);
  row("background (counts a gate)", e.background, sd.background);
  row("IRF shift (ns)", e.shift_ns, sd.shift_ns);
  row("reduced chi-square", e.chi2_reduced, NAN);
  return table;
}

ReportTable shared_table(const SharedFit& shared) {
  ReportTable table{"Lifetimes that all pixels share", {"", "ns", "standard deviation (ns)"}, {}};
  for (std::size_t c = 0; c < shared.tau_ns.size(); ++c)
    if (c == 0 || shared.tau_ns[c] != shared.tau_ns[0])
      table.rows.push_back({c == 0 ? "shorter" : "longer", short_number(shared.tau_ns[c]),
                            short_number(shared.deviation_ns[c])});
  if (table.rows.size() == 1) table.rows[0][0] = "lifetime";
  return table;
}

ReportTable endings_table(const ImageFit& fit) {
  std::map<std::string, std::size_t> endings;
  for (const Estimate& e : fit.pixels) ++endings[name_of(e.status)];
  ReportTable table{"How the pixels' fits ended", {"", "pixels"}, {}};
  for (const auto& [name, count] : endings) table.rows.push_back({name, std::to_string(count)});
  return table;
}

void add_pixels(Report& report, const Arguments& a, const FitReport& what) {
  const int width = what.gates.width, height = what.gates.height;
  const auto T = static_cast<std::size_t>(what.gates.acquisition.gates);
  const std::vector<float>& counts = map_of(what.maps, "counts");
  PixelView view{width, height, static_cast<int>(T), what.gates.acquisition.gate_step_ns,
                 what.gates.first_gate_ns};
  view.maps = view_maps(what.maps, what.scale);
  view.pixel = chosen_pixel(a, width, height, counts);
  view.curves.push_back(
      {"counts", CurveKind::counts, [&what, T](std::size_t pixel, std::span<float> values) {
         std::copy_n(what.gates.counts.data() + pixel * T, T, values.data());
       }});
  if (!what.fit.expected.empty())
    view.curves.push_back(
        {"fit", CurveKind::fit, [&what, T](std::size_t pixel, std::span<float> values) {
           const FitOptions& window = what.fit.options.fit;
           for (std::size_t t = 0; t < T; ++t) {
             const float v = what.fit.expected[pixel * T + t];
             const int gate = static_cast<int>(t);
             values[t] = v > 0.0f && gate >= window.first_gate && gate < window.end_gate ? v : NAN;
           }
         }});
  view.hatched = what.doubtful;
  view.hatch_means = "no fit that describes the counts";
  report.pixels(view);
  if (height > 1)
    report.picture("Lifetime as colour, counts as brightness.",
                   [&](const std::filesystem::path& p) {
                     draw_overlay(p,
                                  {"lifetime x intensity", what.gates.width, what.gates.height,
                                   map_of(what.maps, "amplitude_weighted_ns"), what.doubtful},
                                  map_of(what.maps, "counts"), what.scale);
                   });
}

/// Phasors of all pixels that have a lifetime, with the instrument taken out by the IRF.
struct Phasors {
  std::vector<double> g, s;
  std::vector<float> counts;
  double frequency = 0.0;
};
Phasors phasors(const FitReport& what) {
  const Acquisition& q = what.gates.acquisition;
  const auto T = static_cast<std::size_t>(q.gates);
  const PhasorTransform transform(q, what.irfs.front());
  const std::vector<float>& counts = map_of(what.maps, "counts");
  Phasors points{{}, {}, {}, transform.frequency()};
  for (std::size_t i = 0; i < what.fit.pixels.size(); ++i) {
    if (!std::isfinite(what.fit.pixels[i].amplitude_ns)) continue;
    const Phasor p = transform(std::span(what.gates.counts.data() + i * T, T));
    points.g.push_back(p.g);
    points.s.push_back(p.s);
    points.counts.push_back(counts[i]);
  }
  return points;
}

void add_statistics(Report& report, const FitReport& what) {
  report.section("Figures");
  std::vector<NamedValues> rows;
  for (const auto& [name, map] :
       {std::pair{"amplitude-weighted lifetime (ns)", "amplitude_weighted_ns"},
        {"its standard deviation in a pixel (ns)", "amplitude_weighted_sd_ns"},
        {"intensity-weighted lifetime (ns)", "intensity_weighted_ns"},
        {"amplitude of the shorter lifetime", "fraction"},
        {"counts", "counts"},
        {"background (counts a gate)", "background"},
        {"IRF shift (ns)", "shift_ns"},
        {"reduced chi-square", "chi2_reduced"}})
    rows.push_back({name, trusted_values(what.maps, map)});
  report.table(statistics_table("Over all pixels whose fit converged", rows));
  report.table(whole_table(what.fit.whole));
  if (what.fit.shared) report.table(shared_table(*what.fit.shared));
  report.table(endings_table(what.fit));
}

/// `points` is drawn when the report is written.
void add_decays(Report& report, const FitReport& what, const Phasors& points) {
  report.section("Decays");
  if (what.fit.pixels.size() > 1)
    report.picture(
        "Decay summed over all pixels: counts, the fit, what is left over in deviations of Poisson "
        "counts, "
        "and the decay alone.",
        what.light);
  report.picture(
      "One pixel: counts, the fit, what is left over in deviations of Poisson counts, and the "
      "decay alone.",
      what.trace);
  report.picture(what.irfs.size() > 1
                     ? "Phasors, calibrated by the first pixel's IRF, weighted with their counts."
                     : "Phasors, calibrated by the IRF, weighted with their counts.",
                 [&points](const std::filesystem::path& path) {
                   draw_phasors(path, "Phasors", points.g, points.s, points.counts,
                                points.frequency);
                 });
}

}  // namespace

void write_report(const Arguments& a, const FitReport& what) {
  const std::size_t n = what.fit.pixels.size();
  Report report =
      report_of(a, concat("Lifetimes of ", std::filesystem::path(what.file).filename().string(),
                          " by ", a.text("method")));
  const std::vector<float>& tau = map_of(what.maps, "amplitude_weighted_ns");
  report.key_metric(what.gates.height > 1 ? "image" : "traces",
                    what.gates.height > 1 ? concat(what.gates.width, " × ", what.gates.height)
                                          : std::to_string(n));
  if (const auto s = statistics_of(trusted_values(what.maps, "amplitude_weighted_ns")))
    report.key_metric("median lifetime", short_number(s->median) + " ns");
  if (const auto s = statistics_of(trusted_values(what.maps, "chi2_reduced")))
    report.key_metric("median χ²", short_number(s->median));
  report.key_metric("speed", format_quantity(static_cast<double>(n) / what.seconds) + " traces/s");

  add_statistics(report, what);

  Phasors points;
  if (!a.has("no-pictures") && !finite_values(tau).empty()) {
    report.section("Lifetimes");
    if (n > 1) add_pixels(report, a, what);
    if (finite_values(tau).size() > 1)
      report.picture("How often each lifetime occurs; values beyond the scale count at its ends.",
                     [&](const std::filesystem::path& path) {
                       draw_histogram(path, "amplitude-weighted lifetime (ns)", tau, what.scale);
                     });
    points = phasors(what);
    add_decays(report, what, points);
  }
  const Acquisition& q = what.gates.acquisition;
  report.provenance("measurement", what.file);
  report.provenance("its gates",
                    concat(q.gates, " of ", q.gate_step_ns, " ns, the first opens at ",
                           what.gates.first_gate_ns, " ns, laser period ", q.period_ns, " ns"));
  if (const auto irf = a.maybe("irf")) report.provenance("IRF", *irf);
  report.provenance("method", concat(a.text("method"), ", ", a.text("components"),
                                     " component(s), IRF shift ", a.text("shift")));
  report.write(a.text("report"));
}

}  // namespace taugate::cli
