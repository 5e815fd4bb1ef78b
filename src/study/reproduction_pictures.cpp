#include "study/reproduction_pictures.h"

#include <limits>
#include <utility>

#include "fli/plot/gnuplot.h"
#include "study/paper_figures.h"
#include "study/paper_pictures.h"
#include "study/paper_tables.h"
#include "study/row_figures.h"
#include "study/write_back.h"
#include "taugate/interchange/rtl_export.h"

namespace taugate {
namespace {

using Path = std::filesystem::path;

/// Rows with a result whose error is of the size of the others' (that of the paper's scale, taken
/// literally, is not): at most four times the least.
std::vector<std::pair<const Experiment*, OverSeeds>> drawable(const Findings& found,
                                                              const std::string& table) {
  std::vector<std::pair<const Experiment*, OverSeeds>> rows;
  double least = std::numeric_limits<double>::infinity();
  for (const Experiment& row : found.plan.rows) {
    const auto& runs = found.runs.at(row.id);
    if (row.table != table || runs.empty()) continue;
    rows.emplace_back(&row, over_runs(runs, column("rmse").get));
    least = std::min(least, rows.back().second.mean);
  }
  std::erase_if(rows, [&](const auto& row) { return row.second.mean > 4.0 * least; });
  return rows;
}

/// The RMSE of the rows of a table, one below the other, with deviations over seeds.
void draw_rows(const std::filesystem::path& path, const Findings& found, const std::string& table) {
  std::vector<double> rmse, deviation, place;
  std::string tics;
  for (const auto& [row, s] : drawable(found, table)) {
    place.push_back(-static_cast<double>(place.size()));
    rmse.push_back(s.mean);
    deviation.push_back(s.n > 1 ? s.deviation : 0.0);
    tics +=
        concat(tics.empty() ? "" : ", ", GnuplotScript::in_quotes(row->title), ' ', place.back());
  }
  require(!rmse.empty(), path.string(), ": there is no result to draw yet");
  GnuplotScript script(640, 160 + 34 * static_cast<int>(rmse.size()));
  script.line("set ytics noenhanced (", tics, ")");
  script.line("set yrange [", place.back() - 0.7, ":0.7]");
  script.line("set xlabel 'RMSE (bars: deviation over seeds)'");
  script.line("set xtics rotate by 30 right");
  script.line("set grid x");
  script.data("rows", {rmse, place, deviation});
  script.line("plot $rows using 1:2:3 with xerrorbars pt 7 lt 1 notitle");
  script.write_png(path);
}

/// "PTQ (literal scale)": the paper's name, and what is ours about it.
std::pair<std::string, std::string> split_method(const std::string& method) {
  const std::size_t at = method.find(" (");
  if (at == std::string::npos) return {method, "our recipe"};
  const std::string kind = method.substr(at + 2, method.size() - at - 3);
  // The longest is too long for a legend of three columns.
  return {method.substr(0, at),
          kind == "paper's recipe and literal scale" ? "paper's, literal scale" : kind};
}

MeanStddev plate_rmse(const std::map<int, RunResult>& runs) {
  const OverSeeds s = over_runs(
      runs, [](const RunResult& r) { return rmse_of_traces(r.plate.channels[0].rmse).mean; });
  return {s.mean, s.n > 1 ? s.deviation : 0.0};
}

void draw_table_of_paper(const Path& path, const Findings& found, const std::string& table) {
  std::vector<std::string> series;
  std::vector<std::string> names;
  std::vector<PaperRow> rows;
  const auto place_of = [](std::vector<std::string>& all, const std::string& one) {
    const auto it = std::find(all.begin(), all.end(), one);
    if (it == all.end()) all.push_back(one);
    return static_cast<std::size_t>(it - all.begin());
  };
  const auto each = [&](auto&& see) {
    for (const Experiment& row : found.plan.rows)
      if (row.table == table && row.paper && !found.runs.at(row.id).empty()) {
        const auto [base, kind] = split_method(row.paper->method);
        const std::string name =
            concat(row.paper->model.substr(row.paper->model.find(' ') + 1), ", ", row.paper->bits,
                   " bits", base == "float" ? "" : ", " + base);
        see(row, base, place_of(names, name), place_of(series, kind));
      }
  };
  each([](auto&&...) {});
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::string& name : names)
    rows.push_back({name, std::vector<MeanStddev>(series.size(), {nan, nan}), {}});
  each([&](const Experiment& row, const std::string& base, std::size_t place, std::size_t kind) {
    rows[place].ours[kind] = plate_rmse(found.runs.at(row.id));
    if (const PaperFigure* f = paper_figure(table, row.paper->model, row.paper->bits, base, "rmse"))
      rows[place].paper = MeanStddev{f->mean, f->deviation};
  });
  draw_paper_table(path, series, rows);
}

/// "4 + 2" of "QAT, 4 + 2 bits, feedback".
std::string bits_of(const std::string& title) {
  const std::size_t from = title.find(", ") + 2;
  return title.substr(from, title.find(" bits") - from);
}

/// Dead band against error, of each kind of write-back after training and trained with.
void draw_states(const Path& path, const Findings& found) {
  std::vector<MarginPoint> points;
  for (const Experiment& row : found.plan.rows) {
    const auto& runs = found.runs.at(row.id);
    if (row.table != "state" || runs.empty() || row.origin == Origin::quantized) continue;
    points.push_back({over_runs(runs, [](const RunResult& r) { return *r.dead_band; }).mean,
                      over_runs(runs, column("rmse").get).mean,
                      row.integers->quantize.widths.write_back, bits_of(row.title)});
  }
  draw_write_margin(path, points);
}

/// Of rows whose file is as small as their bits say, by our recipe.
std::vector<CostPoint> cost_points(const Findings& found) {
  std::vector<CostPoint> points;
  for (const Experiment& row : found.plan.rows) {
    const auto& runs = found.runs.at(row.id);
    if (!row.paper || runs.empty() || row.weights_only || row.loss != Loss::mse) continue;
    const OverSeeds rmse = over_runs(runs, column("rmse").get);
    CostPoint point{row.hidden.size() > 1 ? "two layers a side" : "one layer a side",
                    row.paper->bits,
                    {rmse.mean, rmse.n > 1 ? rmse.deviation : 0.0},
                    static_cast<double>(runs.begin()->second.file_bytes),
                    static_cast<double>(runs.begin()->second.multiply_accumulates),
                    {}};
    if (row.integers) point.cycles = rtl_cycles(seq2seq(network_of(row)));
    points.push_back(std::move(point));
  }
  return points;
}

// The same network in four widths.
constexpr std::pair<const char*, int> kWidths[] = {
    {"q32-float", 32}, {"q32-qat16", 16}, {"q32-qat8", 8}, {"q32-qat4", 4}};

void draw_one_decay(const Path& path, const Findings& found, ExperimentFolder& folder) {
  std::vector<std::unique_ptr<TraceModel>> models;
  std::vector<NamedModel> named;
  for (const auto& [id, bits] : kWidths) {
    models.push_back(folder.network(found.plan.find(id), 1));
    named.push_back({bits == 32  ? "float"
                     : bits == 4 ? "4-bit weights"
                                 : concat(bits, " bits"),
                     bits, models.back().get()});
  }
  const Plate& plate = folder.plate_of(found.plan.find("q32-float"));
  const std::vector<std::size_t>& places = plate.foreground();
  const auto brightest = std::max_element(places.begin(), places.end(), [&](auto a, auto b) {
    return plate.pixel(a).peak_counts < plate.pixel(b).peak_counts;
  });
  draw_decay(path, decay_picture(plate, *brightest, named));
}

}  // namespace

std::vector<ReproductionPicture> reproduction_pictures(const Findings& found,
                                                       ExperimentFolder& folder) {
  std::vector<ReproductionPicture> pictures;
  for (const char* table : kTableNames) {
    const bool any =
        std::any_of(found.plan.rows.begin(), found.plan.rows.end(), [&](const Experiment& row) {
          return row.table == table && !found.runs.at(row.id).empty();
        });
    if (!any) continue;
    const std::string name = concat("table-", table, ".png");
    if (is_paper_table(table))
      pictures.push_back(
          {name, concat("RMSE on the plate, Table ", table),
           [&found, table](const Path& path) { draw_table_of_paper(path, found, table); }});
    else if (table == std::string("state"))
      pictures.push_back({name,
                          "Dead band of the carried state against RMSE, trained with integers",
                          [&found](const Path& path) { draw_states(path, found); }});
    else
      pictures.push_back({name, concat("RMSE on held-out traces, table ", table),
                          [&found, table](const Path& path) { draw_rows(path, found, table); }});
  }
  if (const std::vector<CostPoint> points = cost_points(found); !points.empty())
    pictures.push_back({"cost.png", "RMSE on held-out traces against what a network costs",
                        [points](const Path& path) { draw_cost(path, points); }});
  const bool decay = std::all_of(std::begin(kWidths), std::end(kWidths), [&](const auto& width) {
    const auto it = found.runs.find(width.first);
    return it != found.runs.end() && it->second.count(1) == 1;
  });
  if (decay)
    pictures.push_back({"decay.png",
                        "The brightest pixel of the plate, as networks of several widths see it",
                        [&](const Path& path) { draw_one_decay(path, found, folder); }});
  return pictures;
}

}  // namespace taugate
