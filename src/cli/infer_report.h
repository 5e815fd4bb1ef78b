#pragma once

#include <optional>

#include "report_options.h"
#include "taugate/study/inference.h"

namespace taugate::cli {

/// What infer found, as a report.
struct InferReport {
  std::string model_file;
  std::string file;
  const TraceModel& model;
  const Inference& result;
  const std::vector<float>& truth;  ///< true amplitude-weighted lifetimes, or empty
  std::optional<Range> scale;
  Report::Draw trace;  ///< draws the chosen pixel
  double seconds;      ///< that the network took
};
void write_report(const Arguments& arguments, const InferReport& what);

}  // namespace taugate::cli
