#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <optional>

#include "cli/commands.h"
#include "cli/options/outputs.h"
#include "cli/options/prior_options.h"
#include "cli/options/verbosity.h"
#include "core/interrupt.h"
#include "fli/formats/idx.h"
#include "fli/formats/npz.h"
#include "study/plate.h"
#include "taugate/core/file.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/inference/photon_network.h"
#include "taugate/fli/physics/masks.h"

namespace taugate::cli {
namespace {

constexpr std::size_t kBlock = 16384;  // traces held at a time
constexpr NpyType kFloat{'f', 4, false};
constexpr std::uint64_t kLengthSeed = 0x6c656e67u;  // of how many photons a pixel has

std::vector<std::size_t> sfd_shape(std::vector<std::size_t> leading, int gates, int channels) {
  leading.push_back(static_cast<std::size_t>(gates));
  if (channels > 1) leading.push_back(static_cast<std::size_t>(channels));
  return leading;
}

/// The time axis, as `taugate convert` writes it, too.
void add_time_axis(NpzWriter& out, const Acquisition& acquisition) {
  for (const auto& [name, ns] :
       {std::pair{"bin_ns", acquisition.gate_step_ns}, {"period_ns", acquisition.period_ns}})
    out.add(name, {'f', 8, false}, {}).append(std::span(&ns, 1));
}

int stopped() {
  std::cout << "stopped; nothing written\n";
  return kInterrupted;
}

/// tpsf [N][T], sfd [N][T] or [N][T][C], tau1, tau2, fraction, total_counts [N], block by block.
int write_traces(const Arguments& a, const Simulator& simulator, std::uint64_t samples,
                 std::uint64_t seed) {
  const auto T = static_cast<std::size_t>(simulator.gates()), values = T * simulator.channels();
  // The members, and the archive that they are packed into.
  check_space(a.text("output"), 2.0 * sizeof(float) * static_cast<double>(samples) *
                                    static_cast<double>(T + values + 4));
  NpzWriter out(a.text("output"));
  NpyWriter& tpsf = out.add("tpsf", kFloat, {T});
  NpyWriter& sfd = out.add("sfd", kFloat, sfd_shape({}, simulator.gates(), simulator.channels()));
  NpyWriter* numbers[] = {&out.add("tau1", kFloat, {}), &out.add("tau2", kFloat, {}),
                          &out.add("fraction", kFloat, {}), &out.add("total_counts", kFloat, {})};
  add_time_axis(out, simulator.config().acquisition);
  std::vector<float> counts(kBlock * T), decays(kBlock * values), columns[4];
  for (auto& column : columns) column.resize(kBlock);
  Progress progress = shown_progress("simulate", "traces", static_cast<double>(samples));
  for (std::uint64_t first = 0; first < samples; first += kBlock) {
    if (interrupted()) return stopped();
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, samples - first));
    parallel_for((n + 127) / 128, [&](std::size_t part, int) {
      for (std::size_t i = part * 128; i < std::min(n, (part + 1) * 128); ++i) {
        Sample pixel{{counts.data() + i * T, T}, {decays.data() + i * values, values}, {}};
        simulator.sample(seed, first + i, pixel);
        const Truth& truth = pixel.truth;
        const double row[] = {truth.decay.tau1_ns, truth.decay.tau2_ns, truth.decay.fraction,
                              truth.total_counts};
        for (int c = 0; c < 4; ++c) columns[c][i] = static_cast<float>(row[c]);
      }
    });
    tpsf.append(std::span<const float>(counts).first(n * T));
    sfd.append(std::span<const float>(decays).first(n * values));
    for (int c = 0; c < 4; ++c) numbers[c]->append(std::span<const float>(columns[c]).first(n));
    progress.update(static_cast<double>(first + n));
  }
  progress.finish(static_cast<double>(samples), "packing the archive");
  if (interrupted()) return stopped();
  out.finish();
  std::cout << "wrote " << samples << " traces of " << T << " gates to " << a.text("output")
            << '\n';
  return kSuccess;
}

/// Photon lists, pixel after pixel: arrival [photons], offsets [N + 1], tau1, tau2, fraction [N].
int write_photons(const Arguments& a, const Simulator& simulator, std::uint64_t pixels,
                  std::uint64_t seed) {
  const Range photons = a.range("photons");
  if (!(photons.low >= 1.0 && photons.high <= 1e6))
    fail_usage("--photons: found '", a.text("photons"), "', wanted 1 to 1000000 of a pixel");
  check_space(a.text("output"), 4.0 * static_cast<double>(pixels) * photons.high);
  NpzWriter out(a.text("output"));
  NpyWriter &arrival = out.add("arrival", {'u', 2, false}, {}),
            &offsets = out.add("offsets", {'i', 8, false}, {});
  NpyWriter* numbers[] = {&out.add("tau1", kFloat, {}), &out.add("tau2", kFloat, {}),
                          &out.add("fraction", kFloat, {})};
  add_time_axis(out, simulator.config().acquisition);
  std::vector<std::uint16_t> bins;
  std::vector<float> values;
  double total = 0.0;
  offsets.append(std::span(&total, 1));
  for (std::uint64_t i = 0; i < pixels; ++i) {
    if (interrupted()) return stopped();
    Random random(seed ^ kLengthSeed, i);
    bins.resize(static_cast<std::size_t>(std::lround(photons.draw_log(random))));
    const Truth truth = simulator.photons(seed, i, bins);
    values.assign(bins.begin(), bins.end());
    arrival.append(std::span<const float>(values));
    total += static_cast<double>(bins.size());
    offsets.append(std::span(&total, 1));
    const double row[] = {truth.decay.tau1_ns, truth.decay.tau2_ns, truth.decay.fraction};
    for (int c = 0; c < 3; ++c) numbers[c]->append(std::span(&row[c], 1));
  }
  out.finish();
  std::cout << "wrote " << static_cast<std::uint64_t>(total) << " photons of " << pixels
            << " pixels to " << a.text("output") << '\n';
  return kSuccess;
}

Masks masks_from(const Arguments& a, int images, std::uint64_t seed) {
  if (!a.has("masks")) return procedural_masks(images, seed);
  IdxImages idx = read_idx_images(a.text("masks"));
  require(std::any_of(idx.pixels.begin(), idx.pixels.end(),
                      [](std::uint8_t pixel) { return pixel >= Masks::threshold; }),
          a.text("masks"), ": found no pixel of ", int{Masks::threshold}, " and more, wanted some");
  return {static_cast<int>(idx.rows), static_cast<int>(idx.cols), std::move(idx.pixels)};
}

/// All images on one canvas, row by row of a near-square grid: tpsf [H][W][T], sfd, tau1 ...
/// [H][W].
int write_images(const Arguments& a, const Simulator& simulator, int images, std::uint64_t seed) {
  const auto per = a.has("one-decay-per-image") ? LifetimesPer::image : LifetimesPer::pixel;
  const ImageSet set = simulate_images(simulator, masks_from(a, images, seed), images, seed, per);
  const int across = static_cast<int>(std::ceil(std::sqrt(images))),
            down = (images + across - 1) / across;
  const auto width = static_cast<std::size_t>(across * set.cols),
             height = static_cast<std::size_t>(down * set.rows);
  const auto onto_canvas = [&](const std::vector<float>& values) {
    const std::size_t row = values.size() / set.images / set.rows;  // of one image
    std::vector<float> canvas(row * across * height);
    for (int image = 0; image < images; ++image)
      for (int y = 0; y < set.rows; ++y)
        std::copy_n(
            values.begin() +
                static_cast<std::ptrdiff_t>((static_cast<std::size_t>(image) * set.rows + y) * row),
            row,
            canvas.begin() + static_cast<std::ptrdiff_t>(((image / across * set.rows + y) *
                                                              static_cast<std::size_t>(across) +
                                                          image % across) *
                                                         row));
    return canvas;
  };
  NpzWriter out(a.text("output"));
  const auto put = [&](const char* name, std::vector<std::size_t> shape,
                       const std::vector<float>& values) {
    out.add(name, kFloat, std::move(shape)).append(std::span<const float>(onto_canvas(values)));
  };
  put("tpsf", {width, static_cast<std::size_t>(set.gates)}, set.counts);
  put("sfd", sfd_shape({width}, set.gates, set.channels), set.sfd);
  put("tau1", {width}, set.tau1);
  put("tau2", {width}, set.tau2);
  put("fraction", {width}, set.fraction);
  add_time_axis(out, simulator.config().acquisition);
  if (interrupted()) return stopped();
  out.finish();
  std::cout << "wrote " << images << " images as one of " << width << " x " << height
            << " pixels and " << set.gates << " gates to " << a.text("output") << '\n';
  return kSuccess;
}

PlateConfig plate_config(const Arguments& a) {
  a.allow_beside("plate", {"output", "irf-output", "seed", "threads", "preset", "outputs"});
  PlateConfig config;
  config.side = a.small_count("plate");
  if (a.has("seed")) config.seed = a.count("seed");
  if (a.has("preset")) config.acquisition = acquisition_preset(a.text("preset"));
  if (a.has("outputs")) config.channels = a.small_count("outputs");
  return config;
}

/// The plate as an image, row by row: tpsf [H][W][T], sfd, and tau1, tau2, fraction, peak_counts
/// [H][W], where the truth of what is not foreground is 0. The IRFs of its pixels beside it.
int write_plate(const Arguments& a, const Plate& plate) {
  const auto side = static_cast<std::size_t>(plate.config().side),
             T = static_cast<std::size_t>(plate.gates()),
             values = T * static_cast<std::size_t>(plate.config().channels);
  const double traces = static_cast<double>(side * side);
  check_space(a.text("output"), 2.0 * sizeof(float) * traces * static_cast<double>(T + values + 4));
  NpzWriter out(a.text("output"));
  NpyWriter& tpsf = out.add("tpsf", kFloat, {side, T});
  NpyWriter& sfd =
      out.add("sfd", kFloat, sfd_shape({side}, plate.gates(), plate.config().channels));
  constexpr const char* names[] = {"tau1", "tau2", "fraction", "peak_counts"};
  NpyWriter* numbers[4];
  for (int c = 0; c < 4; ++c) numbers[c] = &out.add(names[c], kFloat, {side});
  add_time_axis(out, plate.config().acquisition);
  std::optional<NpzWriter> irf_out;
  NpyWriter* irfs = nullptr;
  if (const auto path = a.maybe("irf-output")) {
    check_space(*path, 2.0 * sizeof(float) * traces * static_cast<double>(T));
    irf_out.emplace(*path);
    irfs = &irf_out->add("tpsf", kFloat, {side, T});
    add_time_axis(*irf_out, plate.config().acquisition);
  }
  std::vector<float> counts(side * T), records(side * T), decays(side * values), columns[4];
  for (auto& column : columns) column.resize(side);
  for (std::size_t row = 0; row < side; ++row) {
    if (interrupted()) return stopped();
    parallel_for((side + 63) / 64, [&](std::size_t part, int) {
      for (std::size_t i = part * 64; i < std::min(side, (part + 1) * 64); ++i) {
        const std::size_t place = row * side + i;
        Sample pixel{{counts.data() + i * T, T}, {decays.data() + i * values, values}, {}};
        plate.sample(place, pixel);
        const bool shown = plate.is_foreground(plate.pixel(place));
        if (!shown) std::fill(pixel.sfd.begin(), pixel.sfd.end(), 0.0f);
        const Truth& truth = pixel.truth;
        const double numbers_of[] = {truth.decay.tau1_ns, truth.decay.tau2_ns, truth.decay.fraction,
                                     truth.peak_counts};
        for (int c = 0; c < 4; ++c)
          columns[c][i] = shown ? static_cast<float>(numbers_of[c]) : 0.0f;
        if (irfs) plate.record_irf(place, {records.data() + i * T, T});
      }
    });
    tpsf.append(std::span<const float>(counts));
    sfd.append(std::span<const float>(decays));
    for (int c = 0; c < 4; ++c) numbers[c]->append(std::span<const float>(columns[c]));
    if (irfs) irfs->append(std::span<const float>(records));
  }
  out.finish();
  if (irf_out) irf_out->finish();
  std::cout << "wrote a plate of " << side << " x " << side << " pixels and " << T << " gates, "
            << plate.foreground().size() << " pixels of it foreground, to " << a.text("output")
            << (irf_out ? ", the IRFs of its pixels to " + a.text("irf-output") : std::string())
            << '\n';
  return kSuccess;
}

void check_archive(const Arguments& a, const char* option) {
  const std::filesystem::path path = a.text(option);
  std::error_code ignored;
  if (path.extension() != ".npz" && !std::filesystem::is_other(path, ignored))
    fail_usage("--", option, ": found ", path.string(), ", wanted a name that ends in .npz");
}

}  // namespace

int simulate(int argc, char** argv) {
  Arguments a("simulate", "[options] -o FILE.npz",
              "Makes simulated traces, or images with --images, and writes them with the truth.");
  a.group("")("o,output", "where the NPZ archive goes", cxxopts::value<std::string>(), "FILE")(
      "samples", "traces to make: a number or 'paper' (3,920,000)",
      cxxopts::value<std::string>()->default_value("10k"),
      "N")("images", "make so many images instead, side by side on one canvas",
           cxxopts::value<std::string>(),
           "N")("masks", "IDX file whose bright pixels fluoresce (default: drawn shapes)",
                cxxopts::value<std::string>(),
                "FILE")("one-decay-per-image", "all pixels of an image share their lifetimes")(
      "plate", "make an emulated well plate of so many pixels a side instead (docs/plate.md)",
      cxxopts::value<std::string>(),
      "SIDE")("irf-output", "where the IRFs of its pixels go", cxxopts::value<std::string>(),
              "FILE")("photons",
                      "write the arrival times of so many photons of a pixel, log-uniform, instead "
                      "of gates (docs/photons.md)",
                      cxxopts::value<std::string>(), "RANGE")(
      "seed", "of the data set", cxxopts::value<std::string>()->default_value("1"), "N");
  add_threads(a);
  add_prior_options(a);
  a.excludes({"samples"}, {"images"});
  a.needs({"masks", "one-decay-per-image"}, {"images"});
  a.needs({"irf-output"}, {"plate"});
  a.excludes({"images", "plate", "counts", "outputs", "gate-step", "gate-width", "window"},
             {"photons"});
  if (!a.parse(argc, argv)) return kSuccess;
  use_threads(a);
  if (!a.has("output")) fail_usage("wanted -o FILE.npz (see: taugate simulate --help)");
  check_archive(a, "output");
  if (a.has("irf-output")) check_archive(a, "irf-output");
  check_outputs(a, {"output", "irf-output"});
  if (a.has("plate")) return write_plate(a, Plate(plate_config(a)));
  const Simulator simulator(prior_from(a).simulator);
  std::cout << "prior: " << describe_prior(simulator.config()) << '\n';
  const std::uint64_t seed = a.count("seed");
  if (a.has("images")) {
    const std::uint64_t images = a.count("images");
    if (images < 1 || images > 400) fail_usage("--images: found ", images, ", wanted 1 to 400");
    return write_images(a, simulator, static_cast<int>(images), seed);
  }
  const std::uint64_t samples = a.text("samples") == "paper"
                                    ? static_cast<std::uint64_t>(PaperSize::traces)
                                    : a.count("samples");
  if (samples < 1) fail_usage("--samples: found 0, wanted at least 1");
  if (a.has("photons")) {
    require_whole_period(simulator.config().acquisition);
    return write_photons(a, simulator, samples, seed);
  }
  return write_traces(a, simulator, samples, seed);
}

}  // namespace taugate::cli
