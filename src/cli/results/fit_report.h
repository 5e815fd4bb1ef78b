#pragma once

#include <optional>

#include "cli/options/report_options.h"
#include "cli/results/pixel_results.h"
#include "taugate/fli/inference/image_fit.h"

namespace taugate::cli {

/// What fit found, as a report.
struct FitReport {
  std::string file;
  const RecordedGates& gates;
  std::span<const IrfCurve> irfs;  ///< one, or one for each pixel
  const ImageFit& fit;
  const Maps& maps;
  std::optional<Range> scale;
  Report::Draw light;                      ///< draws the summed decay
  Report::Draw trace;                      ///< draws the chosen pixel
  double seconds;                          ///< that the fits took
  std::span<const std::uint8_t> doubtful;  ///< [N]: pixels other than 0 are not to be trusted
};
void write_report(const Arguments& arguments, const FitReport& what);

}  // namespace taugate::cli
