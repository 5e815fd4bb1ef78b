#include "core/process.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "taugate/core/file.h"

using namespace taugate;
namespace fs = std::filesystem;

TEST_CASE("a program runs in its folder, its words go into the log") {
  const fs::path folder = fs::temp_directory_path() / "taugate_process";
  fs::create_directories(folder);
  const fs::path log = folder / "log";
  CHECK(run_process({"sh", "-c", "pwd; echo \"$1\" >&2", "sh", "a b 'c"}, log, folder) == 0);
  CHECK(read_file(log) == fs::canonical(folder).string() + "\na b 'c\n");
  CHECK(run_process({"sh", "-c", "exit 3"}, log) == 3);
  CHECK(run_process({"sh", "-c", "kill -TERM $$"}, log) == 128 + 15);
  CHECK_THROWS_WITH_AS(run_process({"/nowhere/at/all"}, log), doctest::Contains("cannot be run"),
                       Error);
  fs::remove_all(folder);
}

TEST_CASE("children end when they are told to, with those that they have started") {
  const pid_t child = ::fork();
  if (child == 0) {  // a process of its own: no child begins after that
    std::thread([] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      end_child_processes(SIGTERM);
    }).detach();
    // The inner shell holds the log open, too.
    const int status = run_process({"sh", "-c", "sh -c 'sleep 60; true'; true"}, "/dev/null");
    bool refused = false;
    try {
      run_process({"true"}, "/dev/null");
    } catch (const Error&) {
      refused = true;
    }
    ::_exit(status == 128 + SIGTERM && refused ? 0 : 1);
  }
  REQUIRE(child > 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
