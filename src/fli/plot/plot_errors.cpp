#include "fli/plot/plot_errors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "fli/plot/gnuplot.h"

namespace taugate {
namespace {

constexpr std::array kColours = {"#1b5ea6", "#d95f20", "#2b8a3e", "#8e3fa8", "#c2a000", "#1098ad",
                                 "#c2255c", "#5c5f66", "#7a4a1e", "#111111", "#e0559a", "#7fae1b"};
constexpr std::size_t kNamesARow = 3;

/// What gnuplot leaves out: values that are not finite.
std::vector<double> drawable(const std::vector<double>& values) {
  std::vector<double> result = values;
  for (double& v : result)
    if (!std::isfinite(v)) v = std::numeric_limits<double>::quiet_NaN();
  return result;
}

}  // namespace

void draw_error_curves(const std::filesystem::path& path, const std::string& axis, bool logarithmic,
                       std::span<const ErrorCurve> curves) {
  require(!curves.empty(), "error plot: found no curve");
  // The names stand above both panels, which are of one height.
  const std::size_t rows = (curves.size() - 1) / kNamesARow + 1;
  const double height = 700.0 + 22.0 * static_cast<double>(rows);
  GnuplotScript script(600, static_cast<int>(height));
  std::string deviations, biases;
  double lowest = -0.02, highest = 0.02;  // of the biases; what is beyond 0.3 is cut
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const ErrorCurve& c = curves[i];
    const std::size_t n = c.x.size();
    require(n > 0 && c.deviation.size() == n && c.bound.size() == n && c.bias.size() == n,
            "error plot: found columns of ", n, ", ", c.deviation.size(), ", ", c.bound.size(),
            " and ", c.bias.size(), " values for '", c.name, "', wanted equal ones");
    const std::string block = concat("c", i);
    script.data(block, {c.x, drawable(c.deviation), drawable(c.bound), drawable(c.bias)});
    const std::string colour = concat("lc rgb '", kColours[i % kColours.size()], "'");
    const std::string points = i < kColours.size() ? "pt 7" : "pt 4";
    const std::string separator = i == 0 ? "" : ", ";
    // gnuplot's own key would not stand across both panels.
    const std::size_t row = i / kNamesARow, place = i % kNamesARow;
    script.line("set label ", i + 1, " ", GnuplotScript::quoted(c.name), " at screen ",
                0.06 + 0.32 * static_cast<double>(place), ",",
                1.0 - (14.0 + 22.0 * static_cast<double>(row)) / height,
                " font ',10' textcolor rgb '#202020' point ", points, " ps 0.9 ", colour,
                " offset 1,0");
    deviations += concat(separator, "$", block, " using 1:(100*$2) with linespoints ", points,
                         " ps 0.7 lw 2 ", colour, " notitle, $", block,
                         " using 1:(100*$3) with lines dt 2 lw 1.2 ", colour, " notitle");
    biases += concat(separator, "$", block, " using 1:(100*$4) with linespoints ", points,
                     " ps 0.7 lw 2 ", colour, " notitle");
    for (const double bias : c.bias) {
      if (!std::isfinite(bias)) continue;
      lowest = std::min(lowest, std::max(bias, -0.3));
      highest = std::max(highest, std::min(bias, 0.3));
    }
  }
  script.line("set multiplot layout 2,1 margins 0.13,0.97,", 48.0 / height, ",",
              1.0 - (12.0 + 22.0 * rows) / height, " spacing 0.1");
  script.line("set xlabel ", GnuplotScript::quoted(axis));
  if (logarithmic) script.line("set logscale x");
  script.line("set logscale y; set ylabel 'deviation (% of the lifetime; dashed: bound)'");
  script.line("plot ", deviations);
  script.line("unset logscale y; unset label; set ylabel 'bias (% of the lifetime)'");
  script.line("set yrange [", 110.0 * lowest, ":", 110.0 * highest, "]");
  script.line("plot ", biases, ", 0 with lines lw 1 lc rgb '#606060' notitle");
  script.line("unset multiplot");
  script.write_png(path);
}

}  // namespace taugate
