#include "cli/results/fit_rows.h"

#include "cli/results/fit_files.h"

namespace taugate::cli {
namespace {

const char* flag_of(FitStatus status) {
  if (status == FitStatus::converged) return "ok";
  const bool few = status == FitStatus::no_counts || status == FitStatus::below_threshold;
  return few ? kTooFewCounts : name_of(status);
}

TraceResults results_of(const ImageFit& fit, const Maps& maps) {
  TraceResults results{maps, {}, {}};
  for (const Estimate& e : fit.pixels) {
    results.flags.emplace_back(flag_of(e.status));
    results.used.push_back(e.status == FitStatus::converged);
  }
  return results;
}

}  // namespace

std::vector<TableColumn> fit_columns() {
  return {"counts",
          "amplitude_weighted_ns",
          "amplitude_weighted_sd_ns",
          "intensity_weighted_ns",
          "intensity_weighted_sd_ns",
          "tau1_ns",
          "tau1_sd_ns",
          "tau2_ns",
          "tau2_sd_ns",
          "fraction",
          "fraction_sd",
          {"background_counts_per_gate", "background"},
          "shift_ns",
          "chi2_reduced"};
}

std::vector<TableRow> fit_rows(const RecordedGates& gates, const ImageFit& fit, const Maps& maps,
                               int channel, bool contradicted) {
  std::optional<TraceResults> summed;
  if (gates.labels.empty() && fit.pixels.size() > 1) {
    ImageFit of_sum;
    of_sum.pixels = {fit.whole};
    summed = results_of(of_sum, maps_of_sum(gates, fit));
  }
  std::vector<TableRow> rows = rows_of(fit_columns(), results_of(fit, maps), gates.labels,
                                       gates.label_pixels, summed, channel);
  if (contradicted && gates.labels.empty() && rows[0].flag == "ok") rows[0].flag = "contradicted";
  return rows;
}

}  // namespace taugate::cli
