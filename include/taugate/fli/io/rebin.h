#pragma once
// From a recorder's bins to a model's gates.

#include <span>
#include <vector>

#include "taugate/fli/io/measurement.h"
#include "taugate/fli/physics/acquisition.h"

namespace taugate {

/// Counts of one trace in the gates of `acquisition`. Bin j of the record covers
/// [j, j+1)*bin_ns after the trigger and its counts are taken to lie evenly in it. Gate k covers
///
///     [first_ns + k*step, first_ns + k*step + width)    (width 0: step)
///
/// taken round the period: what the record has beyond one period is folded back, as far as whole
/// periods go (the rest would count twice in some gates only). So gates that tile the period keep
/// every count of these, whatever first_ns is. Throws Error when the record covers less than half
/// of a gate, for its counts would be an artefact. out: [gates].
void rebin(std::span<const float> counts, double bin_ns, const Acquisition& acquisition,
           double first_ns, std::span<float> out);

/// Error where the measurement knows a laser period that is more than 1 % from that of the
/// acquisition.
void check_period(const Measurement& measurement, const Acquisition& acquisition);

/// All traces, [traces][gates]. Error when the measurement does not know its bin width, or where
/// check_period() fails.
std::vector<float> rebin(const Measurement& measurement, const Acquisition& acquisition,
                         double first_ns = 0.0);

/// The same, but each count of a bin that reaches into several gates goes into one of them, drawn at random: gates then
/// have Poisson noise where bins had, which shares of counts have not. What is no whole number is rounded. Pure in its
/// arguments.
std::vector<float> rebin_whole_counts(const Measurement& measurement,
                                      const Acquisition& acquisition, double first_ns);

/// The sum of all traces, [bins].
std::vector<double> summed_trace(const Measurement& measurement);

/// Where the decay starts: the time, in ns after the trigger and in [0, period_ns), at which a
/// trace passes half of its height (above its lowest level) on the way up to its peak. The trace is
/// folded at the period and, where counts are few, smoothed. Error for a trace without counts.
double rise_ns(std::span<const double> trace, double bin_ns, double period_ns);

}  // namespace taugate
