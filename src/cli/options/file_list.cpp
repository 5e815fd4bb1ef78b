#include "cli/options/file_list.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "core/natural_order.h"
#include "taugate/core/file.h"

namespace taugate::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEndings[] = {".sdt", ".ptu", ".phd", ".tif",  ".tiff", ".npy", ".npz",
                                    ".mat", ".h5",  ".csv", ".hdf5", ".txt",  ".dat", ".asc",
                                    ".phu", ".pt3", ".ht3", ".t3r",  ".spc"};
/// Columns of a list, and the options that they stand for.
constexpr std::pair<const char*, const char*> kColumns[] = {
    {"irf", "irf"},          {"mask", "mask"},       {"bin_ns", "bin"},
    {"period_ns", "period"}, {"channel", "channel"}, {"irf_channel", "irf-channel"},
    {"pulses", "pulses"}};

bool named_as_measurement(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(std::begin(kEndings), std::end(kEndings), ending) != std::end(kEndings);
}

bool is_given_beside(const Arguments& a, const fs::path& file) {
  std::error_code ignored;
  for (const char* option : {"irf", "mask", "reference", "model"})
    if (a.has(option) && fs::equivalent(a.text(option), file, ignored)) return true;
  return false;
}

void add_folder(const Arguments& a, const fs::path& folder, std::vector<ListedFile>& files) {
  std::vector<std::string> names, left_out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || entry.is_directory()) continue;
    const bool taken = named_as_measurement(name) && !is_given_beside(a, entry.path());
    (taken ? names : left_out).push_back(name);
  }
  std::sort(names.begin(), names.end(), natural_less);
  std::sort(left_out.begin(), left_out.end(), natural_less);
  for (const std::string& name : names) files.push_back({(folder / name).string(), {}});
  if (left_out.empty()) return;
  std::cout << folder.string() << ": left out";
  for (const std::string& name : left_out)
    std::cout << (&name == &left_out[0] ? " " : ", ") << name;
  std::cout << '\n';
}

/// The fields of a line with commas between them; one in double quotes may hold commas.
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
      fields.back() += line[i++];
    else if (line[i] == '"')
      quoted = !quoted;
    else if (line[i] == ',' && !quoted)
      fields.emplace_back();
    else if (line[i] != '\r')
      fields.back() += line[i];
  }
  return fields;
}

void add_list(const fs::path& list, std::vector<ListedFile>& files) {
  constexpr std::uint64_t largest = std::uint64_t{1} << 26;
  const std::string where = list.string();
  std::string text = read_file(list, largest);
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);  // as spreadsheets begin
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> header = fields_of(line);
  std::vector<std::string> options;
  for (const std::string& name : header) {
    const auto column = std::find_if(std::begin(kColumns), std::end(kColumns),
                                     [&](const auto& c) { return name == c.first; });
    if (name != "file" && column == std::end(kColumns))
      fail(where, ": found a column '", name,
           "', wanted a first line of file, and of irf, mask, bin_ns, period_ns, channel, "
           "irf_channel, pulses, with commas between them");
    options.push_back(name == "file" ? name : column->second);
  }
  if (std::count(header.begin(), header.end(), "file") != 1)
    fail(where, ": found no column 'file' in its first line, wanted one");
  for (std::size_t number = 2; std::getline(lines, line); ++number) {
    const std::vector<std::string> fields = fields_of(line);
    if (fields.size() == 1 && fields[0].empty()) continue;
    if (fields.size() != header.size())
      fail(where, ": line ", number, ": found ", fields.size(), " fields, wanted ", header.size());
    ListedFile file;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].empty()) continue;
      const bool path = options[i] == "file" || options[i] == "irf" || options[i] == "mask";
      const std::string value = path ? (list.parent_path() / fields[i]).string() : fields[i];
      if (options[i] == "file")
        file.file = value;
      else
        file.options.emplace_back(options[i], value);
    }
    if (file.file.empty()) fail(where, ": line ", number, ": found no file, wanted its name");
    files.push_back(std::move(file));
  }
}

}  // namespace

void add_table_options(Arguments& a) {
  const auto value = [] { return cxxopts::value<std::string>(); };
  a.group("Many files (several FILEs, or a folder of them)")(
      "table", "a row for each file; those done before are not done again", value(), "CSV")(
      "files",
      "list of files, with columns file[,irf,mask,bin_ns,period_ns,channel,irf_channel,pulses]",
      value(), "CSV");
  a.needs({"files"}, {"table"});
  a.excludes({"json", "report", "pixel", "scale"}, {"table"});
  a.allow_more();
}

void require_one_file(const Arguments& a) {
  if (!a.more().empty())
    fail_usage("found '", a.more().front(), "' beside '", a.text("file"),
               "', wanted one file, or --table CSV with a row for each");
}

std::vector<ListedFile> listed_files(const Arguments& a) {
  std::vector<ListedFile> files;
  std::vector<std::string> named = a.more();
  if (a.has("file")) named.insert(named.begin(), a.text("file"));
  for (const std::string& name : named) {
    if (fs::is_directory(name))
      add_folder(a, name, files);
    else
      files.push_back({name, {}});
  }
  if (a.has("files")) add_list(a.text("files"), files);
  if (named.empty() && !a.has("files"))
    fail_usage("--table: found no file, wanted FILEs, a folder of them, or --files LIST");
  require(!files.empty(), named.empty() ? a.text("files") : named[0],
          ": found no file of a measurement, wanted some");
  for (const ListedFile& file : files) {
    keep_from_writing(file.file);
    for (const auto& option : file.options)
      if (option.first == "irf" || option.first == "mask") keep_from_writing(option.second);
  }
  return files;
}

}  // namespace taugate::cli
