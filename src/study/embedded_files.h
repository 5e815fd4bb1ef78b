#pragma once
// Files of src/study that are part of the program.

namespace taugate {

extern const char* const kReportStyle;   // report.css
extern const char* const kReportScript;  // report.js
extern const char* const kPaperTables;   // paper_tables.csv

}  // namespace taugate
