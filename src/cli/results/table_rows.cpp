#include "cli/results/table_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <string_view>

#include "fli/physics/statistics.h"

namespace taugate::cli {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kLifetime = "amplitude_weighted_ns";

/// Values of the map at these traces; nothing where there is no such map.
std::vector<float> values_at(const Maps& maps, std::string_view name,
                             const std::vector<std::size_t>& traces) {
  std::vector<float> values;
  for (const auto& [map, all] : maps)
    if (map == name)
      for (const std::size_t i : traces) values.push_back(all[i]);
  return values;
}

/// How many pixels count, and the median and percentiles of their lifetimes.
void add_pixel_values(const TraceResults& results, const std::vector<std::size_t>& used,
                      TableRow& row) {
  const auto s = statistics_of(values_at(results.maps, kLifetime, used));
  row.values.push_back(s ? static_cast<double>(s->count) : 0.0);
  for (const double v : {s ? s->median : kNone, s ? s->low : kNone, s ? s->high : kNone})
    row.values.push_back(v);
}

TableRow row_of_trace(const std::vector<TableColumn>& columns, const TraceResults& results,
                      std::size_t trace) {
  TableRow row;
  row.flag = results.flags[trace];
  for (const TableColumn& column : columns) {
    const std::vector<float> value = values_at(results.maps, column.map, {trace});
    row.values.push_back(value.empty() ? kNone : static_cast<double>(value[0]));
  }
  return row;
}

/// "tau1_ns" of "tau1_sd_ns", "fraction" of "fraction_sd"; empty for what is no deviation.
std::string deviates_from(std::string name) {
  const auto at = name.find("_sd");
  return at == std::string::npos ? "" : name.erase(at, 3);
}

std::string commonest_flag(const TraceResults& results, const std::vector<std::size_t>& traces) {
  std::map<std::string, std::size_t> times;
  for (const std::size_t i : traces)
    if (results.flags[i] != kTooFewCounts) ++times[results.flags[i]];
  const auto most = std::max_element(
      times.begin(), times.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == times.end() ? kTooFewCounts : most->first;
}

/// Means and deviations over the pixels of a label; counts are summed.
TableRow row_of_pixels(const std::vector<TableColumn>& columns, const TraceResults& results,
                       const std::vector<std::size_t>& pixels) {
  TableRow row;
  row.pixels = pixels.size();
  row.flag = commonest_flag(results, pixels);
  std::vector<std::size_t> used;
  std::copy_if(pixels.begin(), pixels.end(), std::back_inserter(used),
               [&](std::size_t i) { return results.used[i] != 0; });
  for (const TableColumn& column : columns) {
    const std::string base = deviates_from(column.map);
    if (std::string_view(column.map) == "counts") {
      const std::vector<float> counts = values_at(results.maps, column.map, pixels);
      row.values.push_back(std::accumulate(counts.begin(), counts.end(), 0.0));
      continue;
    }
    const auto s = statistics_of(values_at(results.maps, base.empty() ? column.map : base, used));
    row.values.push_back(!s ? kNone : base.empty() ? s->mean : s->deviation);
  }
  add_pixel_values(results, used, row);
  return row;
}

/// The only trace, or the decay of all of them with what the pixels say.
TableRow row_of_file(const std::vector<TableColumn>& columns, const TraceResults& traces,
                     const std::optional<TraceResults>& summed) {
  TableRow row = row_of_trace(columns, summed ? *summed : traces, 0);
  row.pixels = traces.flags.size();
  std::vector<std::size_t> used;
  for (std::size_t i = 0; i < traces.used.size(); ++i)
    if (traces.used[i]) used.push_back(i);
  if (summed) add_pixel_values(traces, used, row);
  return row;
}

}  // namespace

std::vector<std::string> value_names(const std::vector<TableColumn>& columns) {
  std::vector<std::string> names;
  for (const TableColumn& column : columns) names.emplace_back(column.name);
  for (const char* name :
       {"pixels_used", "pixel_median_ns", "pixel_16th_percentile_ns", "pixel_84th_percentile_ns"})
    names.emplace_back(name);
  return names;
}

std::vector<TableRow> rows_of(const std::vector<TableColumn>& columns, const TraceResults& traces,
                              const std::vector<int>& labels, const std::vector<int>& label_pixels,
                              const std::optional<TraceResults>& summed, int channel) {
  std::vector<TableRow> rows;
  std::map<int, std::vector<std::size_t>> cells;  // whose pixels were kept apart
  for (std::size_t i = 0; i < labels.size() && label_pixels.empty(); ++i)
    if (labels[i] != 0) cells[labels[i]].push_back(i);
  for (const auto& [label, pixels] : cells) {
    rows.push_back(row_of_pixels(columns, traces, pixels));
    rows.back().label = std::to_string(label);
  }
  if (labels.empty()) rows.push_back(row_of_file(columns, traces, summed));
  for (std::size_t i = 0; i < label_pixels.size(); ++i) {
    rows.push_back(row_of_trace(columns, traces, i));
    rows.back().pixels = static_cast<std::size_t>(label_pixels[i]);
    rows.back().label = std::to_string(labels[i]);
  }
  for (TableRow& row : rows) {
    row.values.resize(value_names(columns).size(), kNone);
    if (channel > 0) row.channel = std::to_string(channel);
  }
  return rows;
}

}  // namespace taugate::cli
