#include "cli/results/fit_files.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>
#include <numeric>
#include <sstream>

#include "fli/formats/csv.h"
#include "fli/formats/npz.h"
#include "taugate/fli/inference/recorded_irf.h"
#include "taugate/fli/physics/response.h"
#include "taugate/fli/plot/plot_maps.h"

namespace taugate::cli {

namespace fs = std::filesystem;

void write_results(const fs::path& folder, const RecordedGates& gates, const Maps& maps) {
  const std::size_t W = static_cast<std::size_t>(gates.width);
  std::vector<std::string> names{"row", "column"};
  for (const auto& map : maps) names.push_back(map.first);
  CsvWriter table(folder / "lifetimes.csv", names);
  std::vector<double> row(names.size());
  for (std::size_t i = 0; i < maps[0].second.size(); ++i) {
    const std::size_t line = i / W;
    row[0] = static_cast<double>(line);
    row[1] = static_cast<double>(i % W);
    for (std::size_t m = 0; m < maps.size(); ++m) row[m + 2] = maps[m].second[i];
    table.row(row);
  }
  table.finish();
  NpzWriter archive(folder / "fit.npz");
  const std::vector<std::size_t> shape =
      gates.height > 1 ? std::vector<std::size_t>{W} : std::vector<std::size_t>{};
  for (const auto& map : maps)
    archive.add(map.first, {'f', 4, false}, shape).append(std::span<const float>(map.second));
  archive.finish();
  write_map_stack(folder, gates.width, gates.height, maps);
}

void write_residuals(const fs::path& path, const RecordedGates& gates,
                     const std::vector<float>& expected) {
  std::vector<float> residuals(expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (expected[i] > 0.0f) residuals[i] = (gates.counts[i] - expected[i]) / std::sqrt(expected[i]);
  std::vector<std::size_t> shape{static_cast<std::size_t>(gates.acquisition.gates)};
  if (gates.height > 1) shape.insert(shape.begin(), static_cast<std::size_t>(gates.width));
  write_npy<float>(path, {'f', 4, false}, shape, residuals);
}

namespace {

/// Measured counts, those expected in the gates that were fitted, what is left over there, and the
/// decay that was found.
void draw_decay(const RecordedGates& gates, const IrfCurve& irf, std::span<const float> counts,
                const Estimate& e, std::span<const double> expected, const FitOptions& options,
                const std::string& title, const fs::path& target) {
  if (!std::isfinite(e.amplitude_ns)) return;
  const Acquisition& q = gates.acquisition;
  std::vector<float> fitted(expected.begin(), expected.end());
  for (std::size_t k = 0; k < fitted.size(); ++k)
    if (k < static_cast<std::size_t>(options.first_gate) ||
        k >= static_cast<std::size_t>(options.end_gate))
      fitted[k] = std::numeric_limits<float>::quiet_NaN();
  IrfCurve moved = irf;
  moved.start_ns += e.shift_ns;
  const std::vector<float> irf_gates = irf_in_gates(q, moved);
  // The decay alone begins where the IRF is highest.
  const auto peak = std::max_element(irf.density.begin(), irf.density.end()) - irf.density.begin();
  const double bin = 0.1 * q.gate_step_ns;
  std::vector<double> pulse{0.0, 1.0, 0.0}, decay(irf_gates.size());
  Response{q}({moved.start_ns + irf.bin_ns * static_cast<double>(peak) - bin, bin, pulse, 0.0},
              {e.tau1_ns, e.tau2_ns, e.fraction}, decay);
  const std::vector<float> sfd(decay.begin(), decay.end());
  std::ostringstream text;
  text << title << ": " << std::setprecision(4) << e.amplitude_ns << " ns";
  draw_trace(target,
             {text.str(), q.gate_step_ns, counts, sfd, fitted, irf_gates, gates.first_gate_ns});
}

}  // namespace

void draw_summed_decay(const RecordedGates& gates, const IrfCurve& irf, const ImageFit& fit,
                       const fs::path& target) {
  draw_decay(gates, irf, fit.whole_counts, fit.whole, fit.whole_expected, fit.options.fit,
             "summed decay", target);
}

void draw_pixel(const RecordedGates& gates, const IrfCurve& irf, const ImageFit& fit,
                EstimatorKind kind, std::size_t pixel, const fs::path& target) {
  const std::size_t T = static_cast<std::size_t>(gates.acquisition.gates);
  const std::span counts(gates.counts.data() + pixel * T, T);
  const auto estimator = make_estimator(kind, gates.acquisition, irf, fit.options);
  const Estimate e = (*estimator)(counts);
  const std::size_t W = static_cast<std::size_t>(gates.width);
  draw_decay(gates, irf, counts, e, estimator->expected(), fit.options.fit,
             concat("row ", pixel / W, ", column ", pixel % W), target);
}

}  // namespace taugate::cli
