#include "cli/infer_photons.h"

#include <chrono>
#include <cmath>
#include <functional>
#include <iomanip>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options/measurement_options.h"
#include "cli/options/outputs.h"
#include "cli/results/pixel_results.h"
#include "core/progress.h"
#include "fli/formats/csv.h"
#include "fli/formats/tiff.h"
#include "taugate/core/file.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/inference/photon_stream.h"
#include "taugate/fli/plot/plot_maps.h"

namespace taugate::cli {
namespace {

namespace fs = std::filesystem;

constexpr double kPeriodTolerance = 0.01;  // as of histograms (rebin.h)

PhotonOptions photon_options_from(const Arguments& a, const InferenceOptions& options) {
  PhotonOptions photons{.period_ns = options.period_ns};
  if (a.has("channel")) {
    const std::vector<int> numbers =
        a.text("channel") == "sum" ? std::vector<int>{} : a.integers("channel");
    if (numbers.size() != 1 || numbers[0] < 1)
      fail_usage("--channel: found '", a.text("channel"),
                 "', wanted one number from 1 with --photons");
    photons.channel = numbers[0];
  }
  if (a.has("bin-pixels")) photons.binning = a.small_count("bin-pixels");
  return photons;
}

/// What is told of each pixel; NaN where it has too few photons or is too imprecise.
struct PhotonResult {
  int width = 0, height = 0;
  std::vector<float> photons, lifetime_ns, sd_ns;
  std::vector<std::uint8_t>
      unlike;  ///< has a lifetime, but more photons than any list of the training
  std::size_t blank = 0, imprecise = 0, unlike_count = 0;
};

/// most_photons: of a list of the training.
PhotonResult result_of(PhotonStream& stream, const PhotonSource& source, int most_photons,
                       double least_counts, std::optional<double> least_precision) {
  constexpr float none = std::numeric_limits<float>::quiet_NaN();
  PhotonResult r{source.width(), source.height(), {}, {}, {}, {}};
  const std::vector<Estimated> answers = stream.answers();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto n = static_cast<double>(stream.photons(i));
    Estimated tau = answers[i];
    const bool too_few = n < std::max(least_counts, 1.0),
               too_imprecise =
                   !too_few && least_precision && tau.deviation > *least_precision * tau.value;
    if (too_few || too_imprecise) tau = {none, none};
    r.blank += too_few || too_imprecise;
    r.imprecise += too_imprecise;
    r.unlike.push_back(std::isfinite(tau.value) && n > most_photons);
    r.unlike_count += r.unlike.back();
    r.photons.push_back(static_cast<float>(n));
    r.lifetime_ns.push_back(tau.value);
    r.sd_ns.push_back(tau.deviation);
  }
  return r;
}

std::vector<float> relative(const PhotonResult& r) {
  std::vector<float> share(r.sd_ns);
  for (std::size_t i = 0; i < share.size(); ++i) share[i] /= r.lifetime_ns[i];
  return share;
}

void write_files(const PhotonResult& r, const fs::path& folder, const nlohmann::json& summary,
                 bool pictures) {
  std::vector<std::function<void()>> jobs{
      [&] {
        const std::string names[] = {"row",
                                     "column",
                                     "counts",
                                     "amplitude_weighted_ns",
                                     "amplitude_weighted_sd_ns",
                                     "unlike_training"};
        CsvWriter table(folder / "lifetimes.csv", names);
        const auto W = static_cast<std::size_t>(r.width);
        for (std::size_t i = 0; i < r.photons.size(); ++i)
          table.row(std::vector<double>{static_cast<double>(i / W), static_cast<double>(i % W),
                                        r.photons[i], r.lifetime_ns[i], r.sd_ns[i],
                                        static_cast<double>(r.unlike[i])});
        table.finish();
      },
      [&] {
        const std::vector<float> unlike(r.unlike.begin(), r.unlike.end());
        const TiffMap maps[] = {{"amplitude-weighted lifetime (ns)", r.lifetime_ns},
                                {"amplitude_weighted_sd_ns", r.sd_ns},
                                {"counts", r.photons},
                                {"unlike_training", unlike}};
        write_tiff_maps(folder / "lifetimes.tif", r.width, r.height, maps);
      },
      [&] { write_file(folder / "summary.json", summary.dump(2) + "\n"); }};
  if (pictures && r.height > 1 && r.blank < r.photons.size()) {
    jobs.emplace_back([&] {
      const LifetimePanel panel{"amplitude-weighted lifetime", r.width, r.height, r.lifetime_ns,
                                r.unlike};
      draw_lifetime_maps(folder / "lifetime_map.png", {&panel, 1});
    });
    jobs.emplace_back([&] {
      std::vector<float> percent = relative(r);
      for (float& p : percent) p *= 100.0f;
      const LifetimePanel panel{"standard deviation of the lifetime", r.width, r.height, percent};
      draw_lifetime_maps(folder / "precision_map.png", {&panel, 1}, {}, "% of the lifetime");
    });
  }
  parallel_for(jobs.size(), [&](std::size_t job, int) { jobs[job](); });
}

void print(const PhotonResult& r, const nlohmann::json& summary) {
  const std::size_t n = r.photons.size();
  std::cout << n - r.blank << " of " << n << " pixels have a lifetime, " << r.blank << " are blank";
  if (r.imprecise > 0) std::cout << ", " << r.imprecise << " of these for their precision";
  std::cout << '\n' << std::setprecision(4);
  if (n > 16) return print_statistics("amplitude-weighted", summary["amplitude_weighted_ns"]);
  for (std::size_t i = 0; i < n; ++i)
    if (std::isfinite(r.lifetime_ns[i]))
      std::cout << "  pixel " << i << ": " << r.lifetime_ns[i] << " +- " << std::setprecision(2)
                << r.sd_ns[i] << std::setprecision(4) << " ns, " << r.photons[i] << " photons\n";
}

}  // namespace

void warn_of_many_photons(const std::string& which, int most_photons) {
  std::cerr << "warning: " << which << " have more photons than the " << most_photons
            << " that the network was trained on (--photons): their deviations are not to be "
               "believed\n";
}

int infer_photons(const Arguments& a, std::optional<double> least_precision) {
  a.allow_beside("photons", {"model", "file", "output", "no-pictures", "least-precision", "threads",
                             "period", "first", "channel", "least-counts", "bin-pixels"});
  const InferenceOptions options = inference_options_from(a);
  check_outputs(a, {}, in_output_folder(a, {"lifetimes.csv", "lifetimes.tif", "summary.json"}));
  check_pictures(a);
  const fs::path folder = a.text("output");
  const std::string file = a.positional("file");
  const std::unique_ptr<TraceModel> model =
      load_trace_model(a.positional("model"), ModelReads::photons);
  const PhotonSource source(file, photon_options_from(a, options));
  const double period_ns = model->acquisition().period_ns;
  require(std::abs(source.period_ns() / period_ns - 1.0) <= kPeriodTolerance, file,
          ": was measured with a laser period of ", source.period_ns(), " ns, wanted ", period_ns,
          " ns, the model's");
  for (const std::string& note : source.notes()) std::cout << file << ": " << note << '\n';

  PhotonStream stream(*model, source.pixels(), options.first_gate_ns);
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t photons = 0;
  source.read([&](std::span<const PixelPhoton> piece) {
    stream.push(piece);
    photons += piece.size();
  });
  const PhotonResult r =
      result_of(stream, source, model->description().gates, options.least_counts, least_precision);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  make_folder(folder);
  const nlohmann::json summary{
      {"width", r.width},
      {"height", r.height},
      {"photons", photons},
      {"blank", r.blank},
      {"imprecise", r.imprecise},
      {"unlike_training", r.unlike_count},
      {"first_gate_ns", options.first_gate_ns.value_or(model->first_gate_ns)},
      {"amplitude_weighted_ns", statistics(r.lifetime_ns)},
      {"relative_precision", statistics(relative(r))}};
  write_files(r, folder, summary, !a.has("no-pictures"));
  print(r, summary);
  if (r.unlike_count > 0)
    warn_of_many_photons(concat(r.unlike_count, " pixels"), model->description().gates);
  std::cout << std::setprecision(3) << photons << " photons in " << seconds << " s ("
            << format_quantity(static_cast<double>(photons) / seconds) << "/s)\nwrote "
            << folder.string() << "/: lifetimes.csv, lifetimes.tif, summary.json"
            << (a.has("no-pictures") ? "" : " and pictures") << '\n';
  return kSuccess;
}

}  // namespace taugate::cli
