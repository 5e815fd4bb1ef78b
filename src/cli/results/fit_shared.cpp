#include "cli/results/fit_shared.h"

#include <cmath>
#include <iomanip>
#include <iostream>

#include "cli/options/fit_options.h"
#include "cli/options/measurement_options.h"
#include "core/formatted.h"
#include "core/interrupt.h"
#include "taugate/fli/estimation/shared_recordings.h"

namespace taugate::cli {
namespace {

/// What one fit of all recordings needs.
struct Sharing {
  std::string first_file, refusal;
  Acquisition acquisition;
  FitOptions options;
  std::vector<SharedRecording> recordings;
};

std::vector<float> summed_counts(const RecordedGates& gates) {
  std::vector<float> sum(static_cast<std::size_t>(gates.acquisition.gates));
  for (std::size_t i = 0; i < gates.counts.size(); ++i) sum[i % sum.size()] += gates.counts[i];
  return sum;
}

bool same_gates(const Acquisition& a, const Acquisition& b) {
  return a.gates == b.gates && std::abs(a.gate_step_ns / b.gate_step_ns - 1.0) < 1e-3 &&
         std::abs(a.period_ns / b.period_ns - 1.0) < 1e-3;
}

/// A recording whose summed decay, fitted by itself, tells where to begin.
void add(const Arguments& a, Sharing& all) {
  const std::string file = a.positional("file");
  ImageFitOptions options = fit_options_from(a);
  FitIrfs irfs;
  const RecordedGates gates = gates_and_irfs(
      a, measurement_from(a, file), inference_options_from(a).first_gate_ns, options, irfs);
  require(irfs.curves.size() == 1, file,
          ": found an IRF for each pixel, wanted one for shared lifetimes");
  if (all.recordings.empty()) {
    all.first_file = file;
    all.acquisition = gates.acquisition;
  }
  if (!same_gates(gates.acquisition, all.acquisition)) {
    all.refusal = concat(file, ": found ", gates.acquisition.gates, " gates of ",
                         gates.acquisition.gate_step_ns, " ns and a period of ",
                         gates.acquisition.period_ns, " ns, wanted those of ", all.first_file, " (",
                         all.acquisition.gates, ", ", all.acquisition.gate_step_ns, " ns, ",
                         all.acquisition.period_ns, " ns), as lifetimes are shared");
    return;
  }
  const std::vector<float> summed = summed_counts(gates);
  const RecordedGates sum{gates.acquisition, gates.first_gate_ns, 1, 1, summed};
  const ImageFit own = fit_image(sum, irfs.curves, options);
  if (own.whole.status == FitStatus::no_counts) return;
  const FitOptions& found = own.options.fit;
  const bool shifts =
      options.shift == ShiftMode::global && std::isfinite(own.whole.deviation.shift_ns);
  if (all.recordings.empty()) {
    all.options = found;
    all.options.method =
        options.kind == EstimatorKind::mle ? FitMethod::likelihood : FitMethod::least_squares;
    all.options.unknowns.shift = shifts;
  }
  all.options.unknowns.shift &= shifts;
  all.options.first_gate = std::max(all.options.first_gate, found.first_gate);
  all.options.end_gate = std::min(all.options.end_gate, found.end_gate);
  const IrfCurve& irf = irfs.curves[0];
  all.recordings.push_back({gates.label_pixels.empty() ? summed : gates.counts,
                            {irf.density.begin(), irf.density.end()},
                            irf,
                            own.whole.shift_ns});
}

}  // namespace

SharedValues share_lifetimes(const std::vector<Arguments>& recordings) {
  Sharing all;
  for (const Arguments& a : recordings) {
    if (interrupted()) return {};
    try {
      add(a, all);
    } catch (const Error&) {  // its own row tells
    }
    if (!all.refusal.empty()) fail_usage(all.refusal);
  }
  require(!all.recordings.empty(), "--share-lifetimes: found no recording that can be fitted");
  const SharedFit fit = fit_shared_recordings(all.acquisition, all.recordings, all.options,
                                              [] { return !interrupted(); });
  SharedValues shared;
  std::string known;
  std::cout << "shared by " << fit.traces << " decays of " << all.recordings.size()
            << " recordings: " << std::setprecision(4);
  for (std::size_t c = 0; c < static_cast<std::size_t>(all.options.unknowns.components); ++c) {
    known += formatted(c > 0 ? ",%.9g" : "%.9g", fit.tau_ns[c]);
    shared.values.emplace_back(concat("tau", c + 1, "_sd_ns"), fit.deviation_ns[c]);
    if (all.options.unknowns.components == 1)  // the means are this lifetime, too
      for (const char* mean : {"amplitude_weighted_sd_ns", "intensity_weighted_sd_ns"})
        shared.values.emplace_back(mean, fit.deviation_ns[c]);
    std::cout << (c > 0 ? " and " : "") << fit.tau_ns[c] << " +- " << fit.deviation_ns[c];
  }
  shared.options.emplace_back("fix-tau", known);
  std::cout << " ns";
  if (fit.status != FitStatus::converged) std::cout << " (" << name_of(fit.status) << ")";
  std::cout << '\n';
  return shared;
}

}  // namespace taugate::cli
