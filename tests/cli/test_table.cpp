// Tables over many files: their figures are those of single runs, and a stopped run goes on.

#include <cmath>
#include <map>

#include "fli/formats/hdf5.h"
#include "table_testing.h"
#include "taugate/fli/formats/npy.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

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

TEST_CASE("table: as HDF5 it holds what it holds as CSV, and goes on in the same way") {
  Folder folder;
  make_files(folder);
  write_all(folder / "data/b2.npz", "PK but no archive");
  const std::string options = kAxis + kIrf + "--method lm --mask cells.npy ";
  CHECK(run(folder, "fit data --table t.csv" + options).code == 1);
  const Outcome o = run(folder, "fit data --table t.h5" + options);
  CHECK(o.code == 1);
  CHECK(contains(o.err, "failed: data/b2.npz: "));
  CHECK(folder.names() == std::vector<std::string>{"cells.npy", "data", "t.csv", "t.csv.journal",
                                                   "t.h5", "t.h5.journal"});
  const auto rows = read_table(folder / "t.csv");
  REQUIRE(rows.size() == 7);
  const Hdf5File file(folder / "t.h5");
  CHECK(file.datasets().size() == rows[0].size());
  for (const auto& field : rows[0]) {
    const std::string name = field.first;
    CAPTURE(name);
    if (name == "file" || name == "channel" || name == "flag" || name == "reason") continue;
    const auto values = file.values<double>(name, 100);
    REQUIRE(values.size() == rows.size());
    for (std::size_t i = 0; i < values.size(); ++i)
      CHECK((rows[i].at(name).empty() ? std::isnan(values[i])
                                      : std::stod(rows[i].at(name)) == values[i]));
  }
  CHECK(file.text_attribute("tau1_sd_ns", "units") == "ns");
  CHECK(file.text_attribute("counts", "units") == "counts");
  CHECK_FALSE(file.text_attribute("fraction", "units").has_value());
  // The bad file is tried again, the others are done.
  const Outcome again = run(folder, "fit data --table t.h5" + options);
  CHECK(again.code == 1);
  CHECK(contains(again.out, "t.h5: 3 of 4 files are done already"));
  fs::remove(folder / "data/b2.npz");
  CHECK(run(folder, "fit data --table t.h5" + options).code == 0);
  CHECK(Hdf5File(folder / "t.h5").values<double>("label", 100) ==
        std::vector<double>{1, 5, 1, 5, 1, 5});
  check_refused(folder, words("fit data --table t.parquet" + options), 2,
                {"wanted a name that ends in .csv, .h5 or .hdf5"});
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

TEST_CASE("table: several processes share the files out, and make one table") {
  Folder folder;
  make_files(folder);
  for (int i = 0; i < 9; ++i) fs::copy(folder / "data/a.npz", folder / concat("data/a", i, ".npz"));
  write_all(folder / "data/bad.sdt", "no recording");
  const std::string command = "fit data --components 2 --threads 1" + kAxis + kIrf + " --table ";
  CHECK(run(folder, command + "alone.csv").code == 1);
  Program first(folder, words(command + "t.csv")), second(folder, words(command + "t.csv"));
  const Outcome a = first.wait(), b = second.wait();
  CAPTURE(a.out + a.err + b.out + b.err);
  CHECK(std::max(a.code, b.code) == 1);
  CHECK(read_all(folder / "t.csv") == read_all(folder / "alone.csv"));
  const auto lines = [&](const std::string& name) {
    const std::string journal = read_all(folder / (name + ".journal"));
    std::size_t count = 0;
    for (auto at = journal.find("rows"); at != std::string::npos; at = journal.find("rows", at + 1))
      ++count;
    return count;
  };
  CHECK(lines("t.csv") == 13);  // none was done twice
  CHECK(lines("alone.csv") == 13);
}

TEST_CASE("table: Ctrl-C in infer says what is done, and the same command goes on") {
  Folder folder;
  make_files(folder);
  for (int i = 0; i < 197; ++i)
    fs::copy(folder / "data/a.npz", folder / concat("data/a", i, ".npz"));
  const std::string command =
      "infer " + trained_model() + " data --table t.csv --threads 1" + kAxis;
  Program program(folder, words(command));
  const auto done = [&] {
    const std::string journal = read_all(folder / "t.csv.journal");
    return std::count(journal.begin(), journal.end(), '\n');
  };
  for (int i = 0; i < 5000 && done() < 2; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  program.send(SIGINT);
  const Outcome stopped = program.wait();
  CHECK(stopped.code == 130);
  CHECK(contains(stopped.out, "of 200 files are "));
  CHECK(contains(stopped.out, "; the same command goes on"));
  for (const std::string& name : folder.names()) CHECK_FALSE(contains(name, ".part-"));
  const std::string before = concat(done(), " of 200 files are done already");
  const Outcome o = run(folder, command);
  CHECK(o.code == 0);
  CHECK(contains(o.out, before));
  CHECK(read_table(folder / "t.csv").size() == 200);
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
  // The mean of one lifetime is no better known than this lifetime.
  REQUIRE(run(folder, "fit data --table one.csv --share-lifetimes files" + kAxis + kIrf).code == 0);
  for (const Row& row : read_table(folder / "one.csv")) {
    CHECK(std::stod(row.at("tau1_sd_ns")) > 1e-4);
    CHECK(row.at("amplitude_weighted_sd_ns") == row.at("tau1_sd_ns"));
  }
  // Files whose gates differ cannot share.
  REQUIRE(run(folder, "simulate --samples 3 --gates 50 -o data/d.npz").code == 0);
  const Outcome d = run(folder, "fit data --table t.csv --share-lifetimes files" + options);
  CHECK(d.code == 2);
  CHECK(contains(d.err, "data/d.npz: found 50 gates of"));
}

TEST_CASE("table: a row says what a single run warns of, and a list may bring the IRFs") {
  Folder folder;
  REQUIRE(run(folder, concat("simulate --samples 1 --counts 100000 --tau1 0.3 --tau2 3 --mono 0 "
                             "--fraction 0.9 ",
                             kIrf, "-o t.npz"))
              .code == 0);
  const std::string late = "fit t.npz --from 5 " + kIrf;
  CHECK(contains(run(folder, late).err, "warning: outside of the times to fit"));
  REQUIRE(run(folder, late + "--table late.csv").code == 0);
  CHECK(read_table(folder / "late.csv").at(0).at("flag") == "contradicted");
  std::string irf;
  for (int i = 0; i < 70; ++i) irf += i == 8 ? "100 " : i == 7 || i == 9 ? "40 " : "0 ";
  write_all(folder / "irf.txt", irf + "\n");
  write_all(folder / "l.csv", "file,irf,irf_bin_ns,to_ns\nt.npz,irf.txt,0.179,11\n");
  const std::string known = " --components 2 --shift known ";
  REQUIRE(run(folder, "fit --files l.csv --table l1.csv" + known).code == 0);
  REQUIRE(
      run(folder, "fit t.npz --table l2.csv --irf irf.txt --irf-bin 0.179 --to 11" + known).code ==
      0);
  CHECK(read_all(folder / "l1.csv") == read_all(folder / "l2.csv"));
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
        {"fit data --table t.csv --roi 5" + options, 2, "--roi: found '5', wanted ROW:ROW"},
        {"fit data --table t.csv --frames 0" + options, 2, "--frames: found 0, wanted a number"},
        {"fit data --table t.csv --channel x" + options, 2, "--channel: found 'x', wanted"},
        {"fit data --table t.csv --irf none.npz" + kAxis, 1, "none.npz: cannot be read"},
        {"fit data --table t.csv --bin-pixels 1" + options, 2, "--bin-pixels: found 1, wanted 2"},
        {"fit data --table t.csv" + kAxis, 2, "wanted an IRF: --irf FILE"},
        {"fit data --table t.csv --json s.json" + options, 2, "does nothing beside --table"},
        {"fit data/a.npz --files bad.csv" + options, 2, "--files: does nothing without --table"}})
    check_refused(folder, words(command), code, {found});
}
