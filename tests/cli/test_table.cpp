// Tables over many files: their figures are those of single runs, and a stopped run goes on.

#include <cmath>
#include <map>

#include "program.h"
#include "taugate/fli/formats/npy.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

using Row = std::map<std::string, std::string>;

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  return fields;
}

std::vector<Row> read_table(const fs::path& path) {
  std::istringstream lines(read_all(path));
  std::string line;
  REQUIRE(std::getline(lines, line));
  const auto header = split(line);
  std::vector<Row> rows;
  while (std::getline(lines, line)) {
    const auto fields = split(line);
    REQUIRE(fields.size() == header.size());
    rows.emplace_back();
    for (std::size_t i = 0; i < fields.size(); ++i) rows.back()[header[i]] = fields[i];
  }
  return rows;
}

/// Each field of a row that a single run's lifetimes.csv has, too, is the same text (an empty field
/// there is nan).
void check_equal(const Row& row, const Row& single) {
  std::size_t compared = 0;
  for (const auto& field : single) {
    const std::string &name = field.first, &value = field.second;
    if (!row.contains(name) || name == "label") continue;
    CAPTURE(name);
    if (name == "counts")
      CHECK(std::stod(row.at(name)) == doctest::Approx(std::stod(value)).epsilon(1e-6));
    else
      CHECK((row.at(name).empty() ? "nan" : row.at(name)) == value);
    ++compared;
  }
  CHECK(compared >= 4);
}

const std::string kAxis = " --bin 0.179 --period 12.53 ";
const std::string kIrf = "--irf-fwhm 0.3 --irf-delay 1.5 ";

/// data/a.npz to c.npz, images of different seeds, and cells.npy, a mask with the labels 1 and 5.
void make_files(const Folder& folder) {
  fs::create_directory(folder / "data");
  for (const char* name : {"a", "b", "c"})
    REQUIRE(run(folder, concat("simulate --images 1 --irf-fwhm 0.3 --irf-delay 1.5 --seed ",
                               static_cast<int>(name[0]), " -o data/", name, ".npz"))
                .code == 0);
  std::vector<float> labels(28 * 28, 1.0f);
  for (std::size_t i = 0; i < 10 * 28; ++i) labels[i] = 5.0f;
  write_npy<float>(folder / "cells.npy", {'f', 4, false}, {28}, labels);
}

}  // namespace

TEST_CASE("table: a folder, a row for each label, equal to single runs; one bad file fails alone") {
  Folder folder;
  make_files(folder);
  write_all(folder / "data/b2.npz", "PK but no archive");
  write_all(folder / "data/notes.json", "{}");
  const std::string options = kAxis + kIrf + "--components 2 --mask cells.npy ";
  const Outcome o = run(folder, "fit data --table t.csv -o out --no-pictures" + options);
  CHECK(o.code == 1);
  CHECK(contains(o.out, "data: left out notes.json"));
  CHECK(contains(o.err, "failed: data/b2.npz: "));
  const auto rows = read_table(folder / "t.csv");
  REQUIRE(rows.size() == 7);
  std::size_t at = 0;
  for (const char* name : {"a", "b", "c"}) {
    REQUIRE(run(folder, concat("fit data/", name, ".npz -o one --no-pictures", options)).code == 0);
    const auto single = read_table(folder / "one/lifetimes.csv");
    REQUIRE(single.size() == 2);
    for (const Row& label : single) {
      const Row& row = rows[at++];
      CHECK(row.at("file") == concat("data/", name, ".npz"));
      CHECK(row.at("label") == label.at("label"));
      CHECK(row.at("pixels") == (label.at("label") == "5" ? "280" : "504"));
      CHECK((row.at("flag") == "ok") == (label.at("status") == "0"));
      check_equal(row, label);
    }
    // With -o each file has the folder of its single run.
    CHECK(read_all(folder / concat("out/", name, "/lifetimes.csv")) ==
          read_all(folder / "one/lifetimes.csv"));
    if (name[0] == 'b') {
      CHECK(rows[at].at("flag") == "failed");
      CHECK(contains(rows[at].at("reason"), "data/b2.npz"));
      ++at;
    }
  }
}

TEST_CASE("table: an image has a row of its summed decay and statistics of its pixels") {
  Folder folder;
  make_files(folder);
  const std::string options = " --method lm" + kAxis + kIrf;
  REQUIRE(run(folder, "fit data/a.npz data/b.npz --table t.csv" + options).code == 0);
  REQUIRE(run(folder, "fit data/b.npz --json s.json" + options).code == 0);
  const auto rows = read_table(folder / "t.csv");
  REQUIRE(rows.size() == 2);
  const auto s = nlohmann::json::parse(read_all(folder / "s.json"));
  const auto is = [&](const char* column, const nlohmann::json& value) {
    CAPTURE(std::string(column));
    CHECK(std::stod(rows[1].at(column)) == doctest::Approx(value.get<double>()).epsilon(1e-6));
  };
  is("amplitude_weighted_ns", s["whole"]["amplitude_weighted_ns"]);
  is("amplitude_weighted_sd_ns", s["whole"]["amplitude_weighted_sd_ns"]);
  is("chi2_reduced", s["whole"]["chi2_reduced"]);
  is("shift_ns", s["whole"]["shift_ns"]);
  is("pixels_used", s["pixels"]["converged"]);
  is("pixel_median_ns", s["amplitude_weighted_ns"]["median"]);
  is("pixel_16th_percentile_ns", s["amplitude_weighted_ns"]["percentile_16"]);
  is("pixel_84th_percentile_ns", s["amplitude_weighted_ns"]["percentile_84"]);

  // Pixels of a label: their mean, and their deviation as the standard deviation.
  REQUIRE(
      run(folder, "fit data/b.npz --mask cells.npy --mask-pixels --table p.csv" + options).code ==
      0);
  REQUIRE(
      run(folder, "fit data/b.npz --mask cells.npy --mask-pixels --no-pictures -o one" + options)
          .code == 0);
  double sum = 0.0, squares = 0.0, n = 0.0, counts = 0.0;
  for (const Row& pixel : read_table(folder / "one/lifetimes.csv")) {
    if (pixel.at("label") != "1") continue;
    counts += std::stod(pixel.at("counts"));
    if (pixel.at("status") != "0") continue;
    const double tau = std::stod(pixel.at("amplitude_weighted_ns"));
    sum += tau;
    squares += tau * tau;
    ++n;
  }
  const Row label = read_table(folder / "p.csv").at(0);
  CHECK(label.at("label") == "1");
  CHECK(std::stod(label.at("pixels_used")) == n);
  CHECK(std::stod(label.at("counts")) == doctest::Approx(counts));
  CHECK(std::stod(label.at("amplitude_weighted_ns")) == doctest::Approx(sum / n).epsilon(1e-5));
  CHECK(std::stod(label.at("amplitude_weighted_sd_ns")) ==
        doctest::Approx(std::sqrt(squares / n - sum * sum / n / n)).epsilon(1e-4));
}

TEST_CASE("table: files that are done are not done again, unless something has changed") {
  Folder folder;
  make_files(folder);
  const std::string command = "fit data --table t.csv --method lm --roi 8:20,0:28" + kAxis + kIrf;
  REQUIRE(run(folder, command).code == 0);
  const std::string table = read_all(folder / "t.csv");
  const auto done = [&](const std::string& again, const char* wanted) {
    const Outcome o = run(folder, again);
    CHECK_MESSAGE(o.code == 0, o.err);
    CAPTURE(o.out);
    CHECK(contains(o.out, "are done already") == (*wanted != '\0'));
    CHECK(contains(o.out, wanted));
  };
  done(command, "t.csv: 3 of 3 files are done already");
  CHECK(read_all(folder / "t.csv") == table);
  // As after a kill: no table, and a journal whose last line is cut off.
  fs::remove(folder / "t.csv");
  const std::string journal = read_all(folder / "t.csv.journal");
  write_all(folder / "t.csv.journal", journal.substr(0, journal.size() - 20));
  done(command, "t.csv: 2 of 3 files are done already");
  CHECK(read_all(folder / "t.csv") == table);
  // A new file, a changed one, other options.
  fs::copy(folder / "data/a.npz", folder / "data/d.npz");
  done(command, "t.csv: 3 of 4 files are done already");
  fs::last_write_time(folder / "data/b.npz", fs::file_time_type::clock::now());
  done(command, "t.csv: 3 of 4 files are done already");
  done(command + "--components 2", "");
  CHECK(read_all(folder / "t.csv") != table);
}

TEST_CASE("table: Ctrl-C keeps what is done, and the same command goes on") {
  Folder folder;
  make_files(folder);
  for (int i = 0; i < 21; ++i)
    fs::copy(folder / "data/a.npz", folder / concat("data/a", i, ".npz"));
  const std::string command =
      "fit data --table t.csv --components 2 --shift pixel --threads 1" + kAxis + kIrf;
  Program program(folder, words(command));
  const auto done = [&] {
    const std::string journal = read_all(folder / "t.csv.journal");
    return std::count(journal.begin(), journal.end(), '\n');
  };
  for (int i = 0; i < 1000 && done() < 2; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  program.send(SIGINT);
  const Outcome stopped = program.wait();
  CHECK(stopped.code == 130);
  CHECK(contains(stopped.out, "the same command goes on"));
  const auto rows = static_cast<std::ptrdiff_t>(read_table(folder / "t.csv").size());
  CHECK(rows == done());
  CHECK(rows >= 2);
  CHECK(rows < 24);
  const Outcome o = run(folder, command);
  CHECK(o.code == 0);
  CHECK(contains(o.out, concat(rows, " of 24 files are done already")));
  CHECK(read_table(folder / "t.csv").size() == 24);
}

TEST_CASE("table: a list gives files their own options") {
  Folder folder;
  make_files(folder);
  fs::create_directory(folder / "lists");
  write_all(
      folder / "lists/l.csv",
      "file,bin_ns,period_ns,mask\n../data/a.npz,0.179,,../cells.npy\n\"../data/b.npz\",,12.53,\n");
  REQUIRE(run(folder, "fit --files lists/l.csv --table t.csv --bin 0.179 --period 12.53 " + kIrf)
              .code == 0);
  const auto rows = read_table(folder / "t.csv");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].at("label") == "1");
  CHECK(rows[1].at("label") == "5");
  CHECK(rows[2].at("label").empty());
  CHECK(rows[2].at("file") == "lists/../data/b.npz");
}

TEST_CASE("table: infer, equal to single runs") {
  Folder folder;
  make_files(folder);
  const std::string options = kAxis + "--no-pictures --mask cells.npy ";
  const std::string model = trained_model();
  REQUIRE(run(folder, "infer " + model + " data --table t.csv" + options).code == 0);
  const auto rows = read_table(folder / "t.csv");
  REQUIRE(rows.size() == 6);
  REQUIRE(run(folder, "infer " + model + " data/c.npz -o one" + options).code == 0);
  const auto single = read_table(folder / "one/lifetimes.csv");
  REQUIRE(single.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    check_equal(rows[4 + i], single[i]);
    CHECK((rows[4 + i].at("flag") == "unlike training") ==
          (single[i].at("unlike_training") == "1"));
  }
  const std::string image = kAxis + "--no-pictures ";
  REQUIRE(run(folder, "infer " + model + " data/c.npz --table i.csv" + image).code == 0);
  REQUIRE(run(folder, "infer " + model + " data/c.npz -o i" + image).code == 0);
  const auto s = nlohmann::json::parse(read_all(folder / "i/summary.json"));
  const Row row = read_table(folder / "i.csv").at(0);
  CHECK(std::stod(row.at("pixel_median_ns")) ==
        doctest::Approx(s["amplitude_weighted_ns"]["median"].get<double>()).epsilon(1e-6));
}

TEST_CASE("table: lifetimes shared by files, each with its own IRF and mixture") {
  Folder folder;
  fs::create_directory(folder / "data");
  const std::map<std::string, std::pair<double, double>> files{
      {"a", {0.2, 1.45}}, {"b", {0.75, 1.5}}, {"c", {0.5, 1.58}}};  // fraction, time of the IRF
  for (const auto& [name, truth] : files)
    REQUIRE(
        run(folder,
            concat("simulate --samples 300 --counts 400 --tau1 0.5 --tau2 2 --mono 0 --fraction ",
                   truth.first, " --irf-fwhm 0.3 --irf-delay ", truth.second, " -o data/", name,
                   ".npz"))
            .code == 0);
  const std::string options = kAxis + kIrf + "--components 2 --no-pictures ";
  const Outcome o = run(folder, "fit data --table t.csv --share-lifetimes files" + options);
  REQUIRE_MESSAGE(o.code == 0, o.err);
  CHECK(contains(o.out, "shared by 3 decays of 3 recordings: "));
  const auto rows = read_table(folder / "t.csv");
  REQUIRE(rows.size() == 3);
  const std::string tau = rows[0].at("tau1_ns") + ',' + rows[0].at("tau2_ns");
  CHECK(std::abs(std::stod(rows[0].at("tau1_ns")) - 0.5) < 0.03);
  CHECK(std::abs(std::stod(rows[0].at("tau2_ns")) - 2.0) < 0.03);
  for (const Row& row : rows) {
    const auto& truth = files.at(fs::path(row.at("file")).stem().string());
    CAPTURE(row.at("file"));
    CHECK(row.at("tau1_ns") + ',' + row.at("tau2_ns") == tau);
    CHECK(row.at("tau1_sd_ns") == rows[0].at("tau1_sd_ns"));
    CHECK(std::stod(row.at("tau1_sd_ns")) < 0.02);
    CHECK(std::abs(std::stod(row.at("fraction")) - truth.first) < 0.02);
    CHECK(std::abs(std::stod(row.at("shift_ns")) - (truth.second - 1.5)) < 0.005);
    // The row is that of a single run with these lifetimes known.
    REQUIRE(run(folder, concat("fit ", row.at("file"), " --json s.json --fix-tau ", tau, options))
                .code == 0);
    const auto s = nlohmann::json::parse(read_all(folder / "s.json"));
    CHECK(std::stod(row.at("fraction")) ==
          doctest::Approx(s["whole"]["fraction"].get<double>()).epsilon(1e-5));
  }
  CHECK(contains(run(folder, "fit data --table t.csv --share-lifetimes files" + options).out,
                 "3 of 3 files are done already"));
  // Files whose gates differ cannot share.
  REQUIRE(run(folder, "simulate --samples 3 --gates 50 -o data/d.npz").code == 0);
  const Outcome d = run(folder, "fit data --table t.csv --share-lifetimes files" + options);
  CHECK(d.code == 2);
  CHECK(contains(d.err, "data/d.npz: found 50 gates of"));
}

TEST_CASE("table: what makes none is refused") {
  Folder folder;
  make_files(folder);
  write_all(folder / "bad.csv", "file,colour\na.npz,red\n");
  const std::string options = kAxis + kIrf;
  for (const auto& [command, code, found] :
       {std::tuple{"fit data/a.npz data/b.npz" + options, 2,
                   "found 'data/b.npz' beside 'data/a.npz', wanted one file, or --table"},
        {"fit data --table data/t.csv" + options, 2, "in the folder of FILE, which is read"},
        {"fit data/a.npz data/b.npz --table data/b.npz" + options, 2, "which is read"},
        {"fit --table t.csv" + options, 2, "--table: found no file, wanted FILEs"},
        {"fit --files bad.csv --table t.csv" + options, 1, "bad.csv: found a column 'colour'"},
        {"fit data --table t.csv --method none" + options, 2, "none"},
        {"fit data --table t.csv --json s.json" + options, 2, "does nothing beside --table"},
        {"fit data/a.npz --files bad.csv" + options, 2, "--files: does nothing without --table"}})
    check_refused(folder, words(command), code, {found});
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
