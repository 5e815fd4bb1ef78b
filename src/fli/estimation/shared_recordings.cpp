#include "taugate/fli/estimation/shared_recordings.h"

#include <cmath>

namespace taugate {
namespace {

constexpr int kMostTurns = 30;
constexpr double kStill = 1e-5;  // relative change of a lifetime at which the search ends

IrfCurve curve_of(const SharedRecording& r) {
  IrfCurve curve = r.irf;
  curve.density = r.density;
  return curve;
}

/// The shift that suits a recording best, given the lifetimes.
double best_shift(const Acquisition& acquisition, const SharedRecording& r, FitOptions options) {
  options.unknowns.lifetimes = false;
  options.unknowns.shift = true;
  options.known.shift_ns = r.shift_ns;
  const auto T = static_cast<std::size_t>(acquisition.gates);
  std::vector<float> summed(T);
  for (std::size_t i = 0; i < r.counts.size(); ++i) summed[i % T] += r.counts[i];
  const Fit fit = Fitter(acquisition, curve_of(r), options)(summed);
  return fit.status == FitStatus::no_counts ? r.shift_ns : fit.parameters.shift_ns;
}

}  // namespace

SharedFit fit_shared_recordings(const Acquisition& acquisition,
                                std::span<SharedRecording> recordings, const FitOptions& wanted,
                                const std::function<bool()>& keep_going) {
  if (recordings.empty()) fail_usage("shared lifetimes: found no recording");
  const auto T = static_cast<std::size_t>(acquisition.gates);
  std::vector<float> counts;
  for (const SharedRecording& r : recordings)
    counts.insert(counts.end(), r.counts.begin(), r.counts.end());
  FitOptions options = wanted;
  options.unknowns.shift = false;
  SharedFit fit;
  for (int turn = 0; turn < kMostTurns; ++turn) {
    std::vector<IrfCurve> curves;
    for (const SharedRecording& r : recordings) {
      IrfCurve curve = curve_of(r);
      curve.start_ns += r.shift_ns;
      curves.insert(curves.end(), r.counts.size() / T, curve);
    }
    options.known.shift_ns = 0.0;
    fit = fit_shared_lifetimes(acquisition, curves, options, counts, 1.0, keep_going);
    double moved = 0.0;
    for (std::size_t c = 0; c < fit.tau_ns.size(); ++c)
      moved = std::max(moved, std::abs(std::log(fit.tau_ns[c] / options.known.tau_ns[c])));
    const bool stopped = fit.status == FitStatus::no_counts || (keep_going && !keep_going());
    if (stopped || !wanted.unknowns.shift || (turn > 0 && moved < kStill)) return fit;
    options.known.tau_ns = fit.tau_ns;
    for (SharedRecording& r : recordings) r.shift_ns = best_shift(acquisition, r, options);
  }
  if (fit.status == FitStatus::converged) fit.status = FitStatus::not_converged;
  return fit;
}

}  // namespace taugate
