// A library of IRFs on one time (declared in irf.h). Pixels of a camera see the gate open earlier
// or later by fractions of a gate. The shift s_i of curve c_i is where it resembles the reference
// most:
//
//     s_i = argmax_s  sum_k c_i(t_k) R(t_k - s) / sqrt(sum_k R(t_k - s)^2)
//
// which for an unknown height is the least-squares shift. R is the mean of the curves, each shifted
// back, and found again until the shifts stay: it is nearly free of noise and of the bins' phase.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "taugate/core/parallel.h"
#include "taugate/fli/physics/irf.h"

namespace taugate {
namespace {

constexpr int kFine = 2;         // samples of the reference in one step of the curves'
constexpr int kMostRounds = 10;  // two or three are enough as a rule
constexpr double kStill = 1e-3;  // of a bin: shifts that stay

double area_of(const IrfCurve& c) {
  return c.bin_ns * std::accumulate(c.density.begin(), c.density.end(), 0.0);
}

/// The curve at a time: linear between its samples, 0 outside.
double value_at(const IrfCurve& c, double t) {
  const double x = (t - c.start_ns) / c.bin_ns;
  if (!(x >= 0.0 && x <= static_cast<double>(c.density.size() - 1))) return 0.0;
  const auto j = std::min(static_cast<std::size_t>(x), c.density.size() - 2);
  const double part = x - static_cast<double>(j);
  return (1.0 - part) * c.density[j] + part * c.density[j + 1];
}

/// Centre and width of the part above half of the peak.
struct Middle {
  double centre_ns = 0.0, width_ns = 0.0;
};
Middle middle_of(const IrfCurve& c) {
  const double half = 0.5 * *std::max_element(c.density.begin(), c.density.end());
  double weight = 0.0, moment = 0.0;
  std::size_t high = 0;
  for (std::size_t j = 0; j < c.density.size(); ++j) {
    const double above = c.density[j] - half;
    if (!(above > 0.0)) continue;
    weight += above;
    moment += above * static_cast<double>(j);
    ++high;
  }
  return {c.start_ns + c.bin_ns * moment / weight, c.bin_ns * static_cast<double>(high)};
}

/// The shift of `c` against the reference, searched within `reach`.
double best_shift(const IrfCurve& c, const IrfCurve& reference, double reach) {
  const double step = reference.bin_ns;
  const auto likeness = [&](int i) {
    double product = 0.0, square = 0.0;
    for (std::size_t k = 0; k < c.density.size(); ++k) {
      const double r =
          value_at(reference, c.start_ns + static_cast<double>(k) * c.bin_ns - i * step);
      product += c.density[k] * r;
      square += r * r;
    }
    return square > 0.0 ? product / std::sqrt(square) : 0.0;
  };
  const int most = std::max(2, static_cast<int>(std::ceil(reach / step)));
  int best = 0;
  double highest = likeness(0);
  for (int i = -most; i <= most; ++i)
    if (const double found = likeness(i); found > highest) {
      highest = found;
      best = i;
    }
  // The top of a parabola through the three highest.
  const double before = likeness(best - 1), after = likeness(best + 1);
  const double curvature = before - 2.0 * highest + after;
  const double part = curvature < 0.0 ? 0.5 * (before - after) / curvature : 0.0;
  return step * (best + std::clamp(part, -0.5, 0.5));
}

}  // namespace

MeasuredIrfs MeasuredIrfs::mean() const {
  double start = curve(0).start_ns, end = start;
  for (int i = 0; i < size(); ++i) {
    const IrfCurve c = curve(i);
    start = std::min(start, c.start_ns);
    end = std::max(end, c.start_ns + c.length_ns());
  }
  MeasuredIrfs result;
  result.bin_ns_ = bin_ns_ / kFine;
  const auto samples = static_cast<std::size_t>(std::ceil((end - start) / result.bin_ns_)) + 1;
  std::vector<double> sum(samples, 0.0);
  for (int i = 0; i < size(); ++i) {
    const IrfCurve c = curve(i);
    const double scale = 1.0 / area_of(c);
    const auto first = static_cast<std::size_t>((c.start_ns - start) / result.bin_ns_),
               last = std::min(samples, first + kFine * c.density.size());
    for (std::size_t j = first; j < last; ++j)
      sum[j] += scale * value_at(c, start + static_cast<double>(j) * result.bin_ns_);
  }
  const double peak = *std::max_element(sum.begin(), sum.end());
  for (double& s : sum) s = std::round(kPeak * s / peak);
  // Its first sample lies in the middle of a bin, as those of a record do.
  result.add(0, std::move(sum), start - 0.5 * result.bin_ns_);
  return result;
}

std::vector<double> MeasuredIrfs::align() {
  const auto n = curves_.size();
  std::vector<double> shifts(n), widths(n), last(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Middle middle = middle_of(curve(static_cast<int>(i)));
    shifts[i] = middle.centre_ns;
    widths[i] = middle.width_ns;
  }
  std::nth_element(widths.begin(), widths.begin() + static_cast<std::ptrdiff_t>(n / 2),
                   widths.end());
  const double width = widths[n / 2];
  // Against the mean, so that the library as a whole stays where it is.
  const auto centre = [&] {
    const double mean = std::accumulate(shifts.begin(), shifts.end(), 0.0) / static_cast<double>(n);
    for (double& shift : shifts) shift -= mean;
  };
  centre();
  const std::vector<Curve> before = curves_;
  const auto move = [&] {
    for (std::size_t i = 0; i < n; ++i) curves_[i].moved_ns = before[i].moved_ns - shifts[i];
  };
  move();
  double reach = std::max(2.0 * bin_ns_, 0.25 * width);
  for (int round = 0; round < kMostRounds && n > 1; ++round) {
    const MeasuredIrfs reference = mean();
    last = shifts;
    parallel_for(n, [&](std::size_t i, int) {
      shifts[i] += best_shift(curve(static_cast<int>(i)), reference.curve(0), reach);
    });
    centre();
    move();
    double change = 0.0;
    for (std::size_t i = 0; i < n; ++i) change = std::max(change, std::abs(shifts[i] - last[i]));
    if (change < kStill * bin_ns_) break;
    reach = bin_ns_;
  }
  return shifts;
}

}  // namespace taugate
