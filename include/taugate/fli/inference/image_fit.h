#pragma once
// Classical estimates of a recording: its time axis, its IRF, one fit of the summed decay,
// then every pixel.

#include <functional>
#include <optional>
#include <vector>

#include "taugate/fli/estimation/estimator.h"
#include "taugate/fli/estimation/shared_fit.h"
#include "taugate/fli/io/measurement.h"

namespace taugate {

/// What is done about the place of the IRF in time, which drifts between two recordings.
enum class ShiftMode {
  known,   ///< it is where its record says
  global,  ///< one shift for all pixels, from the summed decay
  pixel    ///< each pixel's own (lm, mle)
};

struct ImageFitOptions {
  EstimatorKind kind = EstimatorKind::mle;
  /// Of every pixel. fit_image() itself finds its gates, baseline, typical lifetime, and the shift.
  EstimatorOptions estimator;
  ShiftMode shift = ShiftMode::global;
  bool share_lifetimes = false;  ///< lm, mle: the same in all pixels, by one fit of all of them
  double from_ns = 0.0;          ///< on the recorder's clock: nothing before it is fitted
  double to_ns = 0.0;            ///< nor from here on; 0: the end
  double least_counts = 0.0;     ///< pixels with fewer counts stay blank
  bool keep_expected = false;    ///< lm, mle: ImageFit::expected
};

/// UsageError for values that make no sense, or contradict each other; named as the options of `taugate fit`.
void validate(const ImageFitOptions& options);

/// The gates of a recording. One that is longer than its laser period is folded to `gates` (0: 1024
/// or its own bins, if fewer) that tile the period; otherwise its bins are the gates, or every few
/// of them are one where fewer gates are asked for. Error where bin width or period is unknown.
Acquisition gates_of(const Measurement& measurement, int gates = 0);

struct RecordedGates {
  Acquisition acquisition;
  double first_gate_ns = 0.0;  ///< on the recorder's clock
  int width = 0, height = 0;
  std::vector<float> counts;                        ///< [N][T]
  std::vector<int> labels = {}, label_pixels = {};  ///< [N] as those of a Measurement, or empty
  double photon_uses = 1.0;                         ///< as those of a Measurement
};

/// Counts in those gates, the first of which opens at `first_ns` on the recorder's clock; gates
/// that a record shorter than the period does not reach from there are left out. Without it: at 0,
/// or, where a record is folded at the period and options.from_ns lies in a later one, where that
/// begins; or at options.from_ns itself, where the times to fit go on into another period. Every
/// time that a user reads is k * gate_step_ns + first_gate_ns.
RecordedGates recorded_gates(Measurement measurement, const Acquisition& acquisition,
                             const ImageFitOptions& options = {},
                             std::optional<double> first_ns = {});

struct ImageFit {
  Estimate whole;                      ///< of the summed decay
  std::vector<float> whole_counts;     ///< [T]
  std::vector<double> whole_expected;  ///< [T]; empty for estimators that fit no trace
  /// Outside of the times to fit: the counts of the summed decay that its fit expects there, and
  /// those that were recorded. 0 where all was fitted, or no trace.
  double outside_expected = 0.0, outside_recorded = 0.0;
  std::optional<SharedFit> shared;  ///< where the pixels share their lifetimes
  std::vector<Estimate> pixels;     ///< [N]
  std::vector<float> expected;      ///< [N][T] fitted counts, where kept; 0 where blank
  EstimatorOptions options;         ///< with which the pixels were estimated

  /// Whether the fit is far off the counts outside of the times to fit, given how many there are.
  bool contradicted_outside() const;
};

/// `irfs`: one for all pixels, or one a pixel, on the gates' clock (0 is where gate 0 opens). Error
/// where wanted.from_ns and to_ns leave nothing that tells a lifetime. Where they leave the IRF
/// out, its shift is not known and stays 0. keep_going(pixels done) is called now and then; false ends
/// the work, pixels not reached staying blank.
ImageFit fit_image(const RecordedGates& recorded, std::span<const IrfCurve> irfs,
                   const ImageFitOptions& wanted,
                   const std::function<bool(std::size_t)>& keep_going = {});

}  // namespace taugate
