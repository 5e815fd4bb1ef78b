#include "cli/results/infer_summary.h"

#include <cmath>
#include <iomanip>
#include <iostream>

#include "cli/results/pixel_results.h"
#include "core/formatted.h"
#include "fli/physics/statistics.h"

namespace taugate::cli {
namespace {

constexpr double kManyUnlike = 0.03;  // share of unlike pixels above which a warning is printed

std::string lifetimes_of(const Inference& r, std::size_t i) {
  if (!std::isfinite(r.amplitude_ns[i])) return "no lifetime";
  const auto one = [&](const std::vector<float>& tau, const std::vector<float>& sd) {
    return formatted("%.4g", tau[i]) + (sd.empty() ? "" : formatted(" +- %.2g", sd[i])) + " ns ";
  };
  return one(r.amplitude_ns, r.amplitude_sd_ns) + "amplitude-weighted, " +
         one(r.intensity_ns, r.intensity_sd_ns) + "intensity-weighted";
}

void print_lifetimes(const Inference& r, const nlohmann::json& s) {
  const std::size_t n = r.intensity.size();
  std::cout << n - r.blank << " of " << n << " pixels have a lifetime, " << r.blank << " are blank";
  if (r.imprecise > 0) std::cout << ", " << r.imprecise << " of these for their precision";
  std::cout << '\n';
  if (s["amplitude_weighted_ns"].is_null()) return;
  std::cout << std::setprecision(4);
  if (n <= 16) {
    for (std::size_t i = 0; i < n; ++i)
      std::cout << "  " << trace_name(r.labels, i) << ": " << lifetimes_of(r, i) << ", "
                << static_cast<std::uint64_t>(r.intensity[i]) << " counts\n";
    return;
  }
  print_statistics("amplitude-weighted", s["amplitude_weighted_ns"]);
  print_statistics("intensity-weighted", s["intensity_weighted_ns"]);
  if (const auto p = statistics_of(r.relative_precision()))
    std::cout << "  standard deviation of the amplitude-weighted lifetime: median "
              << 100.0 * p->median << " % of it, 68 % within " << 100.0 * p->low << " to "
              << 100.0 * p->high << " %\n";
  if (s.contains("error_ns") && !s["error_ns"].is_null())
    print_statistics("predicted - true", s["error_ns"]);
}

/// Which answers are to be doubted; a line that warns where they are many.
void print_doubts(const Inference& r) {
  const std::size_t judged = r.intensity.size() - r.blank;
  if (judged == 0) return;
  std::cout << std::setprecision(3);
  const auto unlike = r.unlike_count();
  if (!unlike) {
    std::cout << "unlike the training: not known, for the model has no statistics of it\n";
  } else {
    const double share = static_cast<double>(*unlike) / static_cast<double>(judged);
    std::cout << "unlike the training: " << *unlike << " of " << judged << " pixels ("
              << 100.0 * share << " %)\n";
    if (share > kManyUnlike && (*unlike > 1 || judged == 1))
      std::cerr << "warning: " << 100.0 * share
                << " % of the pixels are unlike what the network was trained on (1 % would be "
                   "chance): do not trust their lifetimes\n";
  }
  if (const auto s = statistics_of(r.irf_chi2r))
    std::cout << "reconvolved with the IRF: reduced chi-square " << s->median << " (median)\n";
}

}  // namespace

nlohmann::json infer_summary(const Inference& r, const std::vector<float>& truth,
                             double first_gate_ns) {
  nlohmann::json s{{"width", r.width},
                   {"height", r.height},
                   {"blank", r.blank},
                   {"first_gate_ns", first_gate_ns},
                   {"unlike_training", nullptr},
                   {"amplitude_weighted_ns", statistics(r.amplitude_ns)},
                   {"intensity_weighted_ns", statistics(r.intensity_ns)}};
  if (!r.amplitude_sd_ns.empty()) {
    s["imprecise"] = r.imprecise;
    s["relative_precision"] = statistics(r.relative_precision());
  }
  if (!r.fraction.empty()) s["fraction"] = statistics(r.fraction);
  if (const auto unlike = r.unlike_count()) s["unlike_training"] = *unlike;
  if (!r.irf_chi2r.empty()) s["irf_chi2r"] = statistics(r.irf_chi2r);
  if (!truth.empty()) {
    std::vector<float> error(truth.size());
    for (std::size_t i = 0; i < truth.size(); ++i) error[i] = r.amplitude_ns[i] - truth[i];
    s["error_ns"] = statistics(error);
  }
  return s;
}

void print_inference(const Inference& r, const nlohmann::json& summary) {
  print_lifetimes(r, summary);
  print_doubts(r);
}

}  // namespace taugate::cli
