#include "taugate/fli/plot/plot_maps.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "fli/physics/statistics.h"
#include "fli/plot/gnuplot.h"

namespace taugate {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr PlotSize kTraceSize{560, 860}, kCurveSize{900, 600}, kScatterSize{560, 480};
// Maps: pixels of the picture.
constexpr int kPanel = 400, kLargest = 2048, kGap = 24, kLeft = 24, kRight = 120, kTop = 48,
              kBottom = 24;

constexpr const char *kBlue = "#1f5fa8", *kOrange = "#d9622b", *kGrey = "#7a7a7a";

void check_image(const LifetimePanel& panel) {
  if (panel.width < 1 || panel.height < 1 ||
      panel.lifetimes_ns.size() != static_cast<std::size_t>(panel.width) * panel.height)
    fail("lifetime map: found ", panel.lifetimes_ns.size(), " values, wanted ", panel.height, " x ",
         panel.width);
  if (!panel.hatched.empty() && panel.hatched.size() != panel.lifetimes_ns.size())
    fail("lifetime map: found ", panel.hatched.size(), " values that say what is hatched, wanted ",
         panel.lifetimes_ns.size());
}

/// The ends of a colour scale: those that were asked for, or those of the data.
Range colour_scale(std::span<const LifetimePanel> panels, const std::optional<Range>& wanted) {
  if (wanted) {
    if (!(wanted->low < wanted->high))
      fail_usage("colour scale: found ", wanted->low, " to ", wanted->high,
                 " ns, wanted a lower and a higher end");
    return *wanted;
  }
  std::vector<float> finite;
  for (const auto& panel : panels) {
    const std::vector<float> values = finite_values(panel.lifetimes_ns);
    finite.insert(finite.end(), values.begin(), values.end());
  }
  return percentile_range(finite);
}

/// Pixels of the picture that an image takes: a whole number for each of its own, within reason.
PlotSize panel_size(int width, int height) {
  const int longest = std::max(width, height);
  const int side = std::min((kPanel + longest - 1) / longest * longest, kLargest);
  const double aspect = std::clamp(static_cast<double>(width) / height, 0.25, 4.0);
  const int other = static_cast<int>(std::lround(aspect > 1.0 ? side / aspect : side * aspect));
  return aspect > 1.0 ? PlotSize{side, other} : PlotSize{other, side};
}

/// Places the next plot at these pixels, counted from the left and top edge.
void place(GnuplotScript& script, PlotSize picture, double left, double top, double width,
           double height) {
  script.line("set lmargin at screen ", left / picture.width);
  script.line("set rmargin at screen ", (left + width) / picture.width);
  script.line("set tmargin at screen ", 1.0 - top / picture.height);
  script.line("set bmargin at screen ", 1.0 - (top + height) / picture.height);
}

void image_axes(GnuplotScript& script, const LifetimePanel& panel) {
  script.line("set xrange [-0.5:", panel.width - 0.5, "]");
  script.line("set yrange [", panel.height - 0.5, ":-0.5]");
  script.line("set title ", GnuplotScript::quoted(panel.title), " offset 0,-0.4");
}

/// What follows a `plot` of the image: stripes over the pixels that are hatched, dark and light so
/// that they show on any colour. hatch_data() gives its data.
std::string hatch_curve(const LifetimePanel& panel, PlotSize box) {
  if (panel.hatched.empty()) return {};
  const double dx = static_cast<double>(panel.width) / box.width,
               dy = static_cast<double>(panel.height) / box.height;
  return concat(", '-' binary array=(", box.width, ",", box.height, ") dx=", dx, " dy=", dy,
                " origin=(", 0.5 * dx - 0.5, ",", 0.5 * dy - 0.5,
                ") format='%uchar%uchar%uchar%uchar' with rgbalpha");
}

void hatch_data(GnuplotScript& script, const LifetimePanel& panel, PlotSize box) {
  if (panel.hatched.empty()) return;
  std::vector<std::array<std::uint8_t, 4>> stripes;
  for (int y = 0; y < box.height; ++y)
    for (int x = 0; x < box.width; ++x) {
      const auto row = static_cast<std::size_t>(static_cast<std::int64_t>(y) * panel.height /
                                                box.height),
                 column = static_cast<std::size_t>(static_cast<std::int64_t>(x) * panel.width /
                                                   box.width);
      const bool on = panel.hatched[row * static_cast<std::size_t>(panel.width) + column] != 0;
      const int phase = (x + y) % 7;
      const std::uint8_t shade = phase < 1 ? 20 : 255;
      stripes.push_back(
          {shade, shade, shade, static_cast<std::uint8_t>(on && phase < 2 ? 255 : 0)});
    }
  script.binary(std::as_bytes(std::span(stripes)));
}

}  // namespace

PlotSize lifetime_maps_size(std::size_t panels, int width, int height) {
  const PlotSize panel = panel_size(width, height);
  return {kLeft + static_cast<int>(panels) * (panel.width + kGap) - kGap + kRight,
          kTop + panel.height + kBottom};
}

void draw_lifetime_maps(const std::filesystem::path& path, std::span<const LifetimePanel> panels,
                        std::optional<Range> scale_ns, const std::string& label) {
  if (panels.empty() || panels.size() > 6)
    fail("lifetime map: found ", panels.size(), " panels, wanted 1 to 6");
  const int width = panels[0].width, height = panels[0].height;
  for (const auto& panel : panels) {
    check_image(panel);
    if (panel.width != width || panel.height != height)
      fail("lifetime map: panels of different shapes");
  }
  const Range scale = colour_scale(panels, scale_ns);
  const PlotSize size = lifetime_maps_size(panels.size(), width, height);
  const PlotSize box = panel_size(width, height);

  GnuplotScript script(size.width, size.height);
  script.palette();
  script.line("set multiplot");
  script.line("unset key; unset tics; unset grid");
  script.line(
      "set object 1 rectangle from graph 0,0 to graph 1,1 behind fc rgb '#d8d8d8' fs noborder");
  script.line("set cbrange [", scale.low, ":", scale.high, "]");
  for (std::size_t i = 0; i < panels.size(); ++i) {
    const double left = kLeft + static_cast<double>(i) * (box.width + kGap);
    place(script, size, left, kTop, box.width, box.height);
    image_axes(script, panels[i]);
    if (i + 1 < panels.size()) {
      script.line("unset colorbox");
    } else {
      script.line("set cblabel ", GnuplotScript::quoted(label), " offset 0.6,0");
      script.line("set cbtics scale 0.5 textcolor rgb '#202020'");
      script.line("set colorbox user origin ", (left + box.width + 16) / size.width, ",",
                  static_cast<double>(kBottom) / size.height, " size ", 16.0 / size.width, ",",
                  static_cast<double>(box.height) / size.height);
    }
    script.line("plot '-' binary array=(", width, ",", height, ") format='%float' with image",
                hatch_curve(panels[i], box));
    script.binary(std::as_bytes(panels[i].lifetimes_ns));
    hatch_data(script, panels[i], box);
  }
  script.line("unset multiplot");
  script.write_png(path);
}

void draw_overlay(const std::filesystem::path& path, const LifetimePanel& panel,
                  std::span<const float> intensities, std::optional<Range> scale_ns) {
  check_image(panel);
  if (intensities.size() != panel.lifetimes_ns.size())
    fail("overlay: found ", intensities.size(), " intensities for ", panel.lifetimes_ns.size(),
         " lifetimes");
  const Range scale = colour_scale({&panel, 1}, scale_ns);
  std::vector<float> sorted(intensities.begin(), intensities.end());
  const double full = std::max(percentile(sorted, 0.99), 1e-30);
  std::vector<Rgb> pixels(intensities.size(), Rgb{});
  for (std::size_t i = 0; i < pixels.size(); ++i)
    if (std::isfinite(panel.lifetimes_ns[i]))
      pixels[i] = hue_colour((panel.lifetimes_ns[i] - scale.low) / (scale.high - scale.low),
                             intensities[i] / full);

  constexpr int key_width = 48, key_steps = 128;
  std::vector<Rgb> key(key_width * key_steps);
  for (int row = 0; row < key_steps; ++row)
    for (int column = 0; column < key_width; ++column)
      key[row * key_width + column] =
          hue_colour(row / (key_steps - 1.0), column / (key_width - 1.0));

  const PlotSize box = panel_size(panel.width, panel.height);
  const PlotSize size{kLeft + box.width + kRight + 40, kTop + box.height + kBottom + 32};
  GnuplotScript script(size.width, size.height);
  script.line("set multiplot");
  script.line("unset key; unset tics; unset grid");
  place(script, size, kLeft, kTop, box.width, box.height);
  image_axes(script, panel);
  script.line("plot '-' binary array=(", panel.width, ",", panel.height,
              ") format='%uchar%uchar%uchar' with rgbimage", hatch_curve(panel, box));
  script.binary(std::as_bytes(std::span(pixels)));
  hatch_data(script, panel, box);

  place(script, size, kLeft + box.width + 24, kTop, key_width, box.height);
  script.line("unset title");
  script.line("set xrange [0:1]; set yrange [", scale.low, ":", scale.high, "]");
  script.line("set xtics ('0' 0, '", std::llround(full),
              "' 1) scale 0 offset 0,0.3 textcolor rgb '#202020'");
  script.line("set xlabel 'counts' offset 0,0.3");
  script.line("set y2range [", scale.low, ":", scale.high,
              "]; set y2tics scale 0.5 textcolor rgb '#202020'");
  script.line("set y2label 'lifetime (ns)' offset -0.8,0");
  script.line("plot '-' binary array=(", key_width, ",", key_steps, ") dx=", 1.0 / key_width,
              " dy=", (scale.high - scale.low) / key_steps, " origin=(", 0.5 / key_width, ",",
              scale.low + 0.5 * (scale.high - scale.low) / key_steps,
              ") format='%uchar%uchar%uchar' with rgbimage");
  script.binary(std::as_bytes(std::span(key)));
  script.line("unset multiplot");
  script.write_png(path);
}

namespace {

std::vector<double> scaled(std::span<const float> values, double factor) {
  std::vector<double> result(values.begin(), values.end());
  for (double& v : result) v *= factor;
  return result;
}

double peak_of(std::span<const float> values) {
  return values.empty() ? 0.0 : *std::max_element(values.begin(), values.end());
}

/// Values as high as the measured trace; all NaN (nothing drawn) where there are none.
std::vector<double> as_high_as(std::span<const float> values, double peak, std::size_t gates) {
  const double own = peak_of(values);
  if (!(own > 0.0)) return std::vector<double>(gates, kNaN);
  return scaled(values, peak / own);
}

void check_gates(const TracePlot& trace) {
  const std::size_t gates = trace.measured.size();
  const auto check = [&](std::span<const float> values, const char* what, bool may_be_empty) {
    if (values.size() != gates && !(may_be_empty && values.empty()))
      fail("trace plot: found ", values.size(), " gates of ", what, ", wanted ", gates);
  };
  if (gates == 0) fail("trace plot: the measured trace is empty");
  check(trace.predicted, "the SFD", false);
  check(trace.reconvolution, "the reconvolution", true);
  check(trace.irf, "the IRF", true);
}

/// (measured - reconvolution) / sqrt(reconvolution); NaN where there is none.
std::vector<double> residuals_of(const TracePlot& trace) {
  std::vector<double> residuals(trace.measured.size(), kNaN);
  for (std::size_t k = 0; k < trace.reconvolution.size(); ++k)
    residuals[k] = (trace.measured[k] - trace.reconvolution[k]) /
                   std::sqrt(std::max(trace.reconvolution[k], 1.0f));
  return residuals;
}

/// Defines $d and returns the curves of counts to be plotted from it.
std::string trace_curves(GnuplotScript& script, const TracePlot& trace, double peak,
                         std::span<const double> residuals) {
  const std::size_t gates = trace.measured.size();
  const bool fitted = !trace.reconvolution.empty();
  std::vector<double> time(gates);
  for (std::size_t k = 0; k < gates; ++k)
    time[k] = trace.first_gate_ns + (static_cast<double>(k) + 0.5) * trace.gate_step_ns;
  const auto measured = scaled(trace.measured, 1.0);
  const auto predicted = as_high_as(trace.predicted, peak, gates);
  const auto irf = as_high_as(trace.irf, peak, gates);
  const auto fit = fitted ? scaled(trace.reconvolution, 1.0) : std::vector<double>(gates, kNaN);
  script.data("d", {time, measured, predicted, fit, irf, residuals});
  std::string curves;
  if (!trace.irf.empty())
    curves += concat("$d using 1:5 with filledcurves y=", peak * 1e-9,
                     " lc rgb '#c8c8c8' fs solid 0.55 ", "noborder title 'IRF (scaled)', ");
  curves +=
      concat("$d using 1:2 with points pt 7 ps 0.45 lc rgb '", kGrey, "' title 'measured TPSF'");
  if (fitted)
    curves += concat(", $d using 1:4 with lines lw 2 lc rgb '", kOrange, "' title 'SFD * IRF'");
  return curves + concat(", $d using 1:3 with lines lw 2 lc rgb '", kBlue,
                         "' title 'predicted SFD (scaled)'");
}

void plot_residuals(GnuplotScript& script, std::span<const double> residuals) {
  double largest = 0.0;  // of those that are numbers
  for (const double r : residuals)
    if (std::abs(r) > largest) largest = std::abs(r);
  const double limit = std::max(4.0, 2.0 * std::ceil(0.55 * largest));
  script.line("set ylabel 'residual (σ)'; unset key");
  script.line("set yrange [", -limit, ":", limit, "]; set ytics ", limit / 2.0);
  script.line(
      "plot 0 with lines lw 1 lc rgb '#606060', $d using 1:6 with points pt 7 ps 0.35 lc rgb '",
      kOrange, "'");
  script.line("set ylabel 'counts'; set ytics auto; set key top right");
}

}  // namespace

void draw_trace(const std::filesystem::path& path, const TracePlot& trace) {
  check_gates(trace);
  const double peak = std::max(peak_of(trace.measured), 1e-30);
  // The logarithmic view goes down to the smallest counts, five decades at most.
  double lowest = peak;
  for (const float count : trace.measured)
    if (count > 1e-5 * peak) lowest = std::min<double>(lowest, count);
  const bool fitted = !trace.reconvolution.empty();
  const std::vector<double> residuals = residuals_of(trace);
  GnuplotScript script(kTraceSize.width, kTraceSize.height);
  const std::string curves = trace_curves(script, trace, peak, residuals);

  // From top to bottom: logarithmic counts, residuals, counts.
  constexpr double left = 76, wide = 464, top = 44, gap = 14, middle = 110, linear = 250;
  constexpr double bottom = kTraceSize.height - 60.0, second = bottom - linear;
  constexpr double tall = second - 58.0 - top;
  script.line("set multiplot");
  script.line("set label 1 ", GnuplotScript::quoted(trace.title),
              " at screen 0.5,0.975 center textcolor rgb '#202020'");
  script.line("set xrange [", trace.first_gate_ns, ":",
              trace.first_gate_ns + trace.gate_step_ns * static_cast<double>(trace.measured.size()),
              "]");
  script.line("set ylabel 'counts'; set key top right");

  script.line("set logscale y; set format y '10^{%L}'");
  script.line("set yrange [", 0.6 * lowest, ":", peak * 2.0, "]");
  place(script, kTraceSize, left, top, wide, fitted ? tall - middle - gap : tall);
  script.line("set format x ''");
  script.line("plot ", curves);
  script.line("unset label 1; unset logscale y; set format y '%g'; set format x '%g'");

  if (fitted) {
    place(script, kTraceSize, left, top + tall - middle, wide, middle);
    plot_residuals(script, residuals);
  }

  place(script, kTraceSize, left, second, wide, linear);
  script.line("set xlabel 'time (ns)'; set yrange [0:", peak * 1.08, "]");
  script.line("plot ", curves);
  script.line("unset multiplot");
  script.write_png(path);
}

void draw_learning_curve(const std::filesystem::path& path, const LearningCurve& curve) {
  if (curve.train_traces.size() != curve.train_loss.size() ||
      curve.validation_traces.size() != curve.validation_loss.size())
    fail("learning curve: losses and numbers of traces differ in length");
  if (curve.train_loss.empty() && curve.validation_loss.empty())
    fail("learning curve: there are no losses");
  double most = 0.0;
  for (const auto traces : {curve.train_traces, curve.validation_traces})
    if (!traces.empty()) most = std::max(most, traces.back());
  const bool millions = most >= 1e6;
  const auto in_unit = [&](std::span<const double> traces) {
    std::vector<double> result(traces.begin(), traces.end());
    for (double& n : result) n /= millions ? 1e6 : 1e3;
    return result;
  };

  GnuplotScript script(kCurveSize.width, kCurveSize.height);
  script.data("train", {in_unit(curve.train_traces), curve.train_loss});
  script.data("validation", {in_unit(curve.validation_traces), curve.validation_loss});
  script.line("set lmargin 11; set rmargin 4; set tmargin 1.5; set bmargin 4");
  script.line("set xlabel 'traces seen (", millions ? "millions" : "thousands", ")'");
  script.line("set ylabel 'loss'; set xrange [0:*]; set logscale y; set format y '%g'");
  std::string curves;
  if (!curve.train_loss.empty())
    curves = concat("$train with lines lw 1.5 lc rgb '#9fbcdc' title 'training'");
  if (!curve.validation_loss.empty())
    curves +=
        concat(curves.empty() ? "" : ", ", "$validation with linespoints lw 2 pt 7 ps 0.6 lc rgb '",
               kOrange, "' title 'validation'");
  script.line("plot ", curves);
  script.write_png(path);
}

void draw_lifetime_scatter(const std::filesystem::path& path, const std::string& title,
                           std::span<const float> true_ns, std::span<const float> predicted_ns) {
  if (true_ns.size() != predicted_ns.size())
    fail("lifetime scatter: found ", predicted_ns.size(), " predictions for ", true_ns.size(),
         " lifetimes");
  std::vector<float> ends;
  double sum = 0.0, squares = 0.0;
  for (std::size_t i = 0; i < true_ns.size(); ++i) {
    if (!std::isfinite(true_ns[i]) || !std::isfinite(predicted_ns[i])) continue;
    ends.push_back(true_ns[i]);
    ends.push_back(predicted_ns[i]);
    const double error = static_cast<double>(predicted_ns[i]) - true_ns[i];
    sum += error;
    squares += error * error;
  }
  if (ends.empty()) fail("lifetime scatter: there are no lifetimes");
  const double pairs = static_cast<double>(ends.size()) / 2.0;
  double low = percentile(ends, 0.002), high = percentile(ends, 0.998);
  const double margin = 0.05 * (high - low) + 0.01;
  low = std::max(low - margin, 0.0);
  high += margin;

  constexpr int bins = 120;
  std::vector<float> histogram(bins * bins, std::numeric_limits<float>::quiet_NaN());
  const auto bin = [&](float v) {
    return static_cast<int>(std::floor((v - low) / (high - low) * bins));
  };
  for (std::size_t i = 0; i < true_ns.size(); ++i) {
    if (!std::isfinite(true_ns[i]) || !std::isfinite(predicted_ns[i])) continue;
    const int x = bin(true_ns[i]), y = bin(predicted_ns[i]);
    if (x < 0 || x >= bins || y < 0 || y >= bins) continue;
    float& cell = histogram[static_cast<std::size_t>(y) * bins + x];
    cell = std::isnan(cell) ? 1.0f : cell + 1.0f;
  }

  GnuplotScript script(kScatterSize.width, kScatterSize.height);
  script.palette();
  script.line("unset key; set size ratio 1; set title ", GnuplotScript::quoted(title));
  script.line("set xlabel 'true lifetime (ns)'; set ylabel 'predicted lifetime (ns)'");
  script.line("set xrange [", low, ":", high, "]; set yrange [", low, ":", high, "]");
  script.line("set logscale cb; set cblabel 'traces' offset 0.6,0; set cbrange [1:*]");
  script.line("set label 1 '", concat("n = ", pairs),
              "' at graph 0.04,0.95 textcolor rgb '#202020'");
  script.line("set label 2 '", concat("mean error ", std::lround(1000.0 * sum / pairs)),
              " ps' at graph 0.04,0.90 textcolor rgb '#202020'");
  script.line("set label 3 '", concat("RMSE ", std::lround(1000.0 * std::sqrt(squares / pairs))),
              " ps' at graph 0.04,0.85 textcolor rgb '#202020'");
  const double step = (high - low) / bins;
  script.line("plot '-' binary array=(", bins, ",", bins, ") dx=", step, " dy=", step, " origin=(",
              low + 0.5 * step, ",", low + 0.5 * step,
              ") format='%float' with image, x with lines lw 1 dt 2 lc rgb '#303030'");
  script.binary(std::as_bytes(std::span(histogram)));
  script.write_png(path);
}

}  // namespace taugate
