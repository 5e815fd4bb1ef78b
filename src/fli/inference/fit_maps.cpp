#include "taugate/fli/inference/fit_maps.h"

#include <numeric>

namespace taugate {

Maps maps_of(const RecordedGates& gates, const ImageFit& fit) {
  const std::vector<Estimate>& pixels = fit.pixels;
  const std::ptrdiff_t first = fit.options.fit.first_gate, end = fit.options.fit.end_gate;
  const std::size_t T = static_cast<std::size_t>(gates.acquisition.gates);
  Maps maps;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const auto begin = gates.counts.begin() + static_cast<std::ptrdiff_t>(i * T);
    const Estimate& e = pixels[i];
    const std::pair<const char*, double> row[] = {
        {"counts", std::accumulate(begin + first, begin + end, 0.0)},
        {"amplitude_weighted_ns", e.amplitude_ns},
        {"intensity_weighted_ns", e.intensity_ns},
        {"tau1_ns", e.tau1_ns},
        {"tau2_ns", e.tau2_ns},
        {"fraction", e.fraction},
        {"photons", e.photons},
        {"background", e.background},
        {"shift_ns", e.shift_ns},
        {"chi2_reduced", e.chi2_reduced},
        {"status", static_cast<double>(e.status)},
        {"amplitude_weighted_sd_ns", e.deviation.amplitude_ns},
        {"intensity_weighted_sd_ns", e.deviation.intensity_ns},
        {"tau1_sd_ns", e.deviation.tau_ns[0]},
        {"tau2_sd_ns", e.deviation.tau_ns[1]},
        {"fraction_sd", e.deviation.fraction},
        {"photons_sd", e.deviation.photons_sd},
        {"background_sd", e.deviation.background},
        {"shift_sd_ns", e.deviation.shift_ns}};
    if (maps.empty())
      for (const auto& [name, value] : row) maps.push_back({name, {}});
    for (std::size_t m = 0; m < maps.size(); ++m)
      maps[m].second.push_back(static_cast<float>(row[m].second));
  }
  if (!gates.labels.empty()) maps.push_back({"label", {gates.labels.begin(), gates.labels.end()}});
  return maps;
}

Maps maps_of_sum(const RecordedGates& gates, const ImageFit& fit) {
  ImageFit of_sum;
  of_sum.pixels = {fit.whole};
  of_sum.options = fit.options;
  return maps_of({gates.acquisition, gates.first_gate_ns, 1, 1, fit.whole_counts}, of_sum);
}

}  // namespace taugate
