#include "cli/options/pixel_options.h"

#include <cstdio>
#include <optional>

#include "taugate/fli/io/pile_up.h"
#include "taugate/fli/io/pixel_groups.h"

namespace taugate::cli {
namespace {

std::optional<PixelRegion> region_from(const Arguments& a) {
  if (!a.has("roi")) return std::nullopt;
  const std::string text = a.text("roi");
  PixelRegion r;
  int end = 0;
  if (std::sscanf(text.c_str(), "%d:%d,%d:%d%n", &r.first_row, &r.end_row, &r.first_column,
                  &r.end_column, &end) != 4 ||
      static_cast<std::size_t>(end) != text.size())
    fail_usage("--roi: found '", text, "', wanted ROW:ROW,COLUMN:COLUMN such as 0:64,32:96");
  return r;
}

PileUp pile_up_from(const Arguments& a) {
  PileUp o;
  if (a.has("pulses")) o.pulses = static_cast<double>(a.count("pulses"));
  if (o.pulses && *o.pulses < 1.0) fail_usage("--pulses: found 0, wanted 1 or more");
  if (a.has("dead-time")) o.dead_ns = a.number("dead-time");
  if (o.dead_ns && !(*o.dead_ns >= 0.0 && *o.dead_ns <= 1e6))
    fail_usage("--dead-time: found ", *o.dead_ns, " ns, wanted 0 to 1e6");
  return o;
}

}  // namespace

void add_pixel_options(Arguments& a) {
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group("Measurement")("frames",
                         "N, FIRST:LAST or all: frames of a time series, each by itself (default: "
                         "added up)",
                         value(), "RANGE")(
      "pile-up", "photon counting: put back the photons that others have hidden")(
      "pulses", "laser pulses of each pixel, where the file does not tell", value(), "N")(
      "dead-time", "of the recorder after a photon (default: the rest of the period)", value(),
      "NS");
  a.group("Pixels of an image")("roi", "these alone, from 0 and ends exclusive, e.g. 0:64,32:96",
                                value(), "ROW:ROW,COLUMN:COLUMN")(
      "bin-pixels", "sums of N x N pixels", value(), "N")(
      "sliding",
      "each pixel becomes the sum of the N x N around it (N odd; at edges what there is)")(
      "mask", "image of labels (TIFF, NPY; 0: background): each label becomes one summed decay",
      value(), "FILE")("mask-pixels", "the pixels within labels are analysed, each on its own");
  a.needs({"pulses", "dead-time"}, {"pile-up"});
  a.needs({"sliding"}, {"bin-pixels"});
  a.needs({"mask-pixels"}, {"mask"});
}

void check_pixel_options(const Arguments& a) {
  pile_up_from(a);
  region_from(a);
  if (a.has("bin-pixels")) check_bin_pixels(a.small_count("bin-pixels"), a.has("sliding"));
  if (a.has("mask") && a.has("bin-pixels") && !(a.has("mask-pixels") && a.has("sliding")))
    fail_usage(
        "--bin-pixels: found --mask, whose labels are of single pixels; wanted one of the "
        "two, or --sliding with --mask-pixels");
}

void group_pixels(const Arguments& a, Measurement& m) {
  check_pixel_options(a);
  if (a.has("pile-up")) correct_pile_up(m, pile_up_from(a));
  const std::optional<PixelRegion> region = region_from(a);
  std::optional<LabelImage> mask;
  if (a.has("mask")) {
    mask = read_labels(a.text("mask"));
    check_size(m, *mask);
  }
  if (region) {
    crop(m, *region);
    if (mask) crop(*mask, *region);
  }
  if (a.has("bin-pixels")) bin_pixels(m, a.small_count("bin-pixels"), a.has("sliding"));
  if (mask && a.has("mask-pixels")) keep_labels(m, *mask);
  if (mask && !a.has("mask-pixels")) sum_labels(m, *mask);
}

}  // namespace taugate::cli
