#include "cli/options/outputs.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fli/plot/gnuplot.h"
#include "taugate/core/file.h"

namespace taugate::cli {
namespace {

namespace fs = std::filesystem;

/// Options that name what a command reads, whatever the command.
constexpr const char* kInputs[] = {"config", "data",     "files",     "from",   "irf", "mask",
                                   "masks",  "measured", "reference", "models", "rtl"};

/// The same for two names of one file; empty for a device, which nothing can destroy.
std::string identity(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0)
    return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)
               ? concat(status.st_dev, ':', status.st_ino)
               : "";
  std::error_code ignored;
  return fs::weakly_canonical(fs::absolute(path, ignored), ignored).string();
}

std::string folder_of(const fs::path& file) {
  std::error_code ignored;
  return identity(fs::absolute(file, ignored).parent_path());
}

/// Opens it as it will be opened; where its folder is yet to be made, looks at the one above.
void check_writable(const fs::path& file, bool makes_folder) {
  std::error_code ignored;
  fs::path folder = fs::absolute(file, ignored).parent_path();
  if (fs::exists(file, ignored) && fs::is_other(file, ignored)) return;  // a pipe has no second try
  if (!makes_folder || fs::exists(folder, ignored)) {
    OutputFile probe(file);
    return;
  }
  while (!fs::exists(folder, ignored) && folder.has_relative_path()) folder = folder.parent_path();
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    fail(file.string(), ": cannot be written: ", folder.string(), ": ", std::strerror(errno));
}

std::vector<OutputPath> inputs_of(const Arguments& a, const std::vector<OutputPath>& outputs) {
  std::vector<OutputPath> inputs;
  for (const std::string& name : a.positionals())
    if (a.has(name) && std::none_of(outputs.begin(), outputs.end(), [&](const OutputPath& output) {
          return output.option == name;
        }))
      inputs.push_back({a.shown(name), a.text(name)});
  for (const std::string& path : a.more())
    inputs.push_back({a.shown(a.positionals().back()), path});
  for (const std::string name : kInputs)
    if (a.has(name))
      for (const std::string& path : name == "models" ? a.texts(name) : std::vector{a.text(name)})
        inputs.push_back({"--" + name, path});
  return inputs;
}

}  // namespace

std::vector<OutputPath> in_output_folder(const Arguments& arguments,
                                         std::initializer_list<const char*> names) {
  std::vector<OutputPath> paths;
  if (arguments.has("output"))
    for (const char* name : names)
      paths.push_back({"output", fs::path(arguments.text("output")) / name, true});
  return paths;
}

void check_outputs(const Arguments& arguments, std::initializer_list<const char*> options,
                   const std::vector<OutputPath>& others) {
  std::vector<OutputPath> outputs;
  for (const char* option : options)
    if (arguments.has(option)) outputs.push_back({option, arguments.text(option)});
  outputs.insert(outputs.end(), others.begin(), others.end());
  std::vector<OutputPath> taken = inputs_of(arguments, outputs);
  const std::size_t inputs = taken.size();
  for (const OutputPath& output : outputs) {
    const std::string name = arguments.shown(output.option);
    const std::string own = identity(output.path);
    std::error_code ignored;
    if (output.option == "report" &&
        (fs::is_other(output.path, ignored) || (!own.empty() && own == identity("/dev/stdout"))))
      fail(output.path.string(), ": cannot be written: wanted a file, found a device");
    const std::string folder = folder_of(output.path);
    for (std::size_t i = 0; i < taken.size(); ++i) {
      if (!own.empty() && identity(taken[i].path) == own)
        fail_usage(name, ": found ", output.path.string(), ", the same file as that of ",
                   taken[i].option, i < inputs ? ", which is read" : "; wanted one of its own");
      if (i < inputs && fs::is_directory(taken[i].path, ignored) &&
          identity(taken[i].path) == folder)
        fail_usage(name, ": found ", output.path.string(), ", in the folder of ", taken[i].option,
                   ", which is read");
    }
    taken.push_back({name, output.path});
  }
  for (std::size_t i = 0; i < inputs; ++i) keep_from_writing(taken[i].path);
  for (const OutputPath& output : outputs) {
    // A report may lie beside the tables, in a folder that the command makes.
    const bool makes_folder = std::any_of(outputs.begin(), outputs.end(), [&](const OutputPath& o) {
      return o.in_new_folder && folder_of(o.path) == folder_of(output.path);
    });
    check_writable(output.path, makes_folder);
  }
}

void check_pictures(const Arguments& arguments) {
  if (!arguments.has("no-pictures")) require_gnuplot("; --no-pictures does without");
}

}  // namespace taugate::cli
