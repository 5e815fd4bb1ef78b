#pragma once
// The real program, run as a user runs it: in a folder of its own, through exec, its exit code and
// both streams kept.

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "temporary_folder.h"
#include "testing.h"

namespace taugate::testing {

namespace fs = std::filesystem;

inline std::string read_all(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
inline void write_all(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

using Folder = TemporaryFolder;

/// A variable of the environment, as it was before once its owner goes.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Environment() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

struct Outcome {
  int code = -1;  ///< exit code; 128 + the signal's number where one ended the program
  std::string out, err;
};

/// `taugate ARGUMENTS...`, started in `folder`.
class Program {
 public:
  Program(const Folder& folder, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TAUGATE_PROGRAM);
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    child_ = fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      const auto redirect = [](const fs::path& path, int descriptor) {
        return dup2(open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR, 0600), descriptor) >= 0;
      };
      if (chdir(folder.path.c_str()) == 0 && redirect(streams_ / "out", 1) &&
          redirect(streams_ / "err", 2))
        execv(argv[0], argv.data());
      _exit(127);
    }
  }
  void send(int signal) const { kill(child_, signal); }
  Outcome wait() {
    int status = 0;
    REQUIRE(waitpid(child_, &status, 0) == child_);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            read_all(streams_ / "out"), read_all(streams_ / "err")};
  }

 private:
  Folder streams_;
  pid_t child_ = -1;
};

inline Outcome run(const Folder& folder, std::vector<std::string> arguments) {
  return Program(folder, std::move(arguments)).wait();
}

/// The arguments of a command line without quotes.
inline std::vector<std::string> words(const std::string& command_line) {
  std::istringstream stream(command_line);
  return {std::istream_iterator<std::string>(stream), {}};
}
inline Outcome run(const Folder& folder, const char* command_line) {
  return run(folder, words(command_line));
}
inline Outcome run(const Folder& folder, const std::string& command_line) {
  return run(folder, words(command_line));
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A complaint is exactly one line on stderr, and nothing on stdout but what was said before.
inline bool one_line(const std::string& err) {
  return err.starts_with("taugate: ") && err.ends_with('\n') &&
         std::count(err.begin(), err.end(), '\n') == 1;
}

/// What a command says that must fail with this code.
inline std::string complaint(const Folder& folder, const std::string& command, int code) {
  const Outcome o = run(folder, command);
  CAPTURE(command);
  CHECK(o.code == code);
  CHECK(one_line(o.err));
  return o.err;
}

/// Runs a command that must fail: one line on stderr with all of `wanted` in it, and the folder as
/// it was.
inline void check_refused(const Folder& folder, const std::vector<std::string>& arguments, int code,
                          const std::vector<std::string>& wanted) {
  std::string command;
  for (const auto& argument : arguments) command += ' ' + argument;
  CAPTURE(command);
  const auto before = folder.names();
  const Outcome o = run(folder, arguments);
  CAPTURE(o.err);
  CHECK(o.code == code);
  CHECK(one_line(o.err));
  for (const auto& part : wanted) {
    CAPTURE(part);
    CHECK(contains(o.err, part));
  }
  CHECK(folder.names() == before);
}

/// What IHDR says, or 0 x 0 for a file that is no complete PNG.
struct PngSize {
  std::uint32_t width = 0, height = 0;
  bool operator==(const PngSize&) const = default;
};
inline PngSize png_size(const fs::path& path) {
  const std::string bytes = read_all(path);
  if (bytes.size() < 100 || !bytes.starts_with("\x89PNG\r\n\x1a\n") ||
      !contains(bytes.substr(bytes.size() - 12), "IEND"))
    return {};
  const auto big_endian = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + 4; ++i)
      value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
  };
  return {big_endian(16), big_endian(20)};
}
inline bool is_picture(const fs::path& path) {
  const PngSize size = png_size(path);
  return size.width >= 300 && size.height >= 200 && size.width <= 4000 && size.height <= 4000;
}

/// A model that every test may read: 8 units, trained on 20,000 traces of ss2-70. Made once.
inline const Folder& trained() {
  static const Folder folder;
  static const Outcome outcome =
      run(folder, "train --samples 20k --hidden 8 --batch 32 --validation 512 -o m.safetensors");
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  return folder;
}
inline std::string trained_model() { return (trained() / "m.safetensors").string(); }

}  // namespace taugate::testing
