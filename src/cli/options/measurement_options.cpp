#include "cli/options/measurement_options.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <numeric>
#include <utility>

#include "cli/options/pixel_options.h"
#include "fli/physics/statistics.h"
#include "taugate/fli/io/exchanged_axes.h"

namespace taugate::cli {
namespace {

struct TimeAxis {
  std::optional<double> bin_ns, period_ns;
};

/// --bin and --period, where they are given.
TimeAxis time_axis_from(const Arguments& a) {
  constexpr double longest_ns = 1e12;
  const auto time = [&](const char* name) -> std::optional<double> {
    if (!a.has(name)) return std::nullopt;
    const double ns = a.number(name);
    if (!(ns > 0.0)) fail_usage("--", name, ": found ", ns, ", wanted more than 0 ns");
    if (ns > longest_ns) fail_usage("--", name, ": found ", ns, " ns, wanted at most 1e12");
    return ns;
  };
  return {time("bin"), time("period")};
}

/// The one frame of --frames; 0 without it.
int frame_number(const Arguments& a) {
  if (!a.has("frames")) return 0;
  const std::string text = a.text("frames");
  if (text == "all" || text.find(':') != std::string::npos)
    fail_usage("--frames: found ", text, ", wanted one frame, or --table CSV with a row for each");
  const std::uint64_t frame = a.count("frames");
  if (frame < 1 || frame > 1000000)
    fail_usage("--frames: found ", text, ", wanted a number from 1");
  return static_cast<int>(frame);
}

int channel_number(const Arguments& a, const std::string& option) {
  if (a.text(option) == "sum") return MeasurementOptions::kSum;
  if (a.text(option) == "all") {
    const bool rows = option == "channel" && (a.command() == "fit" || a.command() == "infer");
    fail_usage("--", option, ": found all, wanted a number from 1, or sum",
               rows ? ", or --table CSV with a row for each" : "");
  }
  const auto numbers = a.integers(option);
  if (numbers.size() != 1 || numbers[0] < 1)
    fail_usage("--", option, ": found '", a.text(option), "', wanted a number from 1, or sum");
  return numbers[0];
}

[[noreturn]] void refuse_side(const Measurement& m, const MeasurementOptions& reading) {
  const std::string option = reading.prefix + "time-first";
  fail_usage(
      m.path.string(), ": found ", m.traces(), " traces of ", m.bins,
      " bins, whose counts lie in few of the traces and all over their bins; ",
      reading.time_first ? "leave out " + option : "if time is the first axis, give " + option);
}

}  // namespace

void add_reading_options(Arguments& a) {
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group("Measurement")("time-first", "arrays are [T][H][W], text has a trace a column")(
      "member", "array of a file that holds several (default: tpsf)", value(), "NAME")(
      "channel", "detector channel, from 1, or sum (default: the brightest)", value(), "N")(
      "gates-per-frame",
      "the pages of a TIFF file are frames of so many gates, one after the other", value(), "N");
}

void check_reading_options(const Arguments& a) {
  if (a.has("channel") && a.text("channel") != "all") channel_number(a, "channel");
  const std::string frames = a.maybe("frames").value_or("all");
  if (frames != "all" && frames.find(':') == std::string::npos) frame_number(a);
}

void add_measurement_options(Arguments& a, const char* file) {
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group("Measurement")("bin", "bin width, where the file does not tell", value(), "NS")(
      "period", "laser period, where the file does not tell", value(), "NS")(
      "first", "where gate 0 opens on the file's clock (default: as in training)", value(), "NS");
  add_reading_options(a);
  a.group("Measurement")("least-counts", "pixels with fewer counts stay blank",
                         cxxopts::value<std::string>()->default_value("0"), "N");
  if (file)
    a.needs({"bin", "period", "first", "time-first", "member", "channel", "gates-per-frame",
             "least-counts"},
            {file});
}

InferenceOptions inference_options_from(const Arguments& a) {
  InferenceOptions o;
  const TimeAxis axis = time_axis_from(a);
  o.bin_ns = axis.bin_ns;
  o.period_ns = axis.period_ns;
  if (a.has("first")) o.first_gate_ns = a.number("first");
  if (o.first_gate_ns.value_or(0.0) < 0.0)
    fail_usage("--first: found ", *o.first_gate_ns, " ns, wanted 0 or more");
  o.least_counts = a.number("least-counts");
  if (!(o.least_counts >= 0.0 && o.least_counts <= kLargestCount))
    fail_usage("--least-counts: found ", o.least_counts, ", wanted 0 to ", kLargestCount);
  return o;
}

MeasurementOptions reading_options_from(const Arguments& a) {
  MeasurementOptions reading;
  reading.time_first = a.has("time-first");
  reading.member = a.maybe("member").value_or("");
  if (a.has("gates-per-frame")) reading.gates_per_frame = a.small_count("gates-per-frame");
  return reading;
}

Measurement measurement_from(const Arguments& a, const std::string& file, bool any_way) {
  MeasurementOptions reading = reading_options_from(a);
  if (a.has("channel")) reading.channel = channel_number(a, "channel");
  reading.frame = frame_number(a);
  const TimeAxis axis = time_axis_from(a);
  Measurement measurement = read_measurement(file, reading);
  // An archive that tells its bins has been looked at before.
  const bool doubtful = measurement.either_way && (!measurement.bin_ns || reading.time_first);
  if (!any_way && doubtful && lies_on_its_side(measurement)) refuse_side(measurement, reading);
  set_time_axis(measurement, axis.bin_ns, axis.period_ns);
  for (const std::string& note : measurement.notes) std::cout << file << ": " << note << '\n';
  group_pixels(a, measurement);
  return measurement;
}

void add_irf_options(Arguments& a, const std::string& title) {
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group(title)("irf", "measured IRFs, one for all or one a pixel", value(), "FILE")(
      "irf-bin", "bin width of that file, where it does not tell", value(), "NS")(
      "irf-channel", "detector channel of that file (default: the brightest)", value(), "N")(
      "irf-member", "array of that file, where it holds several", value(), "NAME")(
      "irf-time-first", "arrays of that file are [T][N], text has a trace a column");
  a.needs({"irf-bin", "irf-channel", "irf-member", "irf-time-first"}, {"irf"});
}

void add_irf_library_options(Arguments& a, const std::string& title) {
  add_irf_options(a, title);
  a.group(title)("irf-align", "move the IRFs of a library onto one time, that of their mean");
  a.needs({"irf-align"}, {"irf"});
}

void print_alignment(const Arguments& a, std::span<const double> shift_ns) {
  const auto [low, high] = std::minmax_element(shift_ns.begin(), shift_ns.end());
  const double squares =
      std::inner_product(shift_ns.begin(), shift_ns.end(), shift_ns.begin(), 0.0);
  std::cout << a.text("irf") << ": " << shift_ns.size() << " IRF(s) moved onto one time; they lay "
            << short_number(*low) << " to " << short_number(*high) << " ns from it, deviation "
            << short_number(std::sqrt(squares / static_cast<double>(shift_ns.size()))) << " ns\n";
}

Measurement irf_from(const Arguments& a, const Measurement* beside) {
  const std::string file = a.text("irf");
  MeasurementOptions reading;
  reading.prefix = "--irf-";
  reading.member = a.maybe("irf-member").value_or("");
  reading.time_first = a.has("irf-time-first");
  if (a.has("irf-channel")) reading.channel = channel_number(a, "irf-channel");
  Measurement irf = read_measurement(file, reading);
  const bool too_few_bins = irf.traces() >= 16 && irf.bins < 8;  // for any IRF
  if (too_few_bins || lies_on_its_side(irf)) refuse_side(irf, reading);
  if (a.has("irf-align") && irf.traces() == 1)
    fail_usage("--irf-align: does nothing for ", file, ", which holds one IRF");
  if (a.has("irf-bin")) set_time_axis(irf, a.number("irf-bin"), {}, reading.prefix);
  if (!irf.bin_ns && beside && beside->bin_ns && beside->bins == irf.bins) {
    irf.bin_ns = beside->bin_ns;
    std::cout << file << ": does not tell its bin width; with as many bins as the measurement, "
              << "taken as its " << *irf.bin_ns << " ns\n";
  }
  require(irf.bin_ns.has_value(), file, ": does not tell its bin width; give --irf-bin NS");
  return irf;
}

}  // namespace taugate::cli
