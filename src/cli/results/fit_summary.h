#pragma once
// What `fit` found, for machines (--json, summary.json) and on the screen.

#include <nlohmann/json.hpp>

#include "cli/results/fit_report.h"

namespace taugate::cli {

nlohmann::json fit_summary(const Arguments& arguments, const RecordedGates& gates,
                           const ImageFit& fit, const Maps& maps, double seconds);

/// Values of a map where the fit converged, and describes the counts.
std::vector<float> trusted_values(const Maps& maps, const char* name);

/// `summary`: what fit_summary gave.
void print_fit(const RecordedGates& gates, const ImageFit& fit, const nlohmann::json& summary,
               double seconds);

}  // namespace taugate::cli
