#include "study/plate.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "taugate/core/error.h"
#include "taugate/fli/physics/response.h"

namespace taugate {
namespace {

// Lengths on the plate are in sides of the image.
constexpr int kWellColumns = 6, kWellRows = 4;
constexpr double kWellRadius = 0.4 / kWellColumns, kEdge = 1.0 / 256.0;
constexpr double kBrightestPeak = 900.0, kFaintestPeak = 150.0;
constexpr double kCornerIllumination = 0.7;  // of that in the middle

constexpr double kDelayNs = 1.4, kColumnSkewNs = 0.2, kRowSkewNs = 0.05, kDelayJitterNs = 0.02;
constexpr double kFwhmNs = 0.3, kFwhmJitter = 0.03;  // the latter relative
constexpr double kTailNs = 0.06;
constexpr double kIrfCounts = 5e4;  // of a record in the middle of the image
constexpr double kLaserPulseNs = 1e-4;

constexpr Detector kCamera{.kind = DetectorKind::gated_spad,
                           .frame_bits = 10,
                           .dark_counts = 0.05,
                           .hot_probability = 0.02,
                           .hot_counts = {0.1, 500.0}};

/// A thread's working memory, for as long as the acquisition stays the same.
struct Scratch {
  Acquisition acquisition;
  std::optional<Response> response;
  std::vector<double> irf, mean;

  /// mean [T], of any scale.
  void respond(const Acquisition& wanted, const PlatePixel& pixel, double tau_ns) {
    if (!response || acquisition != wanted) {
      const std::size_t largest = largest_irf({});
      response.emplace(wanted, largest);
      acquisition = wanted;
      irf.reserve(largest);
      mean.resize(static_cast<std::size_t>(wanted.gates));
    }
    (*response)(parametric_irf(pixel.delay_ns, pixel.fwhm_ns, 0.0, pixel.tail_ns, irf),
                Decay::mono(tau_ns), mean);
  }
};
thread_local Scratch scratch;

/// From the middle of the image, 1 in its corners.
double eccentricity(double x, double y) { return std::hypot(x - 0.5, y - 0.5) / std::sqrt(0.5); }

double illumination(double x, double y) {
  return 1.0 - (1.0 - kCornerIllumination) * std::pow(eccentricity(x, y), 2);
}

}  // namespace

Plate::Plate(const PlateConfig& config) : config_(config), detector_(kCamera) {
  validate(config.acquisition);
  check_within("plate: pixels a side", config.side, 24, 4096);
  check_within("plate: stride", config.stride, 1, config.side);
  if (config.channels != 1 && config.channels != 3)
    fail_usage("plate: found ", config.channels, " channels, wanted 1 or 3");
  const auto side = static_cast<std::size_t>(config.side),
             stride = static_cast<std::size_t>(config.stride);
  for (std::size_t row = 0; row < side; row += stride)
    for (std::size_t column = 0; column < side; column += stride)
      if (peak_counts(row, column) >= kLeastPeakCounts && is_foreground(pixel(row * side + column)))
        foreground_.push_back(row * side + column);
}

double Plate::peak_counts(std::size_t row, std::size_t column) const {
  const double side = config_.side, x = (static_cast<double>(column) + 0.5) / side,
               y = (static_cast<double>(row) + 0.5) / side;
  const double well_column = std::floor(x * kWellColumns), well_row = std::floor(y * kWellRows);
  // The dilution series turns round in every second row: it should not go along with the skew.
  const bool turned = std::fmod(well_row, 2.0) == 1.0;
  const double dilutions = turned ? kWellColumns - 1 - well_column : well_column;
  const double concentration =
      kBrightestPeak * std::pow(kFaintestPeak / kBrightestPeak, dilutions / (kWellColumns - 1));
  const double radius =
      std::hypot(x - (well_column + 0.5) / kWellColumns, y - (well_row + 0.5) / kWellRows);
  return concentration * illumination(x, y) / (1.0 + std::exp((radius - kWellRadius) / kEdge));
}

PlatePixel Plate::draw(std::size_t place, Random& random) const {
  const auto side = static_cast<std::size_t>(config_.side);
  const std::size_t row = place / side, column = place % side;
  const auto share = [&](std::size_t at) {  // -1/2..1/2 along the array
    return (static_cast<double>(at) + 0.5) / static_cast<double>(side) - 0.5;
  };
  PlatePixel pixel;
  pixel.peak_counts = peak_counts(row, column);
  pixel.delay_ns = kDelayNs + kColumnSkewNs * share(column) + kRowSkewNs * share(row) +
                   kDelayJitterNs * random.normal();
  pixel.fwhm_ns = kFwhmNs * (1.0 + kFwhmJitter * random.normal());
  pixel.tail_ns = kTailNs;
  pixel.dark_counts = draw_dark_counts(detector_, random);
  return pixel;
}

PlatePixel Plate::pixel(std::size_t place) const {
  Random random(config_.seed, place);
  return draw(place, random);
}

void Plate::sample(std::size_t place, Sample& out) const {
  Random random(config_.seed, place);
  const PlatePixel pixel = draw(place, random);
  scratch.respond(config_.acquisition, pixel, kLifetimeNs);
  std::vector<double>& mean = scratch.mean;
  const double scale = pixel.peak_counts / *std::max_element(mean.begin(), mean.end());
  for (double& mu : mean) mu *= scale;
  out.truth = {Decay::mono(kLifetimeNs), pixel.peak_counts,
               std::accumulate(mean.begin(), mean.end(), 0.0)};
  for (double& mu : mean) mu += kBackgroundCounts + pixel.dark_counts;
  detect(detector_, mean, random, out.counts);
  if (!out.sfd.empty()) write_sfd(out.truth.decay, config_.acquisition, out.sfd);
}

void Plate::record_irf(std::size_t place, std::span<float> counts) const {
  const auto side = static_cast<std::size_t>(config_.side);
  scratch.respond(config_.acquisition, pixel(place), kLaserPulseNs);
  std::vector<double>& mean = scratch.mean;
  require(counts.size() == mean.size(), "plate: found room for ", counts.size(),
          " counts of an IRF, wanted ", mean.size());
  const double photons =
      kIrfCounts * illumination((static_cast<double>(place % side) + 0.5) / config_.side,
                                (static_cast<double>(place / side) + 0.5) / config_.side);
  const double scale = photons / std::accumulate(mean.begin(), mean.end(), 0.0);
  Random random(config_.seed, side * side + place);  // behind the streams of the pixels
  for (std::size_t k = 0; k < mean.size(); ++k)
    counts[k] = static_cast<float>(random.poisson(std::max(mean[k] * scale, 0.0)));
}

TraceSource Plate::traces() const {
  return {config_.acquisition, config_.channels, foreground_.size(),
          [this](std::size_t i, Sample& out) { sample(foreground_[i], out); }};
}

std::string Plate::identity() const {
  return nlohmann::json{{"acquisition", nlohmann::json::parse(to_json(config_.acquisition))},
                        {"channels", config_.channels},
                        {"side", config_.side},
                        {"stride", config_.stride},
                        {"seed", config_.seed},
                        {"lifetime_ns", kLifetimeNs},
                        {"wells", {kWellColumns, kWellRows}},
                        {"well_radius", kWellRadius},
                        {"edge", kEdge},
                        {"peak_counts", {kFaintestPeak, kBrightestPeak}},
                        {"corner_illumination", kCornerIllumination},
                        {"irf_delay_ns", kDelayNs},
                        {"irf_skew_ns", {kColumnSkewNs, kRowSkewNs}},
                        {"irf_jitter_ns", kDelayJitterNs},
                        {"irf_fwhm_ns", kFwhmNs},
                        {"irf_fwhm_jitter", kFwhmJitter},
                        {"irf_tail_ns", kTailNs},
                        {"irf_counts", kIrfCounts},
                        {"frame_bits", kCamera.frame_bits},
                        {"background_counts", kBackgroundCounts},
                        {"dark_counts", kCamera.dark_counts},
                        {"hot_probability", kCamera.hot_probability},
                        {"hot_counts", {kCamera.hot_counts.low, kCamera.hot_counts.high}},
                        {"least_peak_counts", kLeastPeakCounts},
                        {"most_dark_counts", kMostDarkCounts}}
      .dump();
}

}  // namespace taugate
