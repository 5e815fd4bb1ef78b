#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "cli/commands.h"
#include "cli/options/file_list.h"
#include "cli/options/fit_options.h"
#include "cli/options/measurement_options.h"
#include "cli/options/outputs.h"
#include "cli/options/pixel_options.h"
#include "cli/options/verbosity.h"
#include "cli/results/fit_files.h"
#include "cli/results/fit_report.h"
#include "cli/results/fit_rows.h"
#include "cli/results/fit_shared.h"
#include "cli/results/fit_summary.h"
#include "cli/results/pixel_results.h"
#include "cli/results/table_run.h"
#include "core/interrupt.h"
#include "fli/formats/csv.h"
#include "fli/formats/npz.h"
#include "taugate/core/file.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/inference/image_fit.h"
#include "taugate/fli/inference/recorded_irf.h"
#include "taugate/fli/io/rebin.h"
#include "taugate/fli/physics/decay.h"
#include "taugate/fli/physics/response.h"
#include "taugate/fli/plot/plot_maps.h"

namespace taugate::cli {
namespace {

namespace fs = std::filesystem;

/// Counts of every pixel, in all gates.
std::vector<float> intensity_of(const RecordedGates& gates) {
  const std::size_t T = static_cast<std::size_t>(gates.acquisition.gates);
  std::vector<float> sums(gates.counts.size() / T);
  for (std::size_t i = 0; i < gates.counts.size(); ++i) sums[i / T] += gates.counts[i];
  return sums;
}

/// `shown`: with its progress.
ImageFit fit_until_interrupted(const RecordedGates& gates, std::span<const IrfCurve> irfs,
                               const ImageFitOptions& options, bool shown) {
  const double traces =
      static_cast<double>(gates.counts.size() / static_cast<std::size_t>(gates.acquisition.gates));
  if (!shown) return fit_image(gates, irfs, options, [](std::size_t) { return !interrupted(); });
  Progress progress = shown_progress("fit", "traces", traces);
  ImageFit fit = fit_image(gates, irfs, options, [&](std::size_t done) {
    progress.update(static_cast<double>(done));
    return !interrupted();
  });
  if (!interrupted()) progress.finish(traces);
  return fit;
}

/// Pixels with a lifetime that is not to be trusted.
std::vector<std::uint8_t> doubtful_pixels(const ImageFit& fit) {
  std::vector<std::uint8_t> doubtful;
  for (const Estimate& e : fit.pixels)
    doubtful.push_back(std::isfinite(e.amplitude_ns) && e.status != FitStatus::converged);
  return doubtful;
}

void draw_maps(const fs::path& folder, const RecordedGates& gates, const Maps& maps,
               std::span<const std::uint8_t> doubtful, std::span<const float> intensity,
               std::optional<Range> scale) {
  const std::vector<float>& tau = map_of(maps, "amplitude_weighted_ns");
  const LifetimePanel panel{"amplitude-weighted lifetime", gates.width, gates.height, tau,
                            doubtful};
  draw_lifetime_maps(folder / "lifetime_map.png", {&panel, 1}, scale);
  draw_overlay(folder / "overlay.png",
               {"lifetime x intensity", gates.width, gates.height, tau, doubtful}, intensity,
               scale);
  const auto jobs = map_pictures(folder, gates.width, gates.height, maps);
  parallel_for(jobs.size(), [&](std::size_t job, int) { jobs[job](); });
}

/// One file. `rows`: where they are wanted, for a table, instead of what is printed.
int fit_file(const Arguments& a, std::vector<TableRow>* rows) {
  const fs::path file = a.positional("file");
  ImageFitOptions options = fit_options_from(a);
  const InferenceOptions given = inference_options_from(a);
  options.least_counts = given.least_counts;
  check_outputs(a, {"json", "report"},
                in_output_folder(
                    a, {"lifetimes.csv", "fit.npz", "summary.json", "maps.tif", "residuals.npy"}));

  if (a.has("output") || a.has("report")) check_pictures(a);
  Measurement measurement = measurement_from(a, file);
  const int channel = measurement.channel;
  const std::optional<Range> scale = chosen_scale(a, measurement);
  FitIrfs irfs;
  const RecordedGates gates =
      gates_and_irfs(a, std::move(measurement), given.first_gate_ns, options, irfs);
  const std::optional<PhasorTransform> reference = reference_from(a, gates);
  if (reference) options.estimator.reference = &*reference;
  const std::vector<float> intensity = intensity_of(gates);
  const std::size_t pixel = chosen_pixel(a, gates.width, gates.height, intensity);

  const auto start = std::chrono::steady_clock::now();
  const ImageFit result = fit_until_interrupted(gates, irfs.curves, options, !rows);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (interrupted()) {
    if (!rows) std::cout << "stopped; nothing written\n";
    return kInterrupted;
  }

  const Maps maps = maps_of(gates, result);
  const nlohmann::json s = fit_summary(a, gates, result, maps, seconds);
  if (rows)
    *rows = fit_rows(gates, result, maps, channel, s["contradicted_outside"]);
  else
    print_fit(gates, result, s, seconds);
  if (a.has("json")) write_file(a.text("json"), s.dump(2) + "\n");
  const Report::Draw trace = [&](const fs::path& target) {
    draw_pixel(gates, irfs.curves[irfs.index_of(pixel)], result, options.kind, pixel, target);
  };
  const Report::Draw summed = [&](const fs::path& target) {
    draw_summed_decay(gates, irfs.curves[0], result, target);
  };
  const std::vector<std::uint8_t> doubtful = doubtful_pixels(result);
  if (a.has("report")) {
    write_report(a, {file.string(), gates, irfs.curves, result, maps, scale, summed, trace, seconds,
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
    if (gates.height > 1) draw_maps(folder, gates, maps, doubtful, intensity, scale);
    trace(folder / "trace.png");
    if (result.pixels.size() > 1) summed(folder / "all_light.png");
  }
  if (rows) return kSuccess;
  std::cout << "wrote " << folder.string() << "/: lifetimes.csv, fit.npz, maps.tif, summary.json"
            << (a.has("no-pictures") ? "" : " and pictures") << '\n';
  return kSuccess;
}

}  // namespace

int fit(int argc, char** argv) {
  Arguments a = fit_arguments();
  if (!a.parse(argc, argv)) return kSuccess;
  use_threads(a);
  if (!a.has("table")) {
    require_one_file(a);
    return fit_file(a, nullptr);
  }
  // Whatever is wrong with these is no single file's fault.
  const ImageFitOptions options = fit_options_from(a);
  if (!a.has("files")) require_irf(a, options);
  inference_options_from(a);
  check_pixel_options(a);
  const auto run = [](const Arguments& one, std::vector<TableRow>& rows) {
    return fit_file(one, &rows);
  };
  return run_table(a, {fit_arguments, fit_columns(), run, share_lifetimes});
}

}  // namespace taugate::cli
