#include "study/paper_pictures.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/formatted.h"
#include "fli/plot/gnuplot.h"
#include "taugate/core/error.h"

namespace taugate {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::array kColours = {"#1b5ea6", "#2b8a3e", "#8e3fa8", "#1098ad",
                                 "#c2a000", "#c2255c", "#7a4a1e", "#5c5f66"};
constexpr const char* kPaperColour = "#d95f20";
constexpr std::array kShapes = {7, 9, 5, 13, 11, 15};  // filled

struct BitsColour {
  int bits;
  const char* colour;
};
constexpr BitsColour kBitsColours[] = {{32, "#111111"}, {16, "#1b5ea6"}, {12, "#1098ad"},
                                       {8, "#2b8a3e"},  {6, "#c2a000"},  {4, "#d95f20"}};

const char* colour_of_bits(int bits) {
  for (const BitsColour& c : kBitsColours)
    if (c.bits == bits) return c.colour;
  return "#8e3fa8";  // others, all alike
}

std::string separator(const std::string& plot) { return plot.empty() ? "plot " : ", "; }

/// Means with their error bars, which a logarithmic axis lets end above 0.
struct Points {
  std::vector<double> place, mean, low, high;

  void add(double at, const MeanStddev& s) {
    const double deviation = std::isfinite(s.deviation) ? s.deviation : 0.0;
    place.push_back(at);
    mean.push_back(s.mean > 0.0 ? s.mean : kNaN);
    low.push_back(std::max(s.mean - deviation, 0.5 * s.mean));
    high.push_back(s.mean + deviation);
  }
};

/// Grows over what is drawn.
struct LogAxis {
  double low = std::numeric_limits<double>::infinity(), high = 0.0;

  void add(const std::vector<double>& values) {
    for (const double v : values)
      if (v > 0.0) low = std::min(low, v), high = std::max(high, v);
  }
  void apply(GnuplotScript& script, char axis) const {
    const double margin = 1.06 * std::pow(high / low, 0.04);
    // One label a power where there are many powers, more where there is hardly one.
    const double span = high / low;
    const std::vector<double> digits = span > 50.0 ? std::vector{1.0}
                                       : span > 6.0
                                           ? std::vector{1.0, 2.0, 5.0}
                                           : std::vector{1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 7.0};
    std::string tics;
    for (int power = -6; power <= 12; ++power)
      for (const double digit : digits) {
        const double at = digit * std::pow(10.0, power);
        if (at < low / margin || at > high * margin) continue;
        const std::string label = at < 1e5      ? formatted("%g", at)
                                  : digit > 1.0 ? formatted("%g·10^{%d}", digit, power)
                                                : formatted("10^{%d}", power);
        tics += concat(tics.empty() ? "" : ", ", GnuplotScript::in_quotes(label), ' ', at);
      }
    script.line("set logscale ", axis);
    script.line("set ", axis, "range [", low / margin, ":", high * margin, "]");
    script.line("set ", axis, "tics (", tics, ")");
  }
};

/// A legend above the plots, which gnuplot's own would not fit: three to a line at most.
struct Legend {
  struct Entry {
    std::string text;
    int shape;
    const char* colour;
  };
  static constexpr std::size_t kALine = 3;
  static constexpr double kLine = 22.0;  // pixels

  std::vector<std::vector<Entry>> groups;  // each begins a line

  double height() const {
    double lines = 0.0;
    for (const auto& group : groups)
      lines += static_cast<double>((group.size() + kALine - 1) / kALine);
    return 14.0 + kLine * lines;
  }
  void draw(GnuplotScript& script, double picture_height) const {
    double down = 18.0;
    int label = 0;
    for (const auto& group : groups) {
      const double across = static_cast<double>(std::min(kALine, group.size()));
      for (std::size_t i = 0; i < group.size(); ++i) {
        const Entry& e = group[i];
        script.line("set label ", ++label, " ", GnuplotScript::quoted(e.text), " at screen ",
                    0.04 + 0.96 * static_cast<double>(i % kALine) / across, ",",
                    1.0 - down / picture_height, " textcolor rgb '#202020' point pt ", e.shape,
                    " ps 1.2 lc rgb '", e.colour, "' offset 1,0");
        if (i % kALine == kALine - 1 || i + 1 == group.size()) down += kLine;
      }
    }
  }
};

}  // namespace

void draw_paper_table(const std::filesystem::path& path, const std::vector<std::string>& series,
                      std::span<const PaperRow> rows) {
  std::vector<Points> points(series.size() + 1);  // the last are the paper's
  LogAxis axis;
  std::string tics;
  // Series of a row stand a little apart.
  const double step = 0.6 / static_cast<double>(points.size());
  const auto offset = [&](std::size_t s) {
    return step * (0.5 * static_cast<double>(points.size() - 1) - static_cast<double>(s));
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const PaperRow& row = rows[i];
    require(row.ours.size() == series.size(), "paper's table: found ", row.ours.size(),
            " figures for '", row.name, "', wanted ", series.size());
    const double place = -static_cast<double>(i);
    for (std::size_t s = 0; s < series.size(); ++s) points[s].add(place + offset(s), row.ours[s]);
    points.back().add(place + offset(series.size()), row.paper.value_or(MeanStddev{kNaN, kNaN}));
    tics += concat(i == 0 ? "" : ", ", GnuplotScript::in_quotes(row.name), ' ', place);
  }
  for (const Points& p : points) {
    axis.add(p.mean);
    axis.add(p.low);
    axis.add(p.high);
  }
  require(axis.high > 0.0, path.string(), ": there is no result to draw yet");
  Legend legend{{{}}};
  for (std::size_t s = 0; s < series.size(); ++s)
    legend.groups[0].push_back(
        {series[s], kShapes[s % kShapes.size()], kColours[s % kColours.size()]});
  legend.groups[0].push_back({"Erbas et al.", 12, kPaperColour});
  const double height =
      legend.height() + 62.0 +
      static_cast<double>(rows.size()) * (14.0 + 10.0 * static_cast<double>(points.size()));
  GnuplotScript script(680, static_cast<int>(height));
  legend.draw(script, height);
  script.line("set ytics scale 0 noenhanced (", tics, "); set grid noytics");
  for (std::size_t i = 1; i < rows.size(); ++i)
    script.line("set arrow from graph 0, first ", 0.5 - static_cast<double>(i),
                " to graph 1, first ", 0.5 - static_cast<double>(i),
                " nohead lw 1 lc rgb '#e6e6e6' back");
  script.line("set yrange [", 0.5 - static_cast<double>(rows.size()), ":0.5]");
  script.line("set xlabel 'RMSE'");
  script.line("set tmargin at screen ", 1.0 - legend.height() / height, "; set bmargin at screen ",
              52.0 / height, "; set rmargin 3");
  axis.apply(script, 'x');
  std::string plot;
  for (std::size_t s = 0; s < points.size(); ++s) {
    const Points& p = points[s];
    const Legend::Entry& e = legend.groups[0][s];
    const std::string block = concat("s", s);
    script.data(block, {p.mean, p.place, p.low, p.high});
    plot += concat(separator(plot), "$", block, " using 1:2:3:4 with xerrorbars ps 1.1 lw 1.5 pt ",
                   e.shape, " lc rgb '", e.colour, "' notitle");
  }
  script.line(plot);
  script.write_png(path);
}

void draw_cost(const std::filesystem::path& path, std::span<const CostPoint> points) {
  struct Panel {
    const char* label;
    double (*get)(const CostPoint&);
    bool alike;  ///< of all widths: their points are drawn side by side
  };
  constexpr Panel kPanels[] = {{"model (bytes)", [](const CostPoint& p) { return p.bytes; }, false},
                               {"multiply-accumulates a trace",
                                [](const CostPoint& p) { return p.multiply_accumulates; }, true},
                               {"cycles of the RTL a pixel",
                                [](const CostPoint& p) { return p.cycles.value_or(kNaN); }, true}};
  std::vector<std::string> kinds;
  std::vector<int> bits;
  Points rmse;
  LogAxis vertical;
  for (const CostPoint& p : points) {
    if (std::find(kinds.begin(), kinds.end(), p.kind) == kinds.end()) kinds.push_back(p.kind);
    if (std::find(bits.begin(), bits.end(), p.bits) == bits.end()) bits.push_back(p.bits);
    rmse.add(0.0, p.rmse);
  }
  std::sort(bits.rbegin(), bits.rend());
  for (const auto* values : {&rmse.mean, &rmse.low, &rmse.high}) vertical.add(*values);
  require(vertical.high > 0.0, path.string(), ": there is no result to draw yet");
  require(kinds.size() <= kShapes.size(), path.string(), ": found ", kinds.size(),
          " kinds of networks, wanted at most ", kShapes.size());
  std::vector<const Panel*> panels;
  for (const Panel& panel : kPanels)
    if (std::any_of(points.begin(), points.end(),
                    [&](const CostPoint& p) { return panel.get(p) > 0.0; }))
      panels.push_back(&panel);
  require(!panels.empty(), path.string(), ": there is no cost to draw");

  Legend legend{{{}, {}}};  // shapes, and colours
  for (std::size_t k = 0; k < kinds.size(); ++k)
    legend.groups[0].push_back({kinds[k], kShapes[k], "#5c5f66"});
  for (const int b : bits)
    legend.groups[1].push_back({b == 32 ? "floats" : concat(b, " bits"), 7, colour_of_bits(b)});
  const double height = legend.height() + 275.0 * static_cast<double>(panels.size());
  GnuplotScript script(640, static_cast<int>(height));
  legend.draw(script, height);
  script.line("set multiplot layout ", panels.size(), ",1 margins 0.14,0.96,", 62.0 / height, ",",
              1.0 - legend.height() / height, " spacing 0,", 64.0 / height);
  script.line("set ylabel 'RMSE'");
  vertical.apply(script, 'y');
  for (const Panel* panel : panels) {
    std::string plot;
    LogAxis horizontal;
    for (std::size_t k = 0; k < kinds.size(); ++k)
      for (std::size_t b = 0; b < bits.size(); ++b) {
        const double aside = static_cast<double>(b) - 0.5 * static_cast<double>(bits.size() - 1);
        Points p;
        for (const CostPoint& point : points)
          if (point.kind == kinds[k] && point.bits == bits[b])
            p.add(panel->get(point) * (panel->alike ? std::pow(1.04, aside) : 1.0), point.rmse);
        if (p.place.empty()) continue;
        horizontal.add(p.place);
        const std::string block = concat("k", k, "b", b);
        script.data(block, {p.place, p.mean, p.low, p.high});
        plot += concat(separator(plot), "$", block, " using 1:2:3:4 with yerrorbars ps 1.1 pt ",
                       kShapes[k], " lc rgb '", colour_of_bits(bits[b]), "' notitle");
      }
    horizontal.apply(script, 'x');
    script.line("set xlabel '", panel->label, "'");
    script.line(plot);
    script.line("unset label");
  }
  script.line("unset multiplot");
  script.write_png(path);
}

DecayPicture decay_picture(const Plate& plate, std::size_t place,
                           std::span<const NamedModel> models) {
  const auto T = static_cast<std::size_t>(plate.gates()),
             C = static_cast<std::size_t>(plate.config().channels);
  const auto whole_decay = [&](std::span<const float> sfd) {  // [T][C], of which the first channel
    std::vector<float> one(T);
    for (std::size_t k = 0; k < T; ++k) one[k] = sfd[k * C];
    return one;
  };
  std::vector<float> counts(T), sfd(T * C), input(T), output(T * C);
  Sample pixel{counts, sfd, {}};
  plate.sample(place, pixel);
  DecayPicture picture{plate.config().acquisition.gate_step_ns, counts, whole_decay(sfd), {}};
  const float peak = *std::max_element(counts.begin(), counts.end());
  require(peak > 0.0f, "decay picture: found no count in the plate's pixel ", place);
  for (float& value : picture.tpsf) value /= peak;
  ThreadScratch scratch;
  for (const NamedModel& m : models) {
    require(m.model->gates() == plate.gates() && m.model->outputs() == plate.config().channels,
            "decay picture: found ", m.model->gates(), " gates and ", m.model->outputs(),
            " channels of '", m.name, "', wanted ", T, " and ", C);
    normalise(m.model->normalisation, counts, input);
    m.model->executor()->run(scratch, input, output);
    picture.outputs.push_back({m.name, m.bits, whole_decay(output)});
  }
  return picture;
}

void draw_decay(const std::filesystem::path& path, const DecayPicture& picture) {
  const std::size_t T = picture.sfd.size();
  require(T > 1 && picture.tpsf.size() == T && picture.gate_step_ns > 0.0,
          "decay picture: found a TPSF of ", picture.tpsf.size(), " and an SFD of ", T,
          " gates, wanted as many, and the time between them");
  constexpr double kFloor = 2e-3;
  std::vector<double> time(T), tpsf(picture.tpsf.begin(), picture.tpsf.end()),
      sfd(picture.sfd.begin(), picture.sfd.end());
  for (std::size_t k = 0; k < T; ++k) time[k] = picture.gate_step_ns * static_cast<double>(k);
  GnuplotScript script(640, 620);
  script.data("truth", {time, tpsf, sfd});
  std::string curves =
                  "plot $truth using 1:2 with points pt 7 ps 0.6 lc rgb '#7a7a7a' title 'TPSF', "
                  "$truth using 1:3 with lines lw 4 lc rgb '#c8c8c8' title 'true SFD'",
              residuals;
  double most = 0.0;
  for (std::size_t i = 0; i < picture.outputs.size(); ++i) {
    const DecayPicture::Output& output = picture.outputs[i];
    require(output.sfd.size() == T, "decay picture: found ", output.sfd.size(), " gates of '",
            output.name, "', wanted ", T);
    std::vector<double> values(output.sfd.begin(), output.sfd.end()), off(T);
    for (std::size_t k = 0; k < T; ++k) {
      off[k] = values[k] - sfd[k];
      most = std::max(most, std::abs(off[k]));
    }
    const std::string block = concat("o", i);
    script.data(block, {time, values, off});
    const std::string style =
        concat("with lines lw 1.6 lc rgb '", colour_of_bits(output.bits), "'");
    curves +=
        concat(", $", block, " using 1:2 ", style, " title ", GnuplotScript::quoted(output.name));
    residuals += concat(", $", block, " using 1:3 ", style, " notitle");
  }
  script.line("set multiplot");
  script.line("set xrange [0:", time.back(),
              "]; set lmargin at screen 0.16; "
              "set rmargin at screen 0.97");
  script.line("set tmargin at screen 0.97; set bmargin at screen 0.40");
  script.line("set logscale y; set yrange [", kFloor, ":1.5]; set format y '10^{%T}'");
  script.line("set format x ''; set ylabel 'of the peak'; set key top right");
  script.line(curves);
  script.line("set tmargin at screen 0.37; set bmargin at screen 0.10");
  script.line("unset logscale y; set format '%g'; set yrange [", -1.1 * most, ":", 1.1 * most, "]");
  script.line("set xlabel 'time (ns)'; set ylabel 'SFD - true SFD'");
  script.line("plot 0 with lines lw 1 lc rgb '#606060' notitle", residuals);
  script.line("unset multiplot");
  script.write_png(path);
}

}  // namespace taugate
