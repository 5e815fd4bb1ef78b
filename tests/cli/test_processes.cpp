// What the program does where its surroundings end it, or take nothing that it writes.

#include <sys/stat.h>

#include "core/process.h"
#include "program.h"

using namespace taugate::testing;
using taugate::concat;

namespace {

/// `script` in a shell in the folder, "$T" being the program: its exit code and all of its words.
Outcome shell(const Folder& folder, const std::string& script) {
  const Folder log;
  const int code = taugate::run_process({"sh", "-c", concat("T='", TAUGATE_PROGRAM, "'; ", script)},
                                        log / "log", folder.path);
  return {code, read_all(log / "log"), ""};
}

/// An executable script, and once it runs, the number of its process in NAME.pid.
void write_script(const fs::path& path, const std::string& body) {
  write_all(path, concat("#!/bin/sh\necho $$ > '", path.string(), ".pid'\n", body, "\n"));
  fs::permissions(path, fs::perms::owner_all);
}

bool appears(const fs::path& path) {
  for (int i = 0; i < 6000 && !fs::exists(path); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return fs::exists(path);
}

/// Whether the process that wrote it is there no more (a zombie is not there). One that was killed
/// may need a moment for that.
bool has_ended(const fs::path& pid_file) {
  const std::string process = read_all(pid_file);
  for (int i = 0; i < 400; ++i) {
    const std::string status =
        read_all(fs::path("/proc") / process.substr(0, process.find('\n')) / "status");
    if (status.empty() || contains(status, "State:\tZ") || contains(status, "State:\tX"))
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

}  // namespace

TEST_CASE("a standard output that takes nothing is an error") {
  const Folder folder;
  const std::string model = trained_model();
  for (const std::string& command :
       {std::string("--help"), std::string("--version"), std::string("simulate --help"),
        "info " + model, "evaluate " + model + " --samples 10",
        std::string("simulate --samples 10 -o a.npz")}) {
    CAPTURE(command);
    const Outcome full = shell(folder, "$T " + command + " > /dev/full");
    CHECK(full.code == 1);
    CHECK(contains(full.out, "taugate: standard output: cannot be written"));
    const Outcome closed = shell(folder, "$T " + command + " 2>&1 >&-");
    CHECK(closed.code == 1);
    CHECK(closed.out == "taugate: standard output: is closed\n");
  }
  // A misuse stays one, and one line.
  const Outcome misuse = shell(folder, "$T info > /dev/full");
  CHECK(misuse.code == 2);
  CHECK(one_line(misuse.out));
}

TEST_CASE("descriptors that were closed are not given to files") {
  const Folder folder;
  CHECK(shell(folder, "$T simulate --samples 10 -o a.npz").code == 0);
  CHECK(shell(folder, "$T simulate --samples 10 -o b.npz <&- 2>&-").code == 0);
  CHECK(read_all(folder / "a.npz").size() == read_all(folder / "b.npz").size());
  CHECK(run(folder, "info b.npz").code == 0);
}

TEST_CASE("where the reader of standard output has gone, the work is done all the same") {
  const Folder folder;
  const Outcome o = shell(
      folder, "{ $T simulate --samples 10 -o a.npz; echo $? > code; } | { exec <&-; sleep 0.01; }");
  CHECK(o.out.find("cannot") == std::string::npos);
  CHECK(read_all(folder / "code") == "141\n");  // as every program that SIGPIPE ends
  CHECK(run(folder, "info a.npz").code == 0);
}

// LLVM's OpenMP keeps a file of its own in shared memory, which the limit of this test forbids.
#ifdef __clang__
constexpr bool kLimitForbidsOpenMp = true;
#else
constexpr bool kLimitForbidsOpenMp = false;
#endif

TEST_CASE("a disk without room is one line, and no file is left" *
          doctest::skip(kLimitForbidsOpenMp)) {
  const Folder folder;
  REQUIRE(run(folder, "simulate --samples 40 -o z.npz").code == 0);
  REQUIRE(
      run(folder, "quantize " + trained_model() + " --samples 64 --calibration 64 -o i.st").code ==
      0);
  const auto before = folder.names();
  const std::string fit = "fit z.npz --irf-fwhm 0.3 --irf-delay 1.5 --method rld ";
  for (const std::string& command :
       {std::string("simulate --samples 40 -o a.npz"), std::string("simulate --images 1 -o a.npz"),
        std::string("train --samples 64 --validation 64 --no-pictures -o m.st"),
        "quantize " + trained_model() + " --samples 64 --calibration 64 -o q.st",
        "evaluate " + trained_model() + " --samples 64 --json e.json",
        "infer " + trained_model() + " z.npz -o out --no-pictures", fit + "--json f.json",
        fit + "--report f.html", fit + "--no-pictures -o out",
        "export-onnx " + trained_model() + " -o m.onnx", std::string("export-rtl i.st -o out"),
        std::string("convert z.npz a.csv"), std::string("convert z.npz a.npy"),
        std::string("convert z.npz a.npz"), std::string("convert z.npz a.tif"),
        std::string("convert z.npz a.png"),
        std::string("compare --estimators rld --traces 8 --series counts --no-pictures -o out"),
        std::string("compare --estimators rld --traces 8 --series counts --json c.json")}) {
    CAPTURE(command);
    // The limit of a file's size stands for the disk.
    const Outcome o = shell(
        folder, "{ (ulimit -f 0; $T " + command + " 2>&1 > /dev/null); echo \"code $?\"; } | cat");
    CAPTURE(o.out);
    CHECK(o.out.ends_with("\ncode 1\n"));
    CHECK(contains(o.out, "cannot be written"));
    if (fs::exists(folder / "out")) {
      CHECK(fs::is_empty(folder / "out"));
      fs::remove(folder / "out");
    }
    CHECK(folder.names() == before);
  }
}

TEST_CASE("SIGINT and SIGTERM end commands that look at nothing, and no file is left") {
  const Folder folder;
  REQUIRE(run(folder, "simulate --samples 40 -o a.npz").code == 0);
  // Opening a pipe that nobody reads takes for ever.
  REQUIRE(mkfifo((folder / "pipe.csv").c_str(), 0600) == 0);
  const auto before = folder.names();
  for (const std::string& command :
       {std::string("convert a.npz pipe.csv"),
        "evaluate " + trained_model() + " --samples 10 --json pipe.csv",
        std::string("fit a.npz --irf-fwhm 0.3 --irf-delay 1.5 --method mle --json pipe.csv"),
        std::string("simulate --samples 900k -o b.npz"),
        std::string("train --samples 900M --no-pictures --checkpoint /dev/null -o m.safetensors"),
        "evaluate " + trained_model() + " --samples 100M"})
    for (const int signal : {SIGINT, SIGTERM}) {
      CAPTURE(command);
      CAPTURE(signal);
      Program program(folder, words(command));
      std::this_thread::sleep_for(std::chrono::milliseconds(150));
      program.send(signal);
      const Outcome o = program.wait();
      CAPTURE(o.err);
      CHECK(o.code == 128 + signal);
      fs::remove_all(folder / "out");  // results that were complete before the report
      CHECK(folder.names() == before);
    }
}

TEST_CASE("the programs that a command has started end with it") {
  const Folder folder;
  REQUIRE(run(folder, "simulate --images 1 -o a.npz").code == 0);
  REQUIRE(
      run(folder, "quantize " + trained_model() + " --samples 64 --calibration 64 -o i.st").code ==
      0);
  // The first one does not end when asked.
  write_script(folder / "gnuplot", "trap '' TERM; while true; do sleep 1; done");
  write_script(folder / "verilator", "sleep 600");
  const Environment path("PATH", concat(folder.path.string(), ":", std::getenv("PATH")));
  for (const auto& [child, line] :
       {std::pair{"gnuplot.pid", "infer " + trained_model() + " a.npz -o out"},
        std::pair{"verilator.pid", std::string("cosim i.st --work work")}}) {
    const std::string command = line;  // clang 14 captures no binding
    CAPTURE(command);
    Program program(folder, words(command));
    REQUIRE(appears(folder / child));
    program.send(SIGTERM);
    CHECK(program.wait().code == 143);
    CHECK(has_ended(folder / child));
    for (const auto& entry : fs::recursive_directory_iterator(folder.path))
      CHECK_FALSE(contains(entry.path().filename().string(), ".part-"));
  }
}
