// taugate reproduce: every row of a table, once, with an interruption or without.

#include "program.h"

using namespace taugate;
using namespace taugate::testing;

TEST_CASE("reproduce writes tables, figures and pictures, and does nothing twice") {
  Folder folder;
  const std::string command =
      "reproduce --tables distillation --scale smoke --commit abc -o r --report r/report.html";
  const Outcome first = run(folder, command);
  CAPTURE(first.err);
  REQUIRE(first.code == 0);
  CHECK(contains(first.out, "17 runs, some "));
  CHECK(contains(first.out, "17/17"));
  const std::string tables = read_all(folder / "r/tables.md");
  for (const std::string part :
       {"## One layer a side, without", "64x64, the teacher", "| 16x16, KD |", "commit abc",
        "## Comparisons", "KD, 16 units, float"})
    CHECK(contains(tables, part));
  CHECK_FALSE(contains(tables, "not run yet"));
  const auto json = nlohmann::json::parse(read_all(folder / "r/tables.json"));
  CHECK(json["rows"].size() == 9);
  CHECK(json["rows"][1]["runs"].size() == 2);
  CHECK(is_picture(folder / "r/table-distillation.png"));

  CHECK(contains(read_all(folder / "r/report.html"), "16x16, KD"));

  const auto time = fs::last_write_time(folder / "r/models/s16-kd-2.safetensors");
  const Outcome second = run(folder, command);
  CHECK(second.code == 0);
  CHECK_FALSE(contains(second.out, "s16"));
  CHECK(fs::last_write_time(folder / "r/models/s16-kd-2.safetensors") == time);
  CHECK(read_all(folder / "r/tables.md") == tables);
}

TEST_CASE("reproduce refuses what it does not know") {
  Folder folder;
  const auto refused = [&](const std::string& command, int code, const std::string& part) {
    const Outcome o = run(folder, command);
    CAPTURE(o.err);
    CHECK(o.code == code);
    CHECK(one_line(o.err));
    CHECK(contains(o.err, part));
    CHECK(folder.names() == std::vector<std::string>{"file"});
  };
  write_all(folder / "file", "");
  refused("reproduce --tables 7 -o r", 2, "'7'");
  refused("reproduce --seeds 0 -o r", 2, "--seeds");
  refused("reproduce --scale large -o r", 2, "'large'");
  refused("reproduce --scale smoke -o file", 1, "file");
}

TEST_CASE("reproduce in several processes on one folder shares the runs out, to the same tables") {
  Folder folder;
  const std::string command = "reproduce --tables distillation --scale smoke --no-pictures -o ";
  REQUIRE(run(folder, command + "alone").code == 0);
  Program first(folder, words(command + "shared")), second(folder, words(command + "shared"));
  const std::string said = first.wait().out + second.wait().out;
  CAPTURE(said);
  REQUIRE(run(folder, command + "shared").code == 0);  // of what there is; nothing is left to run
  for (int i = 1; i <= 17; ++i) {
    const std::string number = concat(i < 10 ? " " : "", i, "/17 ");
    const auto at = said.find(number);
    CHECK(at != std::string::npos);
    CHECK(said.find(number, at + 1) == std::string::npos);
  }
  CHECK(read_all(folder / "alone/tables.csv") == read_all(folder / "shared/tables.csv"));
  for (const auto& model : fs::directory_iterator(folder / "alone/models"))
    CHECK(read_all(model.path()) ==
          read_all(folder / "shared/models" / model.path().filename().string()));
}
