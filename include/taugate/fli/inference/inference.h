#pragma once
// From recorded counts to SFDs and lifetimes.

#include <optional>
#include <vector>

#include "taugate/fli/estimation/reconvolve.h"
#include "taugate/fli/inference/trained_model.h"
#include "taugate/fli/io/measurement.h"
#include "taugate/fli/physics/irf_quantiles.h"

namespace taugate {

struct InferenceOptions {
  std::optional<double> bin_ns;         ///< where the file does not say it
  std::optional<double> period_ns;      ///< the same
  std::optional<double> first_gate_ns;  ///< instead of the model's own
  bool whole_counts = false;            ///< rebin_whole_counts() in place of rebin()
  double least_counts = 0.0;            ///< pixels with fewer counts in all stay blank
  /// Pixels whose amplitude-weighted lifetime has a larger standard deviation, relative to it, stay blank; Error for
  /// a model that does not tell it.
  std::optional<double> least_precision;
  bool keep_sfd = true;  ///< false where lifetimes alone are wanted: Inference::sfd stays empty
  /// The IRF of all pixels, or of each, with time 0 where gate 0 opens: Error where a model that is told it
  /// (Normalisation::reads_irf()) gets none, or another one.
  std::vector<IrfQuantiles> irfs = {};
};

struct Inference {
  int width = 0, height = 0, gates = 0;
  int outputs = 0;                  ///< C of the SFD; 0 of a model that gives lifetimes alone
  std::vector<float> counts;        ///< [N][T] in the model's gates
  std::vector<float> sfd;           ///< [N][T][C]; zero where blank; empty for C = 0 or unless kept
  std::vector<float> intensity;     ///< [N] counts in all
  std::vector<float> amplitude_ns;  ///< [N] amplitude-weighted lifetime; NaN where blank
  std::vector<float> intensity_ns;  ///< [N] intensity-weighted lifetime; NaN where blank
  /// Of a model that gives lifetimes (lifetime_head.h), else empty: standard deviations of the above, and the amplitude
  /// of the short component; [N], NaN where blank. No fraction where its training had one component only.
  std::vector<float> amplitude_sd_ns, intensity_sd_ns, fraction, fraction_sd;
  /// How unlike the training each pixel is (novelty.h), NaN and 0 where blank; [N], all empty for a
  /// model that does not know its training's traces.
  std::vector<float> state_distance, input_chi2r;
  std::vector<std::uint8_t> unlike;
  std::vector<float> irf_chi2r;  ///< [N] reconvolved_chi2r(), where somebody has put it; or empty
  std::size_t blank = 0;      ///< pixels without photons above the baseline, too few, or imprecise
  std::size_t imprecise = 0;  ///< the latter
  std::vector<int> labels = {};  ///< [N] of a mask, where somebody has put them; or empty

  /// Pixels that are unlike the training; none where that is not known.
  std::optional<std::size_t> unlike_count() const;
  /// [N] standard deviation of the amplitude-weighted lifetime over it; empty where that is.
  std::vector<float> relative_precision() const;
};

/// Counts [N][T] in the model's gates. Error where the file's time axis is unknown or does not fit.
std::vector<float> counts_in_gates(const TraceModel& model, Measurement measurement,
                                   const InferenceOptions& options = {});

/// Error for a model that gives lifetimes: `wanted` is what its missing SFD would be for.
void require_sfd(const TraceModel& model, const std::string& wanted);

/// Of one curve, or of one a pixel, for InferenceOptions.
std::vector<IrfQuantiles> quantiles_of(const MeasuredIrfs& irfs);

/// Bins the measurement to the model's gates, normalises and runs the network. A record that has
/// exactly the model's gates is taken as it is. Error where bin width or laser period are unknown,
/// or contradict the model's acquisition. A measurement that is moved in is not copied.
Inference infer(const TraceModel& model, Measurement measurement,
                const InferenceOptions& options = {});

/// The counts that a pixel should have shown: its SFD convolved with an IRF on the gates' clock,
/// scaled and offset to fit the measured counts by least squares, weighted with the variances of the
/// fitted counts (those of the measured ones would pull the fit down)
std::vector<float> fitted_counts(const TraceModel& model, const IrfCurve& irf,
                                 std::span<const float> sfd, std::span<const float> counts);

/// The same for the pixels of an inference, each behind its own IRF or the only one. What it is made
/// of must outlive it. May be used by several threads.
class FittedCounts {
 public:
  /// Error unless `irfs` has one curve, or one a pixel.
  FittedCounts(const TraceModel& model, const MeasuredIrfs& irfs, const Inference& result);
  /// fitted [T]; `scratch` grows to what is needed.
  void operator()(std::size_t pixel, std::span<float> fitted, std::vector<float>& scratch) const;

 private:
  const TraceModel& model_;
  const MeasuredIrfs& irfs_;
  const Inference& result_;
  std::optional<Reconvolution> common_;  // prepared once
};

/// [N]: the reduced chi-square of each pixel's reconvolved decay, sum (counts - fitted)^2 /
/// max(fitted, 1) over T - 2 gates; NaN where blank. `irfs` has one curve a pixel, or one for all.
std::vector<float> reconvolved_chi2r(const TraceModel& model, const MeasuredIrfs& irfs,
                                     const Inference& result);

}  // namespace taugate
