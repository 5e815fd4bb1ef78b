#pragma once
// Post-training calibration: which ranges the values without a natural one need, found by observing
// a network at work; and how much of its ranges an integer model uses.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "taugate/quant/integer/integer_step.h"
#include "taugate/quant/ptq/quantize.h"

namespace taugate {

enum class CalibrationMethod {
  minmax,      ///< holds every value that was seen
  percentile,  ///< holds 99.99 % of them
  mse,         ///< least mean square error of rounding and clipping, after the activation for sums
};
/// "minmax", "percentile", "mse". Throws UsageError for another name.
CalibrationMethod calibration_method(std::string_view name);
const char* name_of(CalibrationMethod method);

/// What both of the below want of `traces` [N][T]. Error for a part of a trace, for no trace, and where
/// all samples are zero or one is not a number.
void check_traces(std::span<const float> traces, int gates);

/// Widths in which no value of a network of ordinary weights saturates and little is rounded:
/// 16-bit weights, 40-bit sums. For observation, not for hardware.
Widths observer_widths();

/// Ranges for sums and outputs of these widths, from the network's values on `traces` [N][T],
/// normalised as in training. The integers' own step is observed, in observer_widths(). Errors
/// as check_traces().
Ranges calibrate(const Model& model, const Widths& widths, std::span<const float> traces,
                 CalibrationMethod method);

/// How far one kind of value came, over all layers, units and steps.
struct TensorRange {
  TensorId id;
  int fraction = 0;          ///< fraction bits: a value stands for value / 2^fraction
  std::int64_t limit = 0;    ///< the largest value that its word holds
  std::int64_t most = 0;     ///< the largest magnitude that was seen
  std::uint64_t values = 0;  ///< seen
  std::uint64_t saturated =
      0;  ///< of these, at either end of the range (or exactly there by chance)
};
/// "pre-activation of r", ...
const char* name_of(TensorId id);

/// Observes the model on `traces` [N][T]; in the order of TensorId, gates left out since they cannot
/// saturate, and tensors that the form does not have. Errors as check_traces().
std::vector<TensorRange> tensor_ranges(const IntegerModel& model, std::span<const float> traces);

}  // namespace taugate
