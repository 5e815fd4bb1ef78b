#include "taugate/fli/inference/recorded_irf.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "fli/physics/valid_gates.h"
#include "taugate/fli/io/rebin.h"
#include "taugate/fli/physics/decay.h"
#include "taugate/fli/physics/response.h"

namespace taugate {
namespace {

constexpr int kFine = 4;                    // bins of a sum in a bin of its records
constexpr double kWindowBeforeRise = 0.06;  // share of the window

double bin_width(const Measurement& irf) {
  require(irf.bin_ns.has_value(), irf.path.string(), ": does not tell its bin width");
  return *irf.bin_ns;
}

bool covers_period(const Measurement& recording, double period_ns) {
  return recording.bins * bin_width(recording) >= period_ns * (1.0 - 1e-6);
}

/// Error where a record shorter than the period ends before its decay does: what is cut off would
/// be taken for a part of the decay.
void check_tail(const Measurement& irf) {
  constexpr double most = 0.01;  // of the peak
  const double bin = bin_width(irf);
  const std::vector<double> sum = summed_trace(irf);
  const MeasuredIrfs irfs(sum, irf.bins, bin);
  const IrfCurve curve = irfs.curve(0);
  const double end = bin * static_cast<double>(valid_gates(sum).end);
  if (curve.start_ns + curve.length_ns() < end - 1.5 * bin) return;
  const auto in_a_bin = static_cast<std::ptrdiff_t>(std::lround(bin / curve.bin_ns));
  const std::span density = curve.density;
  const double last = *std::max_element(density.end() - in_a_bin, density.end()),
               peak = *std::max_element(density.begin(), density.end());
  require(last <= most * peak, irf.path.string(), ": found an IRF that is at ", 100.0 * last / peak,
          " % of its peak where the record ends (", end,
          " ns), wanted one that goes on until it has decayed");
}

/// Records of a period at most, in which no IRF goes round the end.
struct Records {
  std::vector<double> counts;  // [traces][bins]
  int bins = 0;
  double start_ns = 0.0;  // on the recorder's clock
};
Records unwrapped_records(const Measurement& irf, const Acquisition& acquisition) {
  check_period(irf, acquisition);
  const double bin = bin_width(irf), period = acquisition.period_ns;
  if (!covers_period(irf, period)) {
    check_tail(irf);
    return {std::vector<double>(irf.counts.begin(), irf.counts.end()), irf.bins};
  }
  const int bins = static_cast<int>(std::floor(period / bin * (1.0 + 1e-12)));
  const Acquisition fine{bins, bin, bin, period};
  std::vector<float> turned(static_cast<std::size_t>(bins));
  Records records{{}, bins, first_gate_before_rise(irf, acquisition)};
  for (std::size_t i = 0; i < irf.traces(); ++i) {
    try {
      rebin(irf.trace(i), bin, fine, records.start_ns, turned);
    } catch (const Error& error) {
      fail(irf.path.string(), ": ", error.what());
    }
    records.counts.insert(records.counts.end(), turned.begin(), turned.end());
  }
  return records;
}

/// Adds a record that lies `shift` bins late to `sum`, whose bins are kFine times as narrow. The
/// width that bins and interpolation give it is taken away first (see MeasuredIrfs): 1/4 bin^2, but
/// for what its constructor will take away for the narrow bins, less their own interpolation.
void add_record(std::span<const double> record, double shift, std::span<double> sum) {
  constexpr double sharpen = 0.125 - 1.0 / (24.0 * kFine * kFine);
  const auto last = static_cast<double>(record.size() - 1);
  const auto at = [&](double j) {
    return record[static_cast<std::size_t>(std::clamp(j, 0.0, last))];
  };
  const auto sharp = [&](double j) {
    return at(j) - sharpen * (at(j - 1.0) - 2.0 * at(j) + at(j + 1.0));
  };
  for (std::size_t k = 0; k < sum.size(); ++k) {
    const double x = (static_cast<double>(k) + 0.5) / kFine - 0.5 + shift, j = std::floor(x);
    sum[k] += ((1.0 - (x - j)) * sharp(j) + (x - j) * sharp(j + 1.0)) / kFine;
  }
}

}  // namespace

std::optional<Range> recorded_times(const Measurement& recording, double period_ns) {
  const double bin = bin_width(recording);
  if (covers_period(recording, period_ns)) return {};
  const ValidGates valid = valid_gates(summed_trace(recording));
  return Range{static_cast<double>(valid.first) * bin, static_cast<double>(valid.end) * bin};
}

double first_gate_before_rise(const Measurement& irf, const Acquisition& acquisition,
                              std::optional<Range> recorded) {
  const double bin = bin_width(irf), period = acquisition.period_ns;
  const double rise = rise_ns(summed_trace(irf), bin, period);
  const double start = rise - kWindowBeforeRise * acquisition.window_ns();
  if (!recorded && !covers_period(irf, period)) recorded = Range{0.0, period};
  if (!recorded) return std::fmod(std::floor((start + period) / bin) * bin, period);
  const double latest = std::max(recorded->low, recorded->high - acquisition.window_ns());
  return std::max(recorded->low, std::floor(std::min(start, latest) / bin + 1e-6) * bin);
}

MeasuredIrfs irfs_on_gates(const Measurement& irf, const Acquisition& acquisition,
                           double first_gate_ns) {
  const Records records = unwrapped_records(irf, acquisition);
  MeasuredIrfs irfs(records.counts, records.bins, bin_width(irf));
  irfs.move(records.start_ns - std::fmod(first_gate_ns, acquisition.period_ns));
  return irfs;
}

AlignedIrf aligned_irf_on_gates(const Measurement& irf, const Acquisition& acquisition,
                                double first_gate_ns) {
  const double bin = bin_width(irf);
  const Records records = unwrapped_records(irf, acquisition);
  const auto bins = static_cast<std::size_t>(records.bins);
  const std::vector<double> shifts = MeasuredIrfs(records.counts, records.bins, bin).align();
  std::vector<double> sum(kFine * bins, 0.0);
  for (std::size_t i = 0; i < shifts.size(); ++i)
    add_record(std::span(records.counts).subspan(i * bins, bins), shifts[i] / bin, sum);
  AlignedIrf aligned{MeasuredIrfs(sum, kFine * records.bins, bin / kFine), shifts};
  aligned.sum.move(records.start_ns - std::fmod(first_gate_ns, acquisition.period_ns));
  return aligned;
}

std::vector<float> irf_in_gates(const Acquisition& acquisition, const IrfCurve& irf) {
  std::vector<double> gates(static_cast<std::size_t>(acquisition.gates));
  Response{acquisition}(irf, Decay::mono(1e-3 * acquisition.gate_step_ns), gates);
  return {gates.begin(), gates.end()};
}

}  // namespace taugate
