// Tables over measured files: their figures are those of single runs.

#include "table_testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

/// A file of the measured data, and the options of its own single run, as a list has them as columns.
struct Listed {
  std::string file;
  std::map<std::string, std::string> options;
};

std::vector<Listed> all_files(const fs::path& data) {
  std::vector<Listed> files;
  for (const char* folder : {"phd", "phd-hard"})
    for (const auto& entry : fs::directory_iterator(data / folder)) {
      const std::string irf = entry.path().string();
      const auto at = irf.rfind("_irf");
      if (at != std::string::npos) files.push_back({std::string(irf).erase(at, 4), {{"irf", irf}}});
    }
  const auto path = [&](const char* name) { return (data / name).string(); };
  files.push_back({path("horiba/Atto550_DNA.txt"),
                   {{"irf", path("horiba/atto550_irf.txt")}, {"period", "1000"}}});
  files.push_back({path("flimlib/data.dat"),
                   {{"bin", "0.0586"}, {"period", "50"}, {"from", "2.9"}, {"to", "13.5"}}});
  files.push_back(
      {path("images/SDT_c01.sdt"), {{"irf", path("images/IRF.sdt")}, {"channel", "2"}}});
  files.push_back({path("images/ptu_example.ptu"), {{"from", "3"}}});
  files.push_back({path("irf/iccd_irf_176x1000.npy"), {{"bin", "0.04"}, {"period", "12.5"}}});
  files.push_back({path("gru/gru_1d_x_python.csv"), {{"bin", "0.04"}, {"period", "12.5"}}});
  return files;
}

constexpr std::pair<const char*, const char*> kColumns[] = {
    {"irf", "irf"},         {"bin_ns", "bin"},   {"period_ns", "period"},
    {"channel", "channel"}, {"from_ns", "from"}, {"to_ns", "to"}};

void write_list(const fs::path& path, const std::vector<Listed>& files) {
  std::string list = "file";
  for (const auto& column : kColumns) list += concat(",", column.first);
  for (const Listed& file : files) {
    list += "\n" + file.file;
    for (const auto& column : kColumns)
      list +=
          concat(",", file.options.contains(column.second) ? file.options.at(column.second) : "");
  }
  write_all(path, list + "\n");
}

}  // namespace

TEST_CASE("table: all measured files in one command, each row that of its single run" *
          doctest::test_suite("measured")) {
  const auto data = data_folder();
  if (!data) return;
  const Folder folder;
  for (const std::string command : {"fit", "infer auto"}) {
    std::vector<Listed> files = all_files(*data);
    if (command != "fit")
      for (Listed& file : files)
        for (const char* option : {"irf", "from", "to"}) file.options.erase(option);
    write_list(folder / "l.csv", files);
    const fs::path table = folder / (command.substr(0, 3) + ".csv");
    // Files that are no decays have rows that say so.
    CHECK(run(folder, command + " --files l.csv --table " + table.string()).code == 1);
    const auto rows = read_table(table);
    REQUIRE(rows.size() == files.size());
    std::size_t good = 0;
    for (std::size_t i = 0; i < files.size(); ++i) {
      CAPTURE(files[i].file);
      CHECK(rows[i].at("file") == files[i].file);
      std::string line = command + ' ' + files[i].file + " -o one --no-pictures";
      for (const auto& [name, value] : files[i].options) line += concat(" --", name, ' ', value);
      fs::remove_all(folder / "one");
      const Outcome one = run(folder, line);
      if (rows[i].at("flag") == "failed") {
        CHECK(one.code != 0);
        CHECK(contains(one.err, rows[i].at("reason")));
        continue;
      }
      REQUIRE_MESSAGE(one.code == 0, one.err);
      ++good;
      const auto single = read_table(folder / "one/lifetimes.csv");
      if (single.size() == 1) {
        check_equal(rows[i], single[0]);
        continue;
      }
      const auto s = nlohmann::json::parse(read_all(folder / "one/summary.json"));
      const auto near = [&](const char* column, const nlohmann::json& value) {
        CHECK(std::stod(rows[i].at(column)) == doctest::Approx(value.get<double>()).epsilon(1e-6));
      };
      near("pixel_median_ns", s["amplitude_weighted_ns"]["median"]);
      if (command == "fit") near("amplitude_weighted_ns", s["whole"]["amplitude_weighted_ns"]);
    }
    CHECK(good == (command == "fit" ? files.size() - 2 : 4));
  }
}

TEST_CASE("table: channels and frames, each equal to its own single run" *
          doctest::test_suite("measured")) {
  const auto data = data_folder();
  if (!data) return;
  Folder folder;
  const std::string ptu = (*data / "images/ptu_example.ptu").string(),
                    sdt = (*data / "images/SDT_c01.sdt").string();
  const std::string options = " --from 3 --method lm --no-pictures ";
  const Outcome o = run(folder, "fit --frames all --table f.csv -o out " + ptu + options);
  REQUIRE_MESSAGE(o.code == 0, o.err);
  const auto frames = read_table(folder / "f.csv");
  REQUIRE(frames.size() == 2);
  CHECK(contains(run(folder, "info " + ptu).out, "frames       2, added up here"));
  for (const char* frame : {"1", "2"}) {
    const Row& row = frames[static_cast<std::size_t>(frame[0] - '1')];
    CHECK(row.at("frame") == frame);
    REQUIRE(
        run(folder, concat("fit --frames ", frame, " --json s.json -o one ", ptu, options)).code ==
        0);
    const auto s = nlohmann::json::parse(read_all(folder / "s.json"))["whole"];
    CHECK(std::stod(row.at("amplitude_weighted_ns")) ==
          doctest::Approx(s["amplitude_weighted_ns"].get<double>()).epsilon(1e-6));
    CHECK(read_all(folder / concat("out/ptu_example_frame", frame, "/lifetimes.csv")) ==
          read_all(folder / "one/lifetimes.csv"));
  }
  // A row for each channel.
  CHECK(run(folder, "fit --channel all --table c.csv --bin-pixels 64 " + sdt + options).code == 0);
  const auto channels = read_table(folder / "c.csv");
  REQUIRE(channels.size() == 2);
  CHECK(channels[0].at("channel") == "1");
  CHECK(channels[1].at("channel") == "2");
  REQUIRE(run(folder, "fit --channel 2 --json s.json --bin-pixels 64 " + sdt + options).code == 0);
  const auto s = nlohmann::json::parse(read_all(folder / "s.json"))["whole"];
  CHECK(std::stod(channels[1].at("amplitude_weighted_ns")) ==
        doctest::Approx(s["amplitude_weighted_ns"].get<double>()).epsilon(1e-6));
  check_refused(folder, {"fit", ptu, "--frames", "all", "--from", "3"}, 2,
                {"wanted one frame, or --table"});
  check_refused(folder, {"fit", ptu, "--channel", "all", "--from", "3"}, 2, {"or --table CSV"});
  CHECK(run(folder, "fit --frames 2:5 --table x.csv " + ptu + options).code == 1);
  CHECK(contains(read_table(folder / "x.csv").at(0).at("reason"), "within 1:2"));
}

TEST_CASE("table: measured dyes, each behind its own IRF" * doctest::test_suite("measured")) {
  const auto data = data_folder();
  if (!data) return;
  Folder folder;
  std::string list = "file,irf\n";
  const std::map<std::string, double> known{{"aaq", 0.546}, {"c153", 5.32}, {"r800", 2.13}};
  for (const auto& entry : fs::directory_iterator(*data / "phd")) {
    std::string name = entry.path().string();
    const auto at = name.find("_irf");
    if (at == std::string::npos) continue;
    list += std::string(name).erase(at, 4) + ',' + name + '\n';
  }
  write_all(folder / "l.csv", list);
  const Outcome o = run(folder, "fit --files l.csv --table t.csv");
  REQUIRE_MESSAGE(o.code == 0, o.err);
  const auto rows = read_table(folder / "t.csv");
  REQUIRE(rows.size() == 3);
  for (const Row& row : rows) {
    const std::string dye = fs::path(row.at("file")).filename().string();
    CAPTURE(dye);
    const double tau = known.at(dye.substr(0, dye.find('_')));
    CHECK(std::stod(row.at("amplitude_weighted_ns")) == doctest::Approx(tau).epsilon(0.01));
  }
}
