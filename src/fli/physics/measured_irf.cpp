#include "taugate/fli/physics/measured_irf.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "fli/physics/json_fields.h"
#include "fli/physics/valid_gates.h"
#include "taugate/core/parallel.h"

namespace taugate {
namespace {

constexpr int kLongest = 1 << 22;

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Mean of the quietest tenth of the curve, where the recorder counts at all.
double quiet_level(std::span<const double> record) {
  const ValidGates range = valid_gates(record);
  const std::span<const double> counts = record.subspan(range.first, range.end - range.first);
  const std::size_t width = std::max<std::size_t>(1, counts.size() / 10);
  double lowest = std::numeric_limits<double>::infinity();
  for (std::size_t first = 0; first + width <= counts.size();
       first += std::max<std::size_t>(1, width / 4))
    lowest = std::min(lowest, mean_of(counts.subspan(first, width)));
  return lowest;
}

std::size_t bins_above(std::span<const double> signal, double level) {
  return static_cast<std::size_t>(
      std::count_if(signal.begin(), signal.end(), [level](double s) { return s >= level; }));
}

struct Support {
  std::size_t first, end;
};

/// The bins round the peak, outwards until what follows has sunk into the noise of the background
/// (three deviations of Poisson counts) or holds less than a ten thousandth of the counts, over one
/// FWHM or, further out, over half of the way from the peak: a faint, long tail may hold a percent
/// of the counts and would otherwise be taken for a decay. A reflection that stands apart behind
/// such a gap belongs to the light path of the recording.
Support find_support(std::span<const double> signal, double background) {
  const auto peak_at = std::max_element(signal.begin(), signal.end());
  const double peak = *peak_at;
  const std::size_t middle = static_cast<std::size_t>(peak_at - signal.begin());
  const std::size_t fwhm = bins_above(signal, 0.5 * peak);
  double counts = 0.0;
  for (const double s : signal) counts += s >= 0.01 * peak ? s : 0.0;
  const auto is_noise = [&](std::size_t from, std::size_t width) {
    const double n = static_cast<double>(width);
    const double noise = 3.0 * std::sqrt(std::max(background, 0.0) / n);
    return mean_of(signal.subspan(from, width)) <=
           std::max({1e-6 * peak, noise, 1e-4 * counts / n});
  };
  std::size_t first = middle, end = middle + 1;
  while (first > 0) {
    const std::size_t width = std::min(std::max(fwhm, (middle - first) / 2), first);
    if (is_noise(first - width, width)) break;
    --first;
  }
  while (end < signal.size()) {
    const std::size_t width = std::min(std::max(fwhm, (end - middle) / 2), signal.size() - end);
    if (is_noise(end, width)) break;
    ++end;
  }
  return {first, end};
}

/// What is left of the counts of noise below 0 takes from its neighbours: the cumulative counts
/// become the mean of their running maximum and of the minimum of what follows.
std::vector<double> without_negative(std::span<const double> signal) {
  std::vector<double> sums(signal.size());
  std::partial_sum(signal.begin(), signal.end(), sums.begin());
  std::vector<double> least(sums.size());
  double low = std::max(sums.back(), 0.0), high = 0.0, before = 0.0;
  for (std::size_t j = sums.size(); j-- > 0;) least[j] = low = std::clamp(sums[j], 0.0, low);
  for (std::size_t j = 0; j < sums.size(); ++j) {
    high = std::min(std::max(high, sums[j]), least.back());
    const double sum = 0.5 * (high + least[j]);
    sums[j] = sum - before;
    before = sum;
  }
  return sums;
}

/// The density whose integrals over the bins are `counts`: a parabola in each (Colella and
/// Woodward, J. Comput. Phys. 54, 1984), sampled at `pieces` + 1 points, an even number of pieces,
/// the last of them the next bin's first. With values d_j at the edges, of sixth order, and s in
/// [0, 1],
///
///     g(s) = d_j (1 - s)(1 - 3 s) + d_j+1 s (3 s - 2) + 6 S s (1 - s),
///
/// where S is such that the trapezoidal rule over the samples gives the bin's counts. No sample is
/// below 0 where 0 <= d <= 2 min(counts on either side), to which they are limited. Whatever the
/// d_j, areas and the centre of mass are those of the counts; the variance is Sheppard's, less
/// 1/12 bin^2.
std::vector<double> density_of(std::span<const double> signal, std::size_t pieces) {
  const std::vector<double> counts = without_negative(signal);
  const auto n = static_cast<std::ptrdiff_t>(counts.size());
  const auto at = [&](std::ptrdiff_t j) {
    return j >= 0 && j < n ? counts[static_cast<std::size_t>(j)] : 0.0;
  };
  const auto edge = [&](std::ptrdiff_t j) {
    const double d =
        (37.0 * (at(j - 1) + at(j)) - 8.0 * (at(j - 2) + at(j + 1)) + (at(j - 3) + at(j + 2))) /
        60.0;
    return std::clamp(d, 0.0, 2.0 * std::min(at(j - 1), at(j)));
  };
  const double h2 = 1.0 / static_cast<double>(pieces * pieces);
  std::vector<double> samples;
  double left = 0.0;
  for (std::ptrdiff_t j = 0; j < n; ++j) {
    const double right = edge(j + 1);
    const double middle = (at(j) - 0.5 * h2 * (left + right)) / (1.0 - h2);
    for (std::size_t i = 0; i < pieces; ++i) {
      const double s = static_cast<double>(i) / static_cast<double>(pieces);
      samples.push_back(left * (1.0 - s) * (1.0 - 3.0 * s) + right * s * (3.0 * s - 2.0) +
                        6.0 * middle * s * (1.0 - s));
    }
    left = right;
  }
  samples.push_back(0.0);
  return samples;
}

// A library on one time (align). Pixels of a camera see the gate open earlier
// or later by fractions of a gate. The shift s_i of curve c_i is where it resembles the reference
// most:
//
//     s_i = argmax_s  sum_k c_i(t_k) R(t_k - s) / sqrt(sum_k R(t_k - s)^2)
//
// which for an unknown height is the least-squares shift. R is the mean of the curves, each shifted
// back, and found again until the shifts stay: it is nearly free of noise and of the bins' phase.

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

MeasuredIrfs::MeasuredIrfs(std::span<const double> counts, int bins, double bin_ns,
                           int background_bins) {
  require(bins >= 3 && bins <= kLongest, "measured IRF: found ", bins, " bins, wanted 3 to ",
          kLongest);
  require(bin_ns > 0.0 && std::isfinite(bin_ns), "measured IRF: found bins of ", bin_ns,
          " ns, wanted a positive width");
  require(background_bins >= 0 && background_bins < bins, "measured IRF: found ", background_bins,
          " background bins, wanted 0 to ", bins - 1);
  const std::size_t length = static_cast<std::size_t>(bins);
  require(!counts.empty() && counts.size() % length == 0, "measured IRF: found ", counts.size(),
          " counts, wanted a multiple of ", bins, " bins");
  std::vector<double> signal(length), signals;
  std::vector<Support> supports;
  std::size_t narrowest = length;
  for (std::size_t i = 0; i < counts.size() / length; ++i) {
    const auto raw = counts.subspan(i * length, length);
    require(std::all_of(raw.begin(), raw.end(), [](double c) { return std::isfinite(c); }),
            "measured IRF ", i, ": found a count that is not a number");
    const double background = background_bins > 0
                                  ? mean_of(raw.first(static_cast<std::size_t>(background_bins)))
                                  : quiet_level(raw);
    std::transform(raw.begin(), raw.end(), signal.begin(),
                   [&](double c) { return c - background; });
    const double peak = *std::max_element(signal.begin(), signal.end());
    require(peak > 0.0, "measured IRF ", i, ": found no signal above the background of ",
            background);
    supports.push_back(find_support(signal, background));
    narrowest = std::min(narrowest, bins_above(signal, 0.5 * peak));
    signals.insert(signals.end(), signal.begin(), signal.end());
  }
  // At least 16 samples across the narrowest curve: what lies between them is linear.
  const std::size_t pieces = 2 * std::max<std::size_t>(1, (8 + narrowest - 1) / narrowest);
  bin_ns_ = bin_ns / static_cast<double>(pieces);
  for (std::size_t i = 0; i < supports.size(); ++i) {
    const auto [first, end] = supports[i];
    std::vector<double> samples = density_of(
        std::span<const double>(signals).subspan(i * length + first, end - first), pieces);
    const double peak = *std::max_element(samples.begin(), samples.end());
    for (double& sample : samples) sample = std::round(kPeak * sample / peak);
    add(static_cast<int>(first * pieces), std::move(samples), -0.5 * bin_ns_);  // from a bin's edge
  }
}

void MeasuredIrfs::add(int first_bin, std::vector<double> samples, double moved_ns) {
  const auto peak = std::max_element(samples.begin(), samples.end());
  const int at = static_cast<int>(peak - samples.begin());
  require(mean_of(samples) > 0.0, "measured IRF ", curves_.size(),
          ": found an area that is not positive");
  curves_.push_back({first_bin, at, std::move(samples), moved_ns});
}

double MeasuredIrfs::longest_ns() const {
  std::size_t longest = 0;
  for (const Curve& curve : curves_) longest = std::max(longest, curve.samples.size());
  return bin_ns_ * static_cast<double>(longest - 1);
}

IrfCurve MeasuredIrfs::curve(int index) const {
  const Curve& curve = curves_.at(static_cast<std::size_t>(index));
  return {(curve.first_bin + 0.5) * bin_ns_ + curve.moved_ns, bin_ns_, curve.samples, 0.0};
}

double MeasuredIrfs::peak_ns(int index) const {
  const Curve& curve = curves_.at(static_cast<std::size_t>(index));
  return (curve.first_bin + curve.peak + 0.5) * bin_ns_ + curve.moved_ns;
}

std::string MeasuredIrfs::to_json() const {
  json_fields::Json json{{"bin_ns", bin_ns_}, {"curves", json_fields::Json::array()}};
  for (const Curve& curve : curves_) {
    const std::vector<std::int64_t> samples(curve.samples.begin(), curve.samples.end());
    json["curves"].push_back({{"first_bin", curve.first_bin}, {"samples", samples}});
    if (curve.moved_ns != 0.0) json["curves"].back()["moved_ns"] = curve.moved_ns;
  }
  return json.dump();
}

MeasuredIrfs MeasuredIrfs::from_json(std::string_view text) {
  const json_fields::Json json = json_fields::parse(text, "measured IRF");
  MeasuredIrfs irfs;
  try {
    irfs.bin_ns_ = json.at("bin_ns").get<double>();
    for (const auto& curve : json.at("curves"))
      irfs.add(curve.at("first_bin").get<int>(), curve.at("samples").get<std::vector<double>>(),
               curve.value("moved_ns", 0.0));
  } catch (const json_fields::Json::exception&) {
    fail("measured IRF: found other fields than bin_ns and curves of first_bin and samples");
  }
  require(irfs.bin_ns_ > 0.0 && !irfs.curves_.empty() && irfs.longest_ns() > 0.0,
          "measured IRF: found no curve, or bins of no width");
  return irfs;
}

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
