#pragma once
// Rows of a table from what `taugate infer` found in one file.

#include "cli/results/table_rows.h"
#include "taugate/fli/inference/inference.h"

namespace taugate::cli {

/// How far each pixel is to be believed, by the names of the columns.
std::vector<std::pair<const char*, std::vector<float>>> doubts_of(const Inference& result);

/// What the rows need of a measurement that the inference takes.
struct TableInput {
  TableInput() = default;
  /// `irf`: that of the summed decay, for a network that is told one for each pixel; else empty.
  explicit TableInput(const Measurement& measurement, std::vector<IrfQuantiles> irf = {});

  int channel = 0;
  std::vector<int> label_pixels;
  /// All traces as one, where there are several and no mask; else without counts.
  Measurement summed;
  std::vector<IrfQuantiles> irf;
};

std::vector<TableColumn> infer_columns();

/// The summed decay goes through the network by itself. `irfs`: of --irf; that of the summed decay
/// where there is one for all pixels.
std::vector<TableRow> infer_rows(const TraceModel& model, const Inference& result, TableInput input,
                                 const InferenceOptions& options,
                                 const std::optional<MeasuredIrfs>& irfs);

}  // namespace taugate::cli
