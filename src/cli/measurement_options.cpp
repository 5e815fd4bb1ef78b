#include "measurement_options.h"

#include <utility>

namespace taugate::cli {

void add_measurement_options(Arguments& a) {
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group("Measurement")("bin", "bin width, where the file does not tell", value(), "NS")(
      "period", "laser period, where the file does not tell", value(), "NS")(
      "first", "where gate 0 opens on the file's clock (default: as in training)", value(), "NS")(
      "time-first", "arrays are [T][H][W], text has a trace a column")(
      "member", "array of an NPZ archive (default: tpsf)", value(), "NAME")(
      "least-counts", "pixels with fewer counts stay blank",
      cxxopts::value<std::string>()->default_value("0"), "N");
}

InferenceOptions inference_options_from(const Arguments& a) {
  InferenceOptions o;
  if (a.has("bin")) o.bin_ns = a.number("bin");
  if (a.has("period")) o.period_ns = a.number("period");
  if (a.has("first")) o.first_gate_ns = a.number("first");
  o.least_counts = a.number("least-counts");
  for (const auto& [name, given] : {std::pair{"bin", o.bin_ns}, {"period", o.period_ns}})
    if (given && !(*given > 0.0))
      fail_usage("--", name, ": found ", *given, ", wanted more than 0 ns");
  if (!(o.least_counts >= 0.0))
    fail_usage("--least-counts: found ", o.least_counts, ", wanted 0 or more");
  return o;
}

Measurement measurement_from(const Arguments& a, const std::string& file) {
  MeasurementOptions reading;
  reading.time_first = a.has("time-first");
  reading.member = a.maybe("member").value_or("");
  return read_measurement(file, reading);
}

}  // namespace taugate::cli
