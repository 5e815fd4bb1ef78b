#include "taugate/fli/plot/plot_histograms.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "fli/physics/statistics.h"
#include "fli/plot/gnuplot.h"

namespace taugate {
namespace {

constexpr int kBins = 80;         // of a histogram
constexpr int kPhasorBins = 130;  // along g
constexpr std::size_t kMostCurves = 8;

/// The rounded lifetimes whose points on the semicircle are well apart.
std::vector<double> marked_lifetimes(double w) {
  std::vector<double> marked;
  double last = -10.0;
  for (int exponent = -3; exponent < 5; ++exponent)
    for (double digit : {1.0, 2.0, 5.0}) {
      const double tau = digit * std::pow(10.0, exponent);
      const double angle = std::atan(w * tau);
      if (angle < 0.12 || angle > 1.45 || angle - last < 0.1) continue;
      marked.push_back(tau);
      last = angle;
    }
  return marked;
}

}  // namespace

void draw_histogram(const std::filesystem::path& path, const std::string& label,
                    std::span<const float> values, std::optional<Range> scale) {
  std::vector<float> finite = finite_values(values);
  const std::optional<Statistics> statistics = statistics_of(finite);
  if (!statistics) fail("histogram: there are no values");
  const Range range = scale ? *scale : percentile_range(finite);
  std::vector<double> middle(kBins), count(kBins, 0.0);
  const double width = (range.high - range.low) / kBins;
  for (std::size_t i = 0; i < middle.size(); ++i)
    middle[i] = range.low + (static_cast<double>(i) + 0.5) * width;
  for (float v : finite) {
    const double bin = std::clamp(std::floor((v - range.low) / width), 0.0, kBins - 1.0);
    count[static_cast<std::size_t>(bin)] += 1.0;
  }

  GnuplotScript script(560, 400);
  script.data("d", {middle, count});
  script.palette();
  script.line("unset key; unset colorbox; set style fill solid 1.0 noborder");
  script.line("set lmargin 10; set rmargin 3; set bmargin 4; set tmargin 3");
  script.line(
      "set title '",
      concat("n = ", statistics->count, ", mean ", short_number(statistics->mean), ", deviation ",
             short_number(statistics->deviation), ", median ", short_number(statistics->median)),
      "' font ',11'");
  script.line("set xlabel ", GnuplotScript::quoted(label), "; set ylabel 'pixels'");
  script.line("set xrange [", range.low, ":", range.high, "]; set yrange [0:*]");
  script.line("set cbrange [", range.low, ":", range.high, "]");
  script.line("plot $d using 1:2:(", width, "):1 with boxes lc palette");
  script.write_png(path);
}

void draw_phasors(const std::filesystem::path& path, const std::string& title,
                  std::span<const double> g, std::span<const double> s,
                  std::span<const float> weights, double radians_per_ns) {
  const double w = radians_per_ns;
  if (g.size() != s.size() || !(weights.empty() || weights.size() == g.size()))
    fail("phasor plot: found ", g.size(), " and ", s.size(), " coordinates and ", weights.size(),
         " weights");
  constexpr Range horizontal{-0.05, 1.05}, vertical{-0.05, 0.65};
  constexpr double step = (horizontal.high - horizontal.low) / kPhasorBins;
  constexpr int rows = static_cast<int>((vertical.high - vertical.low) / step);
  std::vector<float> cells(static_cast<std::size_t>(rows) * kPhasorBins, NAN);
  for (std::size_t i = 0; i < g.size(); ++i) {
    const double x = std::floor((g[i] - horizontal.low) / step),
                 y = std::floor((s[i] - vertical.low) / step);
    if (!(x >= 0.0 && x < kPhasorBins && y >= 0.0 && y < rows)) continue;
    float& cell = cells[static_cast<std::size_t>(y) * kPhasorBins + static_cast<std::size_t>(x)];
    cell = (std::isnan(cell) ? 0.0f : cell) + (weights.empty() ? 1.0f : weights[i]);
  }
  std::vector<double> circle_g, circle_s;
  for (int i = 0; i <= 200; ++i) {
    const double angle = i * std::numbers::pi / 200;
    circle_g.push_back(0.5 + 0.5 * std::cos(angle));
    circle_s.push_back(0.5 * std::sin(angle));
  }
  std::vector<double> mark_g, mark_s;
  GnuplotScript script(560, 340);
  for (double tau : marked_lifetimes(w)) {
    mark_g.push_back(1.0 / (1.0 + w * tau * w * tau));
    mark_s.push_back(w * tau * mark_g.back());
    // Outwards from the middle of the circle.
    script.line("set label '", short_number(tau), "' at ", 0.5 + 1.09 * (mark_g.back() - 0.5), ",",
                1.07 * mark_s.back(), " center font ',10' textcolor rgb '#404040'");
  }
  script.data("circle", {circle_g, circle_s});
  script.data("marks", {mark_g, mark_s});
  script.palette();
  script.line("set lmargin at screen 0.12; set rmargin at screen 0.82");
  script.line("set bmargin at screen 0.17; set tmargin at screen 0.91");
  script.line("unset key; set size ratio -1; set title ", GnuplotScript::quoted(title));
  script.line("set xlabel 'g'; set ylabel 's'; set xrange [", horizontal.low, ":", horizontal.high,
              "]; set yrange [", vertical.low, ":", vertical.high, "]");
  script.line("set cblabel '", weights.empty() ? "pixels" : "counts", "' offset 0.6,0");
  script.line("set label 'lifetimes in ns' at graph 0.985,0.95 right font ',10' textcolor rgb ",
              "'#404040'");
  script.line("plot '-' binary array=(", kPhasorBins, ",", rows, ") dx=", step, " dy=", step,
              " origin=(", horizontal.low + 0.5 * step, ",", vertical.low + 0.5 * step,
              ") format='%float' with image, $circle with lines lw 4 lc rgb '#ffffff', $circle "
              "with lines lw 1.5 lc rgb '#404040', ",
              "$marks with points pt 7 ps 0.6 lc rgb '#404040'");
  script.binary(std::as_bytes(std::span(cells)));
  script.write_png(path);
}

void draw_decays(const std::filesystem::path& path, const std::string& title, double bin_ns,
                 std::span<const DecayCurve> curves) {
  if (curves.empty() || curves.size() > kMostCurves)
    fail("decay plot: found ", curves.size(), " curves, wanted 1 to ", kMostCurves);
  const std::size_t bins = curves.front().counts.size();
  GnuplotScript script(900, 560);
  std::vector<double> time(bins), counts(bins);
  for (std::size_t j = 0; j < bins; ++j)
    time[j] = bin_ns > 0.0 ? (static_cast<double>(j) + 0.5) * bin_ns : static_cast<double>(j);
  double peak = 0.0, lowest = INFINITY;
  std::string plots;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const DecayCurve& curve = curves[i];
    if (curve.counts.size() != bins || bins == 0)
      fail("decay plot: found ", curve.counts.size(), " bins, wanted ",
           std::max<std::size_t>(bins, 1));
    // A logarithm has no place for 0.
    std::transform(curve.counts.begin(), curve.counts.end(), counts.begin(),
                   [](float count) { return count > 0.0f ? double{count} : NAN; });
    for (const double count : counts) {
      if (!(count > 0.0)) continue;
      peak = std::max(peak, count);
      lowest = std::min(lowest, count);
    }
    script.data(concat("d", i), {time, counts});
    const double place = curves.size() > 1 ? static_cast<double>(i) / kMostCurves : 0.2;
    plots += concat(i ? ", " : "", "$d", i, " using 1:2 with points pt 7 ps 0.4 lc rgb '",
                    hex(sequential_colour(place)), "' title ", GnuplotScript::quoted(curve.title));
  }
  if (peak == 0.0) peak = lowest = 1.0;
  script.line("set title ", GnuplotScript::quoted(title));
  script.line("set xlabel '", bin_ns > 0.0 ? "time (ns)" : "bin", "'; set ylabel 'counts'");
  script.line("set logscale y; set format y '10^{%T}'");
  script.line("set yrange [", std::max(0.6 * lowest, 1e-7 * peak), ":", 1.6 * peak, "]");
  script.line("set xrange [", bin_ns > 0.0 ? 0.0 : -0.5, ":",
              bin_ns > 0.0 ? static_cast<double>(bins) * bin_ns : static_cast<double>(bins) - 0.5,
              "]");
  script.line("plot ", plots);
  script.write_png(path);
}

}  // namespace taugate
