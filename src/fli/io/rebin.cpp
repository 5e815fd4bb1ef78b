#include "taugate/fli/io/rebin.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "taugate/core/error.h"
#include "taugate/core/parallel.h"
#include "taugate/core/random.h"

namespace taugate {
namespace {

constexpr std::uint64_t kPlaceSeed = 0x706c616365u;

/// C(t): the counts of a record in [0, t), linear inside a bin.
class Cumulative {
 public:
  template <class S>
  Cumulative(std::span<const S> counts, double bin_ns) : bin_ns_(bin_ns), sums_(counts.size() + 1) {
    for (std::size_t j = 0; j < counts.size(); ++j)
      sums_[j + 1] = sums_[j] + static_cast<double>(counts[j]);
  }
  double length_ns() const { return bin_ns_ * static_cast<double>(sums_.size() - 1); }

  double at(double t) const {
    const double position = t / bin_ns_;
    if (!(position > 0.0)) return 0.0;
    const auto bin = static_cast<std::size_t>(std::min(position, 1e15));
    if (bin + 1 >= sums_.size()) return sums_.back();
    return sums_[bin] + (position - static_cast<double>(bin)) * (sums_[bin + 1] - sums_[bin]);
  }

  /// The counts in [begin, end), shifted by every whole number of periods. Of a record that is
  /// longer than a period, what follows its last whole one is left out: the first gates would have
  /// been exposed once more than the others.
  double folded(double begin, double end, double period) const {
    const double whole = std::floor(length_ns() / period * (1.0 + 1e-9));
    const double last = whole >= 1.0 ? whole * period : length_ns();
    double sum = 0.0;
    double shift = std::ceil(-end / period) * period;
    for (; begin + shift < last; shift += period)
      sum += at(std::min(end + shift, last)) - at(std::min(begin + shift, last));
    return std::max(sum, 0.0);
  }

  /// How much of [begin, end), in ns, lies in the record, in whichever period.
  double covered_ns(double begin, double end, double period) const {
    if (length_ns() >= period) return end - begin;
    const double start = begin - std::floor(begin / period) * period;
    const double stop = start + end - begin;
    // [start, stop) meets the record of this period and that of the next.
    return std::clamp(length_ns() - start, 0.0, end - begin) +
           std::clamp(stop - period, 0.0, length_ns());
  }

 private:
  double bin_ns_;
  std::vector<double> sums_;
};

/// Error where the record covers less than half of a gate.
void check_covered(const Cumulative& record, const Acquisition& a, double width, double first_ns) {
  for (int k = 0; k < a.gates; ++k) {
    const double begin = first_ns + k * a.gate_step_ns;
    if (record.covered_ns(begin, begin + width, a.period_ns) < 0.5 * width)
      fail("gate ", k, " (", begin, " to ", begin + width, " ns) is not covered by a record of ",
           record.length_ns(), " ns");
  }
}

/// The counts of a bin that begins `at` after gate 0, within the period, and is `bin_ns` wide, each in one gate.
void place(std::int64_t counts, double at, double bin_ns, const Acquisition& a, Random& random,
           std::span<float> out) {
  while (counts > 0 && bin_ns > 0.0) {
    if (at >= a.period_ns) at -= a.period_ns;
    const auto gate = static_cast<std::size_t>(at / a.gate_step_ns + 1e-9);
    const bool inside = gate < out.size();
    const double end = inside ? static_cast<double>(gate + 1) * a.gate_step_ns : a.period_ns,
                 length = end - at;
    const std::int64_t here = length >= bin_ns ? counts : random.binomial(counts, length / bin_ns);
    if (inside) out[gate] += static_cast<float>(here);
    counts -= here;
    bin_ns -= length;
    at = end;
  }
}

void check_bin(double bin_ns) {
  if (!(bin_ns > 0.0 && std::isfinite(bin_ns)))
    fail_usage("bin width: found ", bin_ns, " ns, wanted more than 0");
}

}  // namespace

void rebin(std::span<const float> counts, double bin_ns, const Acquisition& acquisition,
           double first_ns, std::span<float> out) {
  check_bin(bin_ns);
  if (out.size() != static_cast<std::size_t>(acquisition.gates))
    fail("rebin: found room for ", out.size(), " gates, wanted ", acquisition.gates);
  if (!std::isfinite(first_ns)) fail_usage("time of the first gate: found ", first_ns, " ns");
  const Cumulative record(counts, bin_ns);
  const double period = acquisition.period_ns;
  const double width =
      acquisition.gate_width_ns > 0.0 ? acquisition.gate_width_ns : acquisition.gate_step_ns;
  check_covered(record, acquisition, width, first_ns);
  for (int k = 0; k < acquisition.gates; ++k) {
    const double begin = first_ns + k * acquisition.gate_step_ns;
    out[static_cast<std::size_t>(k)] =
        static_cast<float>(record.folded(begin, begin + width, period));
  }
}

void check_period(const Measurement& m, const Acquisition& acquisition) {
  if (m.period_ns && std::abs(*m.period_ns / acquisition.period_ns - 1.0) > 0.01)
    fail(m.path.string(), ": was measured with a laser period of ", *m.period_ns, " ns, wanted ",
         acquisition.period_ns, " ns");
}

std::vector<float> rebin(const Measurement& m, const Acquisition& acquisition, double first_ns) {
  const std::string where = m.path.string();
  if (!m.bin_ns) fail_usage(where, ": does not say how wide its bins are; give the width in ns");
  check_period(m, acquisition);
  const double end = std::max(*m.bin_ns * m.bins, acquisition.period_ns);
  if (!(std::abs(first_ns) < end))
    fail_usage("time of the first gate: found ", first_ns, " ns, wanted 0 to less than ", end);
  const auto gates = static_cast<std::size_t>(acquisition.gates);
  std::vector<float> result(m.traces() * gates);
  try {
    parallel_for(m.traces(), [&](std::size_t i, int) {
      rebin(m.trace(i), *m.bin_ns, acquisition, first_ns, {result.data() + i * gates, gates});
    });
  } catch (const UsageError&) {
    throw;
  } catch (const Error& error) {
    fail(where, ": ", error.what());
  }
  return result;
}

std::vector<float> rebin_whole_counts(const Measurement& m, const Acquisition& a, double first_ns) {
  require(m.bin_ns.has_value(), m.path.string(), ": does not say how wide its bins are");
  check_period(m, a);
  const double bin = *m.bin_ns, periods = std::floor(bin * m.bins / a.period_ns * (1.0 + 1e-9));
  const double end = periods >= 1.0 ? periods * a.period_ns : bin * m.bins;
  try {
    check_covered({m.trace(0), bin}, a, a.gate_step_ns, first_ns);
  } catch (const Error& error) {
    fail(m.path.string(), ": ", error.what());
  }
  const auto gates = static_cast<std::size_t>(a.gates);
  std::vector<float> all(m.traces() * gates);
  parallel_for(m.traces(), [&](std::size_t i, int) {
    Random random(kPlaceSeed, i);
    const std::span out(all.data() + i * gates, gates);
    const auto trace = m.trace(i);
    for (std::size_t j = 0; j < trace.size() && static_cast<double>(j) * bin < end; ++j) {
      const double from = static_cast<double>(j) * bin - first_ns;
      const double at = from - std::floor(from / a.period_ns) * a.period_ns;
      place(std::llround(trace[j]), at, bin, a, random, out);
    }
  });
  return all;
}

std::vector<double> summed_trace(const Measurement& m) {
  std::vector<double> sum(static_cast<std::size_t>(m.bins));
  for (std::size_t i = 0; i < m.traces(); ++i) {
    const auto trace = m.trace(i);
    for (std::size_t j = 0; j < trace.size(); ++j) sum[j] += trace[j];
  }
  for (double& counts : sum) counts /= m.photon_uses;
  return sum;
}

double rise_ns(std::span<const double> trace, double bin_ns, double period_ns) {
  check_bin(bin_ns);
  if (!(period_ns > bin_ns))
    fail_usage("laser period: found ", period_ns, " ns, wanted more than a bin of ", bin_ns, " ns");
  // One period in bins that tile it, as near to the record's own as a whole number allows.
  const auto bins = static_cast<std::size_t>(std::max(2.0, std::round(period_ns / bin_ns)));
  const double step = period_ns / static_cast<double>(bins);
  const Cumulative record(trace, bin_ns);
  std::vector<double> period(bins);
  for (std::size_t i = 0; i < bins; ++i)
    period[i] =
        record.folded(static_cast<double>(i) * step, static_cast<double>(i + 1) * step, period_ns);
  const double total = std::accumulate(period.begin(), period.end(), 0.0);
  if (!(total > 0.0)) fail("the decay's start cannot be found: there are no counts");

  // The narrowest running mean (1, 3, 7, ... bins) whose peak rests on 400 counts, 5 % of noise.
  const Cumulative sums(std::span<const double>(period), step);
  std::vector<double> smooth(bins);
  std::size_t peak = 0;
  for (std::size_t reach = 0;; reach = 2 * reach + 1) {
    const double half = (static_cast<double>(reach) + 0.5) * step;
    for (std::size_t i = 0; i < bins; ++i) {
      const double middle = (static_cast<double>(i) + 0.5) * step;
      smooth[i] = sums.folded(middle - half, middle + half, period_ns);
    }
    peak =
        static_cast<std::size_t>(std::max_element(smooth.begin(), smooth.end()) - smooth.begin());
    if (smooth[peak] >= 400.0 || 4 * reach + 3 > bins / 64) break;
  }

  const double lowest = *std::min_element(smooth.begin(), smooth.end());
  const double level = 0.5 * (smooth[peak] + lowest);
  if (!(smooth[peak] > lowest)) return 0.0;  // flat: no start is better than another
  std::size_t above = peak, below = (peak + bins - 1) % bins;
  while (smooth[below] >= level) {
    above = below;
    below = (below + bins - 1) % bins;
  }
  const double fraction = (level - smooth[below]) / (smooth[above] - smooth[below]);
  const double time = (static_cast<double>(below) + 0.5 + fraction) * step;
  return time < period_ns ? time : time - period_ns;
}

}  // namespace taugate
