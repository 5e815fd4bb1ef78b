#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <iomanip>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/commands.h"
#include "cli/infer_photons.h"
#include "cli/options/arguments.h"
#include "cli/options/file_list.h"
#include "cli/options/measurement_options.h"
#include "cli/options/model_choice.h"
#include "cli/options/outputs.h"
#include "cli/options/pixel_options.h"
#include "cli/results/infer_report.h"
#include "cli/results/infer_rows.h"
#include "cli/results/infer_summary.h"
#include "cli/results/pixel_results.h"
#include "cli/results/table_run.h"
#include "core/formatted.h"
#include "core/progress.h"
#include "fli/formats/csv.h"
#include "fli/formats/npz.h"
#include "fli/formats/tiff.h"
#include "fli/physics/statistics.h"
#include "taugate/core/file.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/estimation/lifetime.h"
#include "taugate/fli/inference/inference.h"
#include "taugate/fli/inference/recorded_irf.h"
#include "taugate/fli/plot/plot_maps.h"

namespace taugate::cli {
namespace {

namespace fs = std::filesystem;

Arguments declare() {
  Arguments a("infer", "MODEL FILE... -o FOLDER [options], or --model MODEL FILE...",
              "Turns measured traces into decays, lifetimes and pictures.\n"
              "FILE is an image or a list of traces, in any format of docs/formats.md;\n"
              "MODEL a file, a name of taugate models, or auto: the one of these that fits.",
              {"model", "file"});
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group("")("o,output", "folder for the results", value(), "FOLDER")(
      "no-sfd", "write no sfd.npy, the decay of every pixel (4 bytes a pixel, gate and output)")(
      "no-pictures", "draw nothing")("least-precision",
                                     "leave out pixels whose lifetime's standard deviation is a "
                                     "larger share of it, e.g. 10% (of a "
                                     "model that tells it: train --model lifetime)",
                                     value(), "SHARE")(
      "photons",
      "FILE is time-tagged photons (PTU, or of simulate --photons), which a network of "
      "train --photons reads one by one");
  a.allow_first_as_option();
  add_report(a);
  add_threads(a);
  add_measurement_options(a);
  add_pixel_options(a);
  add_table_options(a);
  add_irf_options(a, "Measured IRF: each decay is convolved with it and compared with the counts");
  a.group("Pictures")("pixel", "pixel of the trace picture (default: the brightest)", value(),
                      "ROW,COLUMN")("scale", "colour scale of the maps (default: from the data)",
                                    value(), "NS:NS");
  a.excludes({"pixel", "scale"}, {"no-pictures"}, {"report"});
  return a;
}

/// True amplitude-weighted lifetimes where a simulated archive holds them; empty otherwise.
std::vector<float> true_lifetimes(const fs::path& path, std::size_t traces) {
  if (!read_prefix(path, 2).starts_with("PK")) return {};
  const NpzReader archive(path);
  if (!archive.has("tau1") || !archive.has("tau2") || !archive.has("fraction")) return {};
  const auto tau1 = archive.read<float>("tau1").values, tau2 = archive.read<float>("tau2").values,
             fraction = archive.read<float>("fraction").values;
  if (tau1.size() != traces || tau2.size() != traces || fraction.size() != traces) return {};
  std::vector<float> truth(traces, std::numeric_limits<float>::quiet_NaN());
  for (std::size_t i = 0; i < truth.size(); ++i)
    if (tau1[i] > 0.0f)
      truth[i] = static_cast<float>(mean_lifetimes({tau1[i], tau2[i], fraction[i]}).amplitude_ns);
  return truth;
}

/// "10%" or 0.1.
double share_from(const Arguments& a, const char* option) {
  const std::string text = a.text(option);
  const bool percent = text.ends_with('%');
  char* end = nullptr;
  const double share = std::strtod(text.c_str(), &end) / (percent ? 100.0 : 1.0);
  if (end == text.c_str() || *end != (percent ? '%' : '\0') || !(share > 0.0 && share <= 10.0))
    fail_usage("--", option, ": found '", text, "', wanted a share of the lifetime such as 10%");
  return share;
}

/// Whatever works on the decay that a model must give for it, and what only a model that tells its
/// precision can do.
void check_answers(const Arguments& a, const TraceModel& model) {
  const bool reads_irf = model.normalisation.reads_irf();
  for (const char* option : {"irf", "no-sfd"})
    if (a.has(option) && !(reads_irf && std::string(option) == "irf"))
      require_sfd(model, concat("--", option));
  require(!reads_irf || a.has("irf"), a.positional("model"),
          ": found no IRF for a network that is told it, wanted --irf FILE");
  if (a.has("least-precision"))
    require(model.gives_lifetimes(),
            "--least-precision: found a network that gives decays, wanted "
            "one that tells how sure it is of its lifetimes (train --model lifetime)");
}

/// The files of results, each a job of its own: they wait for the disk more than they compute.
std::vector<std::function<void()>> file_jobs(const Inference& r, const fs::path& folder, bool sfd) {
  static constexpr NpyType float32{'f', 4, false};
  const auto W = static_cast<std::size_t>(r.width);
  // A stack is [H][W][...], a list of traces [N][...].
  const auto row_shape = [&r, W](std::vector<std::size_t> pixel) {
    if (r.height > 1) pixel.insert(pixel.begin(), W);
    return pixel;
  };
  std::vector<std::size_t> decay{static_cast<std::size_t>(r.gates)};
  if (r.outputs > 1) decay.push_back(static_cast<std::size_t>(r.outputs));
  return {[&r, folder, sfd, shape = row_shape(decay)] {
            if (sfd) write_npy<float>(folder / "sfd.npy", float32, shape, r.sfd);
          },
          [&r, folder, W] {
            std::vector<std::string> names{"row", "column", "counts", "amplitude_weighted_ns",
                                           "intensity_weighted_ns"};
            const auto doubts = doubts_of(r);
            for (const auto& doubt : doubts) names.emplace_back(doubt.first);
            CsvWriter table(folder / "lifetimes.csv", names);
            table.rows(r.intensity.size(), [&](std::size_t i, std::span<double> row) {
              row[0] = static_cast<double>(i / W);
              row[1] = static_cast<double>(i % W);
              row[2] = r.intensity[i];
              row[3] = r.amplitude_ns[i];
              row[4] = r.intensity_ns[i];
              for (std::size_t d = 0; d < doubts.size(); ++d) row[5 + d] = doubts[d].second[i];
            });
            table.finish();
          },
          [&r, folder, shape = row_shape({2})] {
            std::vector<float> pairs;
            for (std::size_t i = 0; i < r.intensity.size(); ++i) {
              pairs.push_back(r.amplitude_ns[i]);
              pairs.push_back(r.intensity_ns[i]);
            }
            write_npy<float>(folder / "lifetimes.npy", float32, shape, pairs);
          },
          [&r, folder, shape = row_shape({})] {
            const auto doubts = doubts_of(r);
            if (doubts.empty()) return;
            NpzWriter file(folder / "doubts.npz");
            for (const auto& [name, values] : doubts)
              file.add(name, float32, shape).append(std::span<const float>(values));
            file.finish();
          },
          [&r, folder] {
            const auto doubts = doubts_of(r);
            std::vector<TiffMap> maps{{"amplitude-weighted lifetime (ns)", r.amplitude_ns},
                                      {"intensity-weighted lifetime (ns)", r.intensity_ns},
                                      {"counts", r.intensity}};
            for (const auto& [name, values] : doubts) maps.push_back({name, values});
            write_tiff_maps(folder / "lifetimes.tif", r.width, r.height, maps);
          }};
}

/// The IRFs of --irf on the model's clock: one, or one for each pixel. Nothing without the option.
std::optional<MeasuredIrfs> given_irfs(const Arguments& a, const Measurement& measurement,
                                       const TraceModel& model, double first_gate_ns) {
  if (!a.has("irf")) return std::nullopt;
  return irfs_on_gates(irf_from(a, &measurement), model.acquisition(), first_gate_ns);
}

/// Writes the counts [T] that a pixel should have shown; empty without an IRF.
using PixelCounts = std::function<void(std::size_t pixel, std::span<float> values)>;
PixelCounts fitted_counts_of(const TraceModel& model, const Inference& r,
                             const std::optional<MeasuredIrfs>& irfs) {
  if (!irfs) return {};
  return [fitted = FittedCounts(model, *irfs, r)](std::size_t pixel, std::span<float> values) {
    std::vector<float> scratch;
    fitted(pixel, values, scratch);
  };
}

void draw_one_trace(const TraceModel& model, const Inference& r, std::size_t pixel,
                    const std::optional<MeasuredIrfs>& irfs, double first_gate_ns,
                    const PixelCounts& reconvolved, const fs::path& target) {
  const auto T = static_cast<std::size_t>(r.gates), C = static_cast<std::size_t>(r.outputs);
  const std::span counts(r.counts.data() + pixel * T, T);
  std::vector<float> decay(T), irf_gates, fitted;
  for (std::size_t t = 0; t < T; ++t) decay[t] = r.sfd[(pixel * T + t) * C];
  if (irfs) {
    fitted.resize(T);
    irf_gates = irf_in_gates(model.acquisition(), irfs->of_pixel(pixel));
    reconvolved(pixel, fitted);
  }
  std::ostringstream title;
  title << "row " << pixel / r.width << ", column " << pixel % r.width << ": "
        << static_cast<std::uint64_t>(r.intensity[pixel]) << " counts, lifetime "
        << formatted_or_none("%.4g", r.amplitude_ns[pixel]) << " ns";
  draw_trace(target, {title.str(), model.acquisition().gate_step_ns, counts, decay, fitted,
                      irf_gates, first_gate_ns});
}

/// Pictures of the whole image, each a job of its own.
std::vector<std::function<void()>> map_jobs(const Inference& r, const std::vector<float>& truth,
                                            std::optional<Range> scale, const fs::path& folder) {
  std::vector<std::function<void()>> jobs;
  if (r.height > 1) {
    jobs.emplace_back([&r, &truth, scale, folder] {
      std::vector<LifetimePanel> panels;
      if (!truth.empty()) panels.push_back({"true", r.width, r.height, truth});
      panels.push_back({truth.empty() ? "amplitude-weighted lifetime" : "predicted", r.width,
                        r.height, r.amplitude_ns, r.unlike});
      draw_lifetime_maps(folder / "lifetime_map.png", panels, scale);
    });
    jobs.emplace_back([&r, scale, folder] {
      draw_overlay(folder / "overlay.png",
                   {"lifetime x intensity", r.width, r.height, r.amplitude_ns, r.unlike},
                   r.intensity, scale);
    });
  }
  if (r.height > 1 && !r.amplitude_sd_ns.empty())
    jobs.emplace_back([&r, folder] {
      std::vector<float> percent = r.relative_precision();
      for (float& p : percent) p *= 100.0f;
      const LifetimePanel panel{"standard deviation of the amplitude-weighted lifetime", r.width,
                                r.height, percent};
      draw_lifetime_maps(folder / "precision_map.png", {&panel, 1}, {}, "% of the lifetime");
    });
  if (!truth.empty() && statistics_of(r.amplitude_ns))
    jobs.emplace_back([&r, &truth, folder] {
      draw_lifetime_scatter(folder / "scatter.png", "Amplitude-weighted lifetime", truth,
                            r.amplitude_ns);
    });
  return jobs;
}

/// What the parts of the job took.
class Stopwatch {
 public:
  /// Ends a part, named by what was done, and tells its seconds.
  double lap(const char* done) {
    const auto now = Clock::now();
    laps_.emplace_back(done, std::chrono::duration<double>(now - last_).count());
    last_ = now;
    return laps_.back().second;
  }
  void print(std::size_t pixels) const {
    double total = 0;
    for (const auto& lap : laps_) total += lap.second;
    std::cout << std::setprecision(3) << pixels << " pixels in " << total << " s ("
              << format_quantity(static_cast<double>(pixels) / total) << "/s)";
    const char* before = ": ";
    for (const auto& [done, seconds] : laps_) {
      std::cout << before << done << ' ' << seconds << " s";
      before = ", ";
    }
    std::cout << '\n';
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
  std::vector<std::pair<const char*, double>> laps_;
};

InferenceOptions all_inference_options_from(const Arguments& a) {
  InferenceOptions options = inference_options_from(a);
  if (a.has("least-precision")) options.least_precision = share_from(a, "least-precision");
  return options;
}

/// One file, by `loaded`, or, where there is none, the model of a card. `rows`: where they are wanted,
/// for a table, instead of what is printed; then no results are written but those of --output.
int infer_file(const Arguments& a, const TraceModel* loaded, std::vector<TableRow>* rows) {
  const std::string model_file = a.positional("model"), file = a.positional("file");
  InferenceOptions options = all_inference_options_from(a);
  check_outputs(a, {"report"},
                in_output_folder(a, {"sfd.npy", "lifetimes.csv", "lifetimes.npy", "lifetimes.tif",
                                     "doubts.npz", "summary.json"}));
  options.keep_sfd =
      rows || !a.has("no-sfd") || !a.has("no-pictures") || a.has("report") || a.has("irf");
  Stopwatch watch;
  Measurement measurement = measurement_from(a, file);
  std::unique_ptr<TraceModel> of_card;
  if (!loaded) of_card = model_of_card(model_file, measurement, options);
  const TraceModel& model = loaded ? *loaded : *of_card;
  check_answers(a, model);
  const bool decays = model.gives_decays();
  const std::optional<Range> scale = chosen_scale(a, measurement);
  const std::vector<float> truth = true_lifetimes(file, measurement.traces());
  const double first_gate_ns = options.first_gate_ns.value_or(model.first_gate_ns);
  std::optional<MeasuredIrfs> irfs = given_irfs(a, measurement, model, first_gate_ns);
  std::vector<IrfQuantiles> irf_of_sum;
  if (irfs && model.normalisation.reads_irf()) {
    options.irfs = quantiles_of(*irfs);
    if (irfs->size() > 1) irf_of_sum = quantiles_of(irfs->mean());
    irfs.reset();  // without a decay there is nothing to convolve
  }
  TableInput table;
  if (rows) table = TableInput(measurement, std::move(irf_of_sum));
  std::vector<int> labels = measurement.labels;
  watch.lap("read");
  Inference result = taugate::infer(model, std::move(measurement), options);
  const double seconds = watch.lap("inferred");
  result.labels = std::move(labels);
  // Whatever may be wrong with the options shows before anything is written.
  const std::size_t pixel = chosen_pixel(a, result.width, result.height, result.intensity);
  if (irfs) {
    result.irf_chi2r = reconvolved_chi2r(model, *irfs, result);
    watch.lap("reconvolved");
  }
  if (rows) *rows = infer_rows(model, result, std::move(table), options, irfs);
  if (!a.has("output")) return kSuccess;

  const fs::path folder = a.text("output");
  make_folder(folder);
  nlohmann::json s;
  std::vector<std::future<void>> files;
  for (auto& job : file_jobs(result, folder, decays && !a.has("no-sfd")))
    files.push_back(std::async(std::launch::async, std::move(job)));
  // gnuplot is a process of its own, so pictures are drawn beside the writing.
  std::vector<std::function<void()>> jobs{[&] {
    s = infer_summary(result, truth, first_gate_ns);
    write_file(folder / "summary.json", s.dump(2) + "\n");
  }};
  const PixelCounts reconvolved = fitted_counts_of(model, result, irfs);
  const Report::Draw trace = [&](const fs::path& target) {
    draw_one_trace(model, result, pixel, irfs, first_gate_ns, reconvolved, target);
  };
  if (!a.has("no-pictures")) {
    for (auto& job : map_jobs(result, truth, scale, folder)) jobs.push_back(std::move(job));
    if (decays && result.blank < result.intensity.size())
      jobs.emplace_back([&] { trace(folder / "trace.png"); });
  }
  parallel_for(jobs.size(), [&](std::size_t job, int) { jobs[job](); });
  for (auto& file : files) file.get();
  watch.lap("wrote");
  if (a.has("report")) {
    write_report(a, {model_file, file, model, result, truth, scale, first_gate_ns, pixel, trace,
                     reconvolved, seconds, result.relative_precision()});
    watch.lap("reported");
  }
  if (rows) return kSuccess;
  print_inference(result, s);
  watch.print(result.intensity.size());
  std::cout << "wrote " << folder.string() << (!decays || a.has("no-sfd") ? "/: " : "/: sfd.npy, ")
            << "lifetimes.npy, lifetimes.tif, lifetimes.csv, summary.json"
            << (a.has("no-pictures") ? "" : " and pictures") << '\n';
  if (a.has("report")) std::cout << "wrote " << a.text("report") << '\n';
  return kSuccess;
}

}  // namespace

int infer(int argc, char** argv) {
  Arguments a = declare();
  if (!a.parse(argc, argv)) return kSuccess;
  use_threads(a);
  if (!a.has("table")) require_one_file(a);
  const std::string model_file = a.positional("model");
  if (!a.has("table")) a.positional("file");
  if (!a.has("table") && !a.has("output"))
    fail_usage("wanted -o FOLDER (see: taugate infer --help)");
  // Whatever is wrong with these is no single file's fault.
  const InferenceOptions options = all_inference_options_from(a);
  check_pixel_options(a);
  if (a.has("photons")) return infer_photons(a, options.least_precision);
  if (a.has("output")) check_pictures(a);
  std::unique_ptr<TraceModel> model;
  if (!names_card(model_file)) model = load_trace_model(model_file);
  if (model && !a.has("files")) check_answers(a, *model);  // a list may bring the IRFs
  if (!a.has("table")) return infer_file(a, model.get(), nullptr);
  return run_table(a, {declare, infer_columns(), [&](const Arguments& one, auto& rows) {
                         return infer_file(one, model.get(), &rows);
                       }});
}

}  // namespace taugate::cli
