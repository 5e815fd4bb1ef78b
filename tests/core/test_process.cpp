#include "taugate/core/process.h"

#include <doctest/doctest.h>

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
