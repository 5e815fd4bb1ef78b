#include "taugate/fli/io/pile_up.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "taugate/core/error.h"
#include "taugate/core/parallel.h"

namespace taugate {
namespace {

constexpr double kPartOfCycle = 0.005;  // that a record may lack at its end, or have too much

/// The counts of a trace before a time, taken to lie evenly in their bins.
class Recorded {
 public:
  Recorded(std::span<const float> counts, double bin_ns) : bin_ns_(bin_ns), sums_{0.0} {
    for (const float count : counts) sums_.push_back(sums_.back() + count);
  }
  double all() const { return sums_.back(); }
  double before(double ns) const {
    const double bins = std::clamp(ns / bin_ns_, 0.0, static_cast<double>(sums_.size() - 1));
    const auto j = std::min(static_cast<std::size_t>(bins), sums_.size() - 2);
    return sums_[j] + (bins - static_cast<double>(j)) * (sums_[j + 1] - sums_[j]);
  }

 private:
  double bin_ns_;
  std::vector<double> sums_;
};

/// How many laser periods the recorder's own cycle has: as many as the record, where there are counts beyond the first.
int periods_of_cycle(const Measurement& m, std::size_t end) {
  const auto bins = static_cast<std::size_t>(m.bins);
  std::size_t late = 0;
  while (late < m.counts.size() && (late % bins < end || m.counts[late] == 0.0f)) ++late;
  if (late == m.counts.size()) return 1;
  const double record = m.bins * *m.bin_ns, periods = std::round(record / *m.period_ns);
  const double tolerance = std::max(*m.bin_ns, kPartOfCycle * record);
  require(periods >= 2.0 && std::abs(record - periods * *m.period_ns) <= tolerance, m.path.string(),
          ": trace ", late / bins, ": found counts beyond its first laser period of ", *m.period_ns,
          " ns in a record of ", record,
          " ns, wanted a record of one or of a whole number of periods where pile-up is corrected: "
          "what hides photons must have been recorded");
  return static_cast<int>(periods);
}

}  // namespace

void correct_pile_up(Measurement& m, const PileUp& o) {
  const std::string where = m.path.string();
  if (!m.bin_ns) fail_usage(where, ": does not say how wide its bins are; give the width in ns");
  if (!m.period_ns) fail_usage(where, ": does not tell the laser period; give it in ns");
  if (!o.pulses && !m.pulses)
    fail_usage(
        where,
        ": does not tell of how many laser pulses a trace is; give their number (--pulses N)");
  const auto end_of = [&](double ns) {
    return std::min(static_cast<std::size_t>(m.bins),
                    static_cast<std::size_t>(std::ceil(ns / *m.bin_ns - 1e-6)));
  };
  const int together = periods_of_cycle(m, end_of(*m.period_ns));
  const double period = *m.period_ns * together;  // of the recorder
  const double pulses = o.pulses.value_or(m.pulses.value_or(0.0)) / together;
  const double dead = o.dead_ns.value_or(0.0), periods = std::floor(dead / period);
  const double rest = dead - periods * period;  // of the dead time, beyond whole periods
  const auto bins = static_cast<std::size_t>(m.bins);
  const std::size_t end = end_of(period);
  parallel_for(m.traces(), [&](std::size_t i, int) {
    const std::span<float> trace(m.counts.data() + i * bins, bins);
    require(std::all_of(trace.begin() + static_cast<std::ptrdiff_t>(end), trace.end(),
                        [](float c) { return c == 0.0f; }),
            where, ": trace ", i, ": found counts beyond its first ", period,
            " ns, wanted none where pile-up is corrected");
    const Recorded recorded(trace, *m.bin_ns);
    for (std::size_t k = 0; k < end; ++k) {
      const double t = static_cast<double>(k) * *m.bin_ns;
      double hidden = recorded.before(t);
      if (o.dead_ns) {
        hidden += periods * recorded.all() - recorded.before(t - rest);
        if (t < rest) hidden += recorded.all() - recorded.before(t - rest + period);
      }
      const double looks = pulses - hidden;
      require(trace[k]<looks, where, ": trace ", i, ", bin ", k, ": found ", trace[k],
                       " counts, wanted fewer than the ", std::max(looks, 0.0), " of ", pulses,
                       together> 1
                  ? " recorded cycles"
                  : " laser pulses",
              " of which the recorder was not blind there");
      trace[k] = static_cast<float>(-pulses * std::log1p(-trace[k] / looks));
    }
  });
}

}  // namespace taugate
