#pragma once
// Rows of a table from what `taugate fit` found in one file.

#include "cli/results/table_rows.h"
#include "taugate/fli/inference/image_fit.h"

namespace taugate::cli {

std::vector<TableColumn> fit_columns();

/// `maps`: what maps_of() gave of the fit. channel: as of a Measurement. `contradicted`: the summed decay by the
/// counts outside of the times to fit (ImageFit::contradicted_outside()); its row then says so.
std::vector<TableRow> fit_rows(const RecordedGates& gates, const ImageFit& fit, const Maps& maps,
                               int channel, bool contradicted);

}  // namespace taugate::cli
