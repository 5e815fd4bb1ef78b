// The library of measured IRFs (declared in irf.h): from counts to curves.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "taugate/fli/irf.h"
#include "taugate/fli/json_fields.h"
#include "taugate/fli/recorded_range.h"

namespace taugate {
namespace {

constexpr int kLongest = 1 << 22;

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Mean of the quietest tenth of the curve, where the recorder counts at all.
double quiet_level(std::span<const double> record) {
  const GateRange range = recorded_range(record);
  const std::span<const double> counts = record.subspan(range.first, range.end - range.first);
  const std::size_t width = std::max<std::size_t>(1, counts.size() / 10);
  double lowest = std::numeric_limits<double>::infinity();
  for (std::size_t first = 0; first + width <= counts.size();
       first += std::max<std::size_t>(1, width / 4))
    lowest = std::min(lowest, mean_of(counts.subspan(first, width)));
  return lowest;
}

struct Support {
  std::size_t first, end;
};

/// The bins round the peak, outwards until what follows has sunk into the noise of the background
/// (three deviations of Poisson counts) or holds less than a ten thousandth of the light, over one
/// FWHM or, further out, over half of the way from the peak: a faint, long tail may hold a percent
/// of the light and would otherwise be taken for a decay. A reflection that stands apart behind
/// such a gap belongs to the light path of the recording.
Support find_support(std::span<const double> signal, double background) {
  const auto peak_at = std::max_element(signal.begin(), signal.end());
  const double peak = *peak_at;
  const std::size_t middle = static_cast<std::size_t>(peak_at - signal.begin());
  const std::size_t fwhm = static_cast<std::size_t>(
      std::count_if(signal.begin(), signal.end(), [&](double s) { return s >= 0.5 * peak; }));
  double light = 0.0;
  for (const double s : signal) light += s >= 0.01 * peak ? s : 0.0;
  const auto is_noise = [&](std::size_t from, std::size_t width) {
    const double n = static_cast<double>(width);
    const double noise = 3.0 * std::sqrt(std::max(background, 0.0) / n);
    return mean_of(signal.subspan(from, width)) <= std::max({1e-6 * peak, noise, 1e-4 * light / n});
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

}  // namespace

MeasuredIrfs::MeasuredIrfs(std::span<const double> counts, int bins, double bin_ns,
                           int background_bins)
    : bin_ns_(bin_ns) {
  require(bins >= 3 && bins <= kLongest, "measured IRF: found ", bins, " bins, wanted 3 to ",
          kLongest);
  require(bin_ns > 0.0 && std::isfinite(bin_ns), "measured IRF: found bins of ", bin_ns,
          " ns, wanted a positive width");
  require(background_bins >= 0 && background_bins < bins, "measured IRF: found ", background_bins,
          " background bins, wanted 0 to ", bins - 1);
  const std::size_t length = static_cast<std::size_t>(bins);
  require(!counts.empty() && counts.size() % length == 0, "measured IRF: found ", counts.size(),
          " counts, wanted a multiple of ", bins, " bins");
  std::vector<double> signal(length);
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
    const Support support = find_support(signal, background);
    const std::size_t first = support.first, end = support.end;

    // A zero on either side closes the curve. A count is the mean over a bin (variance bin^2/12)
    // and interpolation adds a triangle (bin^2/6); subtracting bin^2/8 times the second derivative
    // takes this broadening of bin^2/4 away again.
    std::vector<double> samples(end - first + 2);
    const auto at = [&](std::size_t j) { return j > first && j <= end ? signal[j - 1] : 0.0; };
    for (std::size_t j = 0; j < samples.size(); ++j) {
      const std::size_t bin = first + j;  // of a record that starts one bin early
      const double before = bin > 0 ? at(bin - 1) : 0.0;
      const double sharpened = at(bin) - (before - 2.0 * at(bin) + at(bin + 1)) / 8.0;
      samples[j] = std::round(kPeak * sharpened / peak);
    }
    add(static_cast<int>(first) - 1, std::move(samples), 0.0);
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

}  // namespace taugate
