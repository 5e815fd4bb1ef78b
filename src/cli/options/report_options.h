#pragma once
// --report FILE, for every command that has something to show.

#include "cli/options/arguments.h"
#include "study/report.h"
#include "taugate/fli/inference/trained_model.h"

namespace taugate::cli {

/// The option --report.
void add_report(Arguments& arguments);

/// An empty report that says of itself which program made it, when, and by which command line.
Report report_of(const Arguments& arguments, const std::string& title);

/// How a model came about and which traces it is for.
void describe_model(Report& report, const std::string& file, const TraceModel& model);

/// A table of statistics in ns, a row a name.
struct NamedValues {
  std::string name;
  std::vector<float> values;
};
ReportTable statistics_table(const std::string& caption, const std::vector<NamedValues>& rows);

}  // namespace taugate::cli
