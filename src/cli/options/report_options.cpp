#include "cli/options/report_options.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "fli/physics/statistics.h"
#include "simd/float/kernels.h"
#include "taugate/core/parallel.h"
#include "taugate/fli/physics/normalise.h"

namespace taugate::cli {

void add_report(Arguments& arguments) {
  arguments.group("")("report", "write a report with all pictures in it, for a browser",
                      cxxopts::value<std::string>(), "HTML");
}

Report report_of(const Arguments& arguments, const std::string& title) {
  Report report(title);
  report.provenance("command", arguments.command_line());
  report.provenance("program", concat("taugate " TAUGATE_VERSION ", ", simd::kernels<float>().arch,
                                      " kernels, ", thread_count(), " thread(s)"));
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", std::gmtime(&now));
  report.provenance("made", text);
  return report;
}

namespace {

/// A value on one line; long lists, such as the samples of IRFs, by their length alone.
std::string summarised(const nlohmann::json& value) {
  static constexpr std::size_t longest = 8;
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_structured()) return value.dump();
  std::string text;
  for (const auto& [key, part] : value.items())
    text += concat(text.empty() ? "" : ", ", value.is_object() ? key + " " : "", summarised(part));
  if (value.is_object()) return text;
  return value.size() > longest ? concat("(", value.size(), " values)") : "[" + text + "]";
}

}  // namespace

void describe_model(Report& report, const std::string& file, const TraceModel& model) {
  const Acquisition& q = model.acquisition();
  report.provenance("model", file);
  const auto training = nlohmann::json::parse(model.training, nullptr, false);
  report.provenance("its training",
                    training.is_discarded() ? model.training : summarised(training));
  report.provenance("its acquisition",
                    concat(q.gates, " gates of ", q.gate_step_ns, " ns (open ", q.gate_width_ns,
                           " ns), laser period ", q.period_ns, " ns"));
  report.provenance("its input", summarised(nlohmann::json::parse(to_json(model.normalisation))));
  const auto prior = nlohmann::json::parse(to_json(model.simulator));
  for (const auto& [key, value] : prior.items())
    report.provenance("its prior: " + key, summarised(value));
}

ReportTable statistics_table(const std::string& caption, const std::vector<NamedValues>& rows) {
  ReportTable table{caption, {"", "pixels", "mean", "deviation", "median"}, {}};
  for (const NamedValues& row : rows) {
    const auto s = statistics_of(row.values);
    if (!s) continue;
    table.rows.push_back({row.name, std::to_string(s->count), short_number(s->mean),
                          short_number(s->deviation), short_number(s->median)});
  }
  return table;
}

}  // namespace taugate::cli
