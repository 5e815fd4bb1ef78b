#pragma once

#include <functional>
#include <optional>

#include "cli/options/report_options.h"
#include "taugate/fli/inference/inference.h"

namespace taugate::cli {

/// What infer found, as a report.
struct InferReport {
  std::string model_file;
  std::string file;
  const TraceModel& model;
  const Inference& result;
  const std::vector<float>& truth;  ///< true amplitude-weighted lifetimes, or empty
  std::optional<Range> scale;
  double first_gate_ns;  ///< when the first gate opens
  std::size_t pixel;     ///< the chosen one
  Report::Draw trace;    ///< draws it
  /// The counts that a pixel should have shown, [T]; empty without an IRF.
  std::function<void(std::size_t pixel, std::span<float> values)> reconvolved;
  double seconds;                ///< that the network took
  std::vector<float> precision;  ///< Inference::relative_precision()
};
void write_report(const Arguments& arguments, const InferReport& what);

}  // namespace taugate::cli
