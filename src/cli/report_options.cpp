#include "report_options.h"

#include <ctime>

#include "taugate/core/parallel.h"
#include "taugate/fli/normalise.h"
#include "taugate/fli/statistics.h"
#include "taugate/simd/kernels.h"

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

void describe_model(Report& report, const std::string& file, const TraceModel& model) {
  const Acquisition& q = model.acquisition();
  report.provenance("model", file);
  report.provenance("its training", model.training);
  report.provenance("its acquisition",
                    concat(q.gates, " gates of ", q.gate_step_ns, " ns (open ", q.gate_width_ns,
                           " ns), laser period ", q.period_ns, " ns"));
  report.provenance("its input", to_json(model.normalisation));
  report.provenance("its prior", to_json(model.simulator));
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
