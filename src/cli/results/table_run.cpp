#include "cli/results/table_run.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <new>

#include "cli/commands.h"
#include "cli/options/csv_fields.h"
#include "cli/options/file_list.h"
#include "cli/options/measurement_options.h"
#include "cli/options/outputs.h"
#include "cli/options/ranks.h"
#include "cli/options/verbosity.h"
#include "cli/results/table_file.h"
#include "core/formatted.h"
#include "core/interrupt.h"
#include "taugate/core/file.h"
#include "taugate/fli/io/measurement.h"

namespace taugate::cli {
namespace {

namespace fs = std::filesystem;
using Options = std::vector<std::pair<std::string, std::string>>;

/// What one file's single run is told.
struct FileRun {
  std::string file, stem;  // stem: of its folder in --output
  Options options;
  std::vector<std::pair<std::string, double>> values = {};  // of columns, that it does not find
};

/// Options that say where a table goes, or how it is made, and not what is in it.
bool of_the_table(const std::string& option) {
  static const std::vector<std::string> own{"table",   "files", "output",
                                            "threads", "quiet", "verbose"};
  return std::find(own.begin(), own.end(), option) != own.end();
}

/// Names of result folders: the files' without their endings, where these tell them apart.
void name_folders(std::vector<FileRun>& runs) {
  std::map<std::string, int> stems, names;
  for (const FileRun& run : runs) {
    ++stems[fs::path(run.file).stem().string()];
    ++names[fs::path(run.file).filename().string()];
  }
  for (FileRun& run : runs) {
    const fs::path path(run.file);
    run.stem = (stems[path.stem().string()] == 1 ? path.stem() : path.filename()).string();
    if (names[path.filename().string()] > 1)
      fail_usage("--output: found ", names[path.filename().string()], " files called ",
                 path.filename().string(), ", wanted names that differ for their folders");
  }
}

std::vector<FileRun> runs_of(const Arguments& a) {
  Options shared;
  for (const auto& option : a.given())
    if (!of_the_table(option.first) &&
        (option.first != "share-lifetimes" || option.second == "pixels"))
      shared.push_back(option);
  std::vector<FileRun> runs;
  for (const ListedFile& file : listed_files(a)) {
    runs.push_back({file.file, "", shared});
    runs.back().options.insert(runs.back().options.end(), file.options.begin(), file.options.end());
  }
  if (a.has("output")) {
    name_folders(runs);
    for (FileRun& run : runs)
      run.options.emplace_back("output", (fs::path(a.text("output")) / run.stem).string());
  }
  return runs;
}

/// Size and time of change of a file, or of all in a folder; what it is called where there is none.
std::string state_of(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return "absent";
  std::string state =
      concat(status.st_size, '@', status.st_mtim.tv_sec, '.', status.st_mtim.tv_nsec);
  if (!S_ISDIR(status.st_mode)) return state;
  std::vector<std::string> entries;
  for (const auto& entry : fs::directory_iterator(path))
    if (!entry.is_directory()) entries.push_back(entry.path().string());
  std::sort(entries.begin(), entries.end());
  for (const std::string& entry : entries) state += ' ' + state_of(entry);
  return state;
}

/// What the rows of a file depend on: program, model, options, and the state of every file named.
std::string fingerprint_of(const Arguments& a, const FileRun& run) {
  std::string text = concat("taugate " TAUGATE_VERSION " ", run.file, ' ', state_of(run.file));
  if (a.has("model")) text += concat(" model=", a.text("model"), ' ', state_of(a.text("model")));
  text += " share=" + a.maybe("share-lifetimes").value_or("");
  for (const auto& [name, value] : run.options) {
    text += concat(" --", name, '=', value);
    if (name == "irf" || name == "mask" || name == "reference") text += ' ' + state_of(value);
  }
  return text;
}

std::string header_of(const std::vector<TableColumn>& columns) {
  std::string header = "file,channel,frame,label,pixels";
  for (const std::string& name : value_names(columns)) header += ',' + name;
  return header + ",flag,reason";
}

/// Whole numbers, counts for one, with all their digits; else as many as a float carries.
std::string number(double value) {
  const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
  return formatted(whole ? "%.0f" : "%.7g", value);
}

std::string line_of(const std::string& file, const TableRow& row, std::size_t values) {
  std::string line = concat(csv_field(file), ',', row.channel, ',', row.frame, ',', row.label, ',');
  if (row.pixels > 0) line += std::to_string(row.pixels);
  for (std::size_t i = 0; i < values; ++i) {
    line += ',';
    if (i < row.values.size() && !std::isnan(row.values[i])) line += number(row.values[i]);
  }
  return concat(line, ',', row.flag, ',', csv_field(row.reason));
}

/// Nothing where it went well, else why not.
std::string failure_of(const std::function<void()>& action) {
  try {
    action();
    return {};
  } catch (const Error& error) {
    return error.what();
  } catch (const fs::filesystem_error& error) {
    return error.path1().string() + ": " + error.code().message();
  } catch (const std::bad_alloc&) {
    return "out of memory";
  }
}

/// The last value of an option, which counts; empty where it is not given.
std::string value_of(const Options& options, const std::string& name) {
  std::string value;
  for (const auto& option : options)
    if (option.first == name) value = option.second;
  return value;
}

/// The frames that RANGE asks for, of `frames` that there are: first and last.
std::pair<int, int> frames_from(const std::string& range, const std::string& file, int frames) {
  if (frames == 0) fail_usage("--frames: does nothing for ", file, ", which keeps no frames apart");
  int first = 1, last = frames, end = 0;
  if (range != "all" &&
      (std::sscanf(range.c_str(), "%d:%d%n", &first, &last, &end) != 2 ||
       static_cast<std::size_t>(end) != range.size() || first < 1 || last < first || last > frames))
    fail_usage("--frames: found ", range, ", wanted all or FIRST:LAST within 1:", frames, " (",
               file, ")");
  return {first, last};
}

/// What a single run of this file is told.
Arguments arguments_of(const Arguments& a, const TableCommand& command, const FileRun& run) {
  std::vector<std::string> words;
  for (const auto& [name, value] : run.options) words.push_back(concat("--", name, '=', value));
  words.emplace_back("--");
  for (const std::string& name : a.positionals())
    words.push_back(name == a.positionals().back() ? run.file : a.text(name));
  Arguments single = command.declare();
  single.parse(words);
  return single;
}

/// Single runs of a file: one, or one for each of its channels and frames that are asked for.
std::vector<FileRun> parts_of(const Arguments& a, const TableCommand& command, const FileRun& run) {
  const std::string channel = value_of(run.options, "channel"),
                    frames = value_of(run.options, "frames");
  const bool all_channels = channel == "all";
  const bool several_frames = frames == "all" || frames.find(':') != std::string::npos;
  if (!all_channels && !several_frames) return {run};
  const Measurement m =
      read_measurement(run.file, reading_options_from(arguments_of(a, command, run)));
  const int channels = all_channels ? static_cast<int>(m.channel_photons.size()) : 0;
  const auto [first, last] =
      several_frames ? frames_from(frames, run.file, m.frames) : std::pair{0, 0};
  std::vector<FileRun> parts;
  for (int c = channels > 1 ? 1 : 0; c <= (channels > 1 ? channels : 0); ++c)
    for (int f = first; f <= last; ++f) {
      FileRun part = run;
      std::string folder = value_of(run.options, "output");
      const auto choose = [&](const char* option, const char* name, bool asked, int number) {
        if (asked) std::erase_if(part.options, [&](const auto& o) { return o.first == option; });
        if (number == 0) return;
        part.options.emplace_back(option, std::to_string(number));
        folder += concat('_', name, number);
      };
      choose("channel", "channel", all_channels, c);
      choose("frames", "frame", several_frames, f);
      if (!folder.empty()) part.options.emplace_back("output", folder);
      parts.push_back(std::move(part));
    }
  return parts;
}

/// Tells runs, some of which may be impossible, what they have in common.
void share(const Arguments& a, const TableCommand& command, const std::vector<FileRun>& parts,
           std::vector<FileRun>& runs) {
  std::vector<Arguments> all;
  for (const FileRun& part : parts)
    failure_of([&] { all.push_back(arguments_of(a, command, part)); });
  const SharedValues shared = command.share(all);
  for (FileRun& run : runs) {
    run.options.insert(run.options.end(), shared.options.begin(), shared.options.end());
    run.values = shared.values;
  }
}

/// The values of columns that the runs have in common, where a row lacks them.
void complete(const TableCommand& command, const FileRun& run, TableRow& row) {
  for (const auto& [name, value] : run.values)
    for (std::size_t i = 0; i < command.columns.size() && i < row.values.size(); ++i)
      if (name == command.columns[i].name && std::isnan(row.values[i])) row.values[i] = value;
}

/// The rows of a file, one that says why for what failed; whether anything did. Stops early where
/// it was interrupted.
bool run_file(const Arguments& a, const TableCommand& command, const FileRun& run,
              std::vector<TableRow>& rows) {
  std::vector<FileRun> parts;
  bool failed = false;
  const auto fail_with = [&](const std::string& reason) {
    if (reason.empty() || interrupted()) return;
    failed = true;
    rows.push_back({.flag = "failed", .reason = reason});
    std::cerr << "failed: " << (reason.starts_with(run.file) ? "" : run.file + ": ") << reason
              << '\n';
  };
  fail_with(failure_of([&] {
    parts = parts_of(a, command, run);
    if (a.maybe("share-lifetimes") == "frames") share(a, command, parts, parts);
  }));
  for (const FileRun& part : parts) {
    const std::size_t before = rows.size();
    std::vector<TableRow> found;
    int code = kSuccess;
    fail_with(failure_of([&] { code = command.run(arguments_of(a, command, part), found); }));
    if (interrupted() || code == kInterrupted) break;
    rows.insert(rows.end(), found.begin(), found.end());
    for (std::size_t i = before; i < rows.size(); ++i) {
      complete(command, part, rows[i]);
      rows[i].frame = value_of(part.options, "frames");
      if (rows[i].channel.empty()) rows[i].channel = value_of(part.options, "channel");
    }
  }
  return failed;
}

}  // namespace

int run_table(const Arguments& a, const TableCommand& command) {
  Ranks& all = ranks();
  // One line where every file would fail alike.
  check_reading_options(a);
  for (const auto& [name, value] : a.given())
    if ((name == "irf" || name == "mask" || name == "reference") && !fs::is_directory(value))
      const InputFile readable(value);
  std::vector<FileRun> runs = runs_of(a);
  check_outputs(a, {"table"}, {{"table", a.text("table") + ".journal"}});
  is_hdf5_table(a.text("table"));  // what is wrong with its name shows before the work
  if (a.maybe("share-lifetimes") == "files") {
    std::vector<FileRun> parts;
    for (const FileRun& run : runs)
      failure_of([&] {
        for (FileRun& part : parts_of(a, command, run)) parts.push_back(std::move(part));
      });
    share(a, command, parts, runs);
  }
  std::vector<std::string> fingerprints;
  for (const FileRun& run : runs) fingerprints.push_back(fingerprint_of(a, run));
  TableFile table(a.text("table"), header_of(command.columns), std::move(fingerprints));
  const std::size_t values = value_names(command.columns).size(), before = table.done_count();
  if (before > 0)
    std::cout << a.text("table") << ": " << before << " of " << runs.size()
              << " files are done already\n";
  // Said by a run that is stopped inside a file.
  const auto note_done = [&] {
    set_last_words(concat("stopped: ", table.done_count(), " of ", runs.size(),
                          " files are done; the same command goes on and makes ", a.text("table"),
                          '\n'));
  };
  note_done();
  Progress progress = shown_progress(a.command(), "files", static_cast<double>(runs.size()),
                                     static_cast<double>(before));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (!table.claim(i)) continue;
    std::vector<TableRow> rows;
    const bool bad = run_file(a, command, runs[i], rows);
    if (interrupted()) break;
    std::vector<std::string> lines;
    for (const TableRow& row : rows) lines.push_back(line_of(runs[i].file, row, values));
    table.put(i, lines, bad);
    note_done();
    progress.update(static_cast<double>(table.done_count()), runs[i].file);
  }
  set_last_words("");
  const bool stopped = all.any(interrupted());  // the first rank waits for the others
  if (all.rank() > 0) return stopped ? kInterrupted : kSuccess;
  table.finish();
  const std::size_t done = table.done_count(), failed = table.failed_count();
  if (stopped) {
    std::cout << "stopped: " << done << " of " << runs.size() << " files are in " << a.text("table")
              << "; the same command goes on\n";
    return kInterrupted;
  }
  progress.finish(static_cast<double>(done));
  std::cout << "wrote " << a.text("table") << ": " << done << " files";
  if (failed > 0) std::cout << ", of which " << failed << " failed";
  if (done < runs.size())
    std::cout << "; other processes still do " << runs.size() - done << " more";
  std::cout << '\n';
  return failed > 0 ? kFailure : kSuccess;
}

}  // namespace taugate::cli
