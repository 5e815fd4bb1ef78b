#include "cli/results/infer_report.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/progress.h"
#include "fli/physics/statistics.h"
#include "taugate/fli/estimation/phasor.h"
#include "taugate/fli/plot/plot_histograms.h"
#include "taugate/fli/plot/plot_maps.h"

namespace taugate::cli {
namespace {

/// Amplitude of the short component where the network tells both: their SFDs' peaks.
std::vector<float> fractions(const Inference& r) {
  std::vector<float> result(r.intensity.size(), NAN);
  const auto T = static_cast<std::size_t>(r.gates);
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (!std::isfinite(r.amplitude_ns[i])) continue;
    float peak[2]{};  // of the short and the long component
    for (std::size_t t = 0; t < T; ++t)
      for (std::size_t c = 0; c < 2; ++c)
        peak[c] = std::max(peak[c], r.sfd[(i * T + t) * 3 + c + 1]);
    if (peak[0] + peak[1] > 0.0f) result[i] = peak[0] / (peak[0] + peak[1]);
  }
  return result;
}

/// Phasors of the predicted decays, which no instrument blurs: of a pulse at time 0.
struct Phasors {
  std::vector<double> g, s;
  double frequency = 0.0;
};
Phasors phasors(const TraceModel& model, const Inference& r) {
  const std::vector<double> pulse{0.0, 1.0, 0.0};
  const IrfCurve at_zero{0.0, 1e-4 * model.acquisition().gate_step_ns, pulse, 0.0};
  const PhasorTransform transform(model.acquisition(), at_zero);
  Phasors points{{}, {}, transform.frequency()};
  const auto T = static_cast<std::size_t>(r.gates), C = static_cast<std::size_t>(r.outputs);
  std::vector<float> decay(T);
  for (std::size_t i = 0; i < r.intensity.size(); ++i) {
    for (std::size_t t = 0; t < T; ++t) decay[t] = r.sfd[(i * T + t) * C];
    const Phasor p = transform(std::span<const float>(decay));
    points.g.push_back(p.g);
    points.s.push_back(p.s);
  }
  return points;
}

/// `error`, `fraction`: [N], or empty.
PixelView pixel_view(const InferReport& what, const std::vector<float>& error,
                     const std::vector<float>& fraction) {
  const Inference& r = what.result;
  const auto T = static_cast<std::size_t>(r.gates), C = static_cast<std::size_t>(r.outputs);
  PixelView view{r.width, r.height, r.gates, what.model.acquisition().gate_step_ns,
                 what.first_gate_ns};
  view.pixel = what.pixel;
  view.maps = {{"amplitude-weighted lifetime", "ns", r.amplitude_ns, what.scale},
               {"intensity-weighted lifetime", "ns", r.intensity_ns, {}},
               {"counts", "", r.intensity, {}}};
  if (!error.empty()) {
    view.maps.push_back({"true lifetime", "ns", what.truth, what.scale});
    view.maps.push_back({"predicted - true lifetime", "ns", error, {}});
  }
  if (!fraction.empty())
    view.maps.push_back({"amplitude of the short component", "", fraction, Range{0.0, 1.0}});
  if (!what.precision.empty())
    view.maps.push_back(
        {"standard deviation of the amplitude-weighted lifetime, over it", "", what.precision, {}});
  if (!r.irf_chi2r.empty())
    view.maps.push_back({"reduced chi-square of the reconvolved decay", "", r.irf_chi2r, {}});
  view.curves = {{"counts", CurveKind::counts, [&r, T](std::size_t pixel, std::span<float> values) {
                    std::copy_n(r.counts.data() + pixel * T, T, values.data());
                  }}};
  if (C > 0)
    view.curves.push_back({"predicted decay (scaled)", CurveKind::scaled,
                           [&r, T, C](std::size_t pixel, std::span<float> values) {
                             for (std::size_t t = 0; t < T; ++t)
                               values[t] = r.sfd[(pixel * T + t) * C];
                           }});
  if (what.reconvolved)
    view.curves.push_back({"predicted decay * IRF", CurveKind::fit, what.reconvolved});
  view.hatched = r.unlike;
  view.hatch_means = "unlike the network's training";
  return view;
}

void add_statistics(Report& report, const InferReport& what, const std::vector<float>& error,
                    const std::vector<float>& fraction) {
  const Inference& r = what.result;
  std::vector<NamedValues> rows{{"amplitude-weighted lifetime (ns)", r.amplitude_ns},
                                {"intensity-weighted lifetime (ns)", r.intensity_ns},
                                {"counts", r.intensity}};
  if (!what.precision.empty()) {
    rows.push_back(
        {"standard deviation of the amplitude-weighted lifetime, over it", what.precision});
    rows.push_back(
        {"standard deviation of the amplitude-weighted lifetime (ns)", r.amplitude_sd_ns});
    rows.push_back(
        {"standard deviation of the intensity-weighted lifetime (ns)", r.intensity_sd_ns});
  }
  if (!r.unlike.empty()) {
    rows.push_back({"distance of the encoder's state from training", r.state_distance});
    rows.push_back({"reduced chi-square of the input", r.input_chi2r});
  }
  if (!r.irf_chi2r.empty())
    rows.push_back({"reduced chi-square of the reconvolved decay", r.irf_chi2r});
  if (!error.empty()) rows.push_back({"predicted - true lifetime (ns)", error});
  if (!fraction.empty()) rows.push_back({"amplitude of the short component", fraction});
  report.section("Figures");
  report.table(statistics_table("Over all pixels that have a value", rows));
}

/// What it is given is drawn from when the report is written.
void add_lifetimes(Report& report, const InferReport& what, const std::vector<float>& error,
                   const std::vector<float>& fraction) {
  const Inference& r = what.result;
  const std::size_t n = r.intensity.size();
  report.section("Lifetimes");
  if (n > 1) report.pixels(pixel_view(what, error, fraction));
  if (r.height > 1)
    report.picture(
        "Lifetime as colour, counts as brightness.",
        [&what, &r](const std::filesystem::path& path) {
          draw_overlay(path, {"lifetime x intensity", r.width, r.height, r.amplitude_ns, r.unlike},
                       r.intensity, what.scale);
        });
  if (r.blank + 1 < n && !what.precision.empty())
    report.picture("How often each standard deviation of the amplitude-weighted lifetime occurs.",
                   [&what](const std::filesystem::path& path) {
                     std::vector<float> percent = what.precision;
                     for (float& p : percent) p *= 100.0f;
                     draw_histogram(path, "standard deviation (% of the lifetime)", percent);
                   });
  if (r.blank + 1 < n)
    report.picture("How often each lifetime occurs; values beyond the scale count at its ends.",
                   [&what, &r](const std::filesystem::path& path) {
                     draw_histogram(path, "amplitude-weighted lifetime (ns)", r.amplitude_ns,
                                    what.scale);
                   });
  if (!what.truth.empty())
    report.picture("True and predicted lifetime of every pixel.",
                   [&what, &r](const std::filesystem::path& path) {
                     draw_lifetime_scatter(path, "Amplitude-weighted lifetime", what.truth,
                                           r.amplitude_ns);
                   });
}

}  // namespace

void write_report(const Arguments& a, const InferReport& what) {
  const Inference& r = what.result;
  const std::size_t n = r.intensity.size();
  Report report = report_of(
      a, "Lifetimes of " + std::filesystem::path(what.file).filename().string() + " by a network");
  report.key_metric(r.height > 1 ? "image" : "traces",
                    r.height > 1 ? concat(r.width, " × ", r.height) : std::to_string(n));
  report.key_metric("with a lifetime", std::to_string(n - r.blank));
  const auto unlike = r.unlike_count();
  report.key_metric("unlike the training", unlike ? std::to_string(*unlike) : "not known");
  std::vector<float> error;
  if (const auto s = statistics_of(r.amplitude_ns))
    report.key_metric("median lifetime", short_number(s->median) + " ns");
  if (!what.truth.empty()) {
    for (std::size_t i = 0; i < n; ++i) error.push_back(r.amplitude_ns[i] - what.truth[i]);
    if (const auto s = statistics_of(error))
      report.key_metric("bias", short_number(1e3 * s->mean) + " ps");
  }
  report.key_metric("speed", format_quantity(static_cast<double>(n) / what.seconds) + " pixels/s");

  if (const auto s = statistics_of(what.precision))
    report.key_metric("median precision", "± " + short_number(100.0 * s->median) + " %");
  const std::vector<float> fraction = r.outputs == 3 ? fractions(r) : r.fraction;
  add_statistics(report, what, error, fraction);

  const bool any = r.blank < n && !a.has("no-pictures");
  Phasors points;
  if (any) {
    add_lifetimes(report, what, error, fraction);
  }
  if (any && r.outputs > 0) {
    report.section("Decays");
    report.picture(
        "One pixel: counts, and the decay that the network predicts for it. With --irf also both "
        "convolved, and what is left over, in deviations of Poisson counts.",
        what.trace);
    points = phasors(what.model, r);
    report.picture("Phasors of the predicted decays, each weighted with its counts.",
                   [&](const std::filesystem::path& path) {
                     draw_phasors(path, "Phasors", points.g, points.s, r.intensity,
                                  points.frequency);
                   });
  }
  report.provenance("measurement", what.file);
  describe_model(report, what.model_file, what.model);
  report.write(a.text("report"));
}

}  // namespace taugate::cli
