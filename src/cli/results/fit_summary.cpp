#include "cli/results/fit_summary.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <map>
#include <string>

#include "cli/results/pixel_results.h"
#include "core/progress.h"

namespace taugate::cli {
namespace {

nlohmann::json json_of(const Estimate& e) {
  const auto number = [](double v) { return std::isfinite(v) ? nlohmann::json(v) : nullptr; };
  return {{"amplitude_weighted_ns", number(e.amplitude_ns)},
          {"intensity_weighted_ns", number(e.intensity_ns)},
          {"tau1_ns", number(e.tau1_ns)},
          {"tau2_ns", number(e.tau2_ns)},
          {"fraction", number(e.fraction)},
          {"photons", e.photons},
          {"background", e.background},
          {"shift_ns", e.shift_ns},
          {"chi2_reduced", number(e.chi2_reduced)},
          {"amplitude_weighted_sd_ns", number(e.deviation.amplitude_ns)},
          {"intensity_weighted_sd_ns", number(e.deviation.intensity_ns)},
          {"tau1_sd_ns", number(e.deviation.tau_ns[0])},
          {"tau2_sd_ns", number(e.deviation.tau_ns[1])},
          {"fraction_sd", number(e.deviation.fraction)},
          {"photons_sd", number(e.deviation.photons_sd)},
          {"background_sd", number(e.deviation.background)},
          {"shift_sd_ns", number(e.deviation.shift_ns)},
          {"misfit", number(e.deviance_terms)},
          {"status", name_of(e.status)}};
}

nlohmann::json json_of(const SharedFit& shared) {
  const auto number = [](double v) { return std::isfinite(v) ? nlohmann::json(v) : nullptr; };
  return {{"tau1_ns", number(shared.tau_ns[0])},
          {"tau2_ns", number(shared.tau_ns[1])},
          {"tau1_deviation_ns", number(shared.deviation_ns[0])},
          {"tau2_deviation_ns", number(shared.deviation_ns[1])},
          {"shift_ns", shared.shift_ns},
          {"objective", number(shared.objective)},
          {"traces", shared.traces},
          {"iterations", shared.iterations},
          {"status", name_of(shared.status)}};
}

void print_estimate(const Estimate& e) {
  std::cout << std::setprecision(4);
  if (e.status == FitStatus::no_counts || e.status == FitStatus::below_threshold) {
    std::cout << name_of(e.status) << '\n';
    return;
  }
  const auto doubt = [](double sd) {
    return std::isfinite(sd) ? concat(" +- ", std::setprecision(2), sd) : std::string();
  };
  if (e.fraction < 1.0)
    std::cout << e.tau1_ns << " and " << e.tau2_ns << " ns, amplitudes " << e.fraction << " and "
              << 1.0 - e.fraction << ", mean " << e.amplitude_ns << doubt(e.deviation.amplitude_ns)
              << " ns (amplitude-weighted), " << e.intensity_ns << doubt(e.deviation.intensity_ns)
              << " ns (intensity-weighted)";
  else
    std::cout << e.amplitude_ns << doubt(e.deviation.amplitude_ns) << " ns";
  std::cout << "; " << static_cast<std::uint64_t>(std::max(e.photons, 0.0))
            << " photons, background " << e.background << " a gate, IRF shift " << 1e3 * e.shift_ns
            << " ps";
  if (std::isfinite(e.chi2_reduced)) std::cout << ", reduced chi-square " << e.chi2_reduced;
  if (e.status == FitStatus::poor_fit)
    std::cout << " (poor fit: the model is " << 100.0 * e.deviance_terms << " % off the counts)";
  else if (e.status != FitStatus::converged)
    std::cout << " (" << name_of(e.status) << ")";
  std::cout << '\n';
}

void print_shared(const SharedFit& shared, int components) {
  std::cout << "shared by " << shared.traces << " traces: " << std::setprecision(4);
  for (std::size_t c = 0; c < static_cast<std::size_t>(components); ++c)
    std::cout << (c > 0 ? " and " : "") << shared.tau_ns[c] << " +- " << shared.deviation_ns[c];
  std::cout << " ns, IRF shift " << 1e3 * shared.shift_ns << " ps";
  if (shared.status != FitStatus::converged) std::cout << " (" << name_of(shared.status) << ")";
  std::cout << '\n';
}

}  // namespace

std::vector<float> trusted_values(const Maps& maps, const char* name) {
  const std::vector<float>&values = map_of(maps, name), &status = map_of(maps, "status");
  std::vector<float> trusted;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (status[i] == static_cast<float>(FitStatus::converged)) trusted.push_back(values[i]);
  return trusted;
}

nlohmann::json fit_summary(const Arguments& a, const RecordedGates& gates, const ImageFit& fit,
                           const Maps& maps, double seconds) {
  std::map<std::string, std::size_t> endings;
  for (const Estimate& e : fit.pixels) ++endings[name_of(e.status)];
  const Acquisition& q = gates.acquisition;
  nlohmann::json shared;
  if (fit.shared) shared = json_of(*fit.shared);
  return {
      {"method", a.text("method")},
      {"components", a.count("components")},
      {"width", gates.width},
      {"height", gates.height},
      {"gates", q.gates},
      {"gate_step_ns", q.gate_step_ns},
      {"period_ns", q.period_ns},
      {"first_gate_ns", gates.first_gate_ns},
      {"whole", json_of(fit.whole)},
      {"shared", shared},
      {"outside_expected", fit.outside_expected},
      {"outside_recorded", fit.outside_recorded},
      {"contradicted_outside", (a.has("irf") || a.has("irf-fwhm")) && fit.contradicted_outside()},
      {"pixels", endings},
      {"amplitude_weighted_ns", statistics(trusted_values(maps, "amplitude_weighted_ns"))},
      {"intensity_weighted_ns", statistics(trusted_values(maps, "intensity_weighted_ns"))},
      {"chi2_reduced", statistics(trusted_values(maps, "chi2_reduced"))},
      {"seconds", seconds},
      {"traces_per_second", static_cast<double>(fit.pixels.size()) / seconds}};
}

void print_fit(const RecordedGates& gates, const ImageFit& fit, const nlohmann::json& summary,
               double seconds) {
  const std::size_t n = fit.pixels.size();
  if (summary["contradicted_outside"])
    std::cerr << "warning: outside of the times to fit, the fitted decay expects "
              << std::setprecision(3) << fit.outside_expected << " counts, and "
              << fit.outside_recorded << " were recorded: it is not the whole record's\n";
  if (fit.shared) print_shared(*fit.shared, summary["components"]);
  if (n == 1) {
    print_estimate(fit.pixels[0]);
    return;
  }
  std::cout << "summed decay: ";
  print_estimate(fit.whole);
  if (n <= 16)
    for (std::size_t i = 0; i < n; ++i) {
      std::cout << "  " << trace_name(gates.labels, i) << ": ";
      print_estimate(fit.pixels[i]);
    }
  else if (!summary["amplitude_weighted_ns"].is_null()) {
    print_statistics("amplitude-weighted", summary["amplitude_weighted_ns"]);
    print_statistics("intensity-weighted", summary["intensity_weighted_ns"]);
  }
  std::cout << "  pixels:";
  for (const auto& [ending, count] : summary["pixels"].items())
    std::cout << ' ' << count << ' ' << ending;
  std::cout << std::setprecision(3) << "; " << seconds << " s ("
            << format_quantity(static_cast<double>(n) / seconds) << " traces/s)\n";
}

}  // namespace taugate::cli
