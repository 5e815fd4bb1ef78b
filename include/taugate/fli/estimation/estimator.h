#pragma once
// The lifetime estimators of the field behind one interface: a trace and an IRF in, a lifetime out.
//
//   lm      reconvolution least squares (Levenberg-Marquardt), weighted       fit.h
//   mle     reconvolution by maximum likelihood for Poisson counts            fit.h
//   cmm     centre of mass: the mean arrival time
//   rld     rapid lifetime determination: the ratio of two windows' counts
//   phasor  the phase of the first Fourier coefficient                        phasor.h
//
// The last three know one component only and are one statistic of the trace each. Their lifetime
// is the one for which a noise-free trace of
// this acquisition, IRF and period gives the same statistic: so neither the window's end, nor the
// period, nor the IRF's shape biases them, and a background is taken off as the mean of the first
// gates in trace and model alike.

#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "taugate/fli/estimation/fit.h"
#include "taugate/fli/estimation/phasor.h"

namespace taugate {

enum class EstimatorKind { lm, mle, cmm, rld, phasor };
inline constexpr EstimatorKind kEstimatorKinds[] = {EstimatorKind::lm, EstimatorKind::mle,
                                                    EstimatorKind::cmm, EstimatorKind::rld,
                                                    EstimatorKind::phasor};
const char* name_of(EstimatorKind kind);
EstimatorKind estimator_kind(std::string_view name);  ///< UsageError for any other name

/// Whatever was not found is NaN.
struct Estimate {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  double amplitude_ns = kNone;  ///< amplitude-weighted mean lifetime; NaN where there is none
  double intensity_ns = kNone;  ///< intensity-weighted mean lifetime
  double tau1_ns = kNone, tau2_ns = kNone, fraction = kNone;  ///< as in Decay
  double photons = 0.0;         ///< in the gates to fit, without background
  double background = 0.0;      ///< per gate
  double shift_ns = 0.0;        ///< of the IRF; where it is not fitted, as known
  double chi2_reduced = kNone;  ///< NaN for those that fit no trace
  FitStatus status = FitStatus::no_counts;
  /// Standard deviations of lm and mle, see Fit: given what is known, as a shift that all pixels
  /// share; NaN for the others.
  LifetimeBound deviation = {};
  double deviance_terms = kNone;  ///< of lm and mle, relative (goodness.h)
};

struct EstimatorOptions {
  FitOptions fit;  ///< all of it for lm and mle; gates and limits for cmm and rld, too
  /// cmm, rld, phasor: so many gates from the first fitted one on lie before the rise; their mean
  /// is taken off.
  int baseline_gates = 0;
  double typical_ns = 1.0;                     ///< rld: its windows are twice as long
  const PhasorTransform* reference = nullptr;  ///< phasor: calibrated by a dye, not by the IRF
};

/// Working memory included, so one object serves one thread at a time.
class Estimator {
 public:
  virtual ~Estimator() = default;
  /// counts [T], finite.
  virtual Estimate operator()(std::span<const float> counts) = 0;
  /// mu [T] of the last estimate; empty for those that fit no trace.
  virtual std::span<const double> expected() const { return {}; }
};

std::unique_ptr<Estimator> make_estimator(EstimatorKind kind, const Acquisition& acquisition,
                                          const IrfCurve& irf, const EstimatorOptions& options);

/// counts [N][T] to N estimates, by all threads.
std::vector<Estimate> estimate_all(EstimatorKind kind, const Acquisition& acquisition,
                                   const IrfCurve& irf, const EstimatorOptions& options,
                                   std::span<const float> counts);

}  // namespace taugate
