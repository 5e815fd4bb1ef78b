// simulate, evaluate, infer and info on good input.

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "fli/formats/npz.h"
#include "program.h"
#include "taugate/fli/physics/simulator.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

using Names = std::vector<std::string>;
using Shape = std::vector<std::size_t>;

constexpr NpyType kFloat{'f', 4, false};

}  // namespace

TEST_CASE("help and version") {
  Folder folder;
  const Outcome all = run(folder, "--help");
  CHECK(all.code == 0);
  for (const std::string name : {"simulate", "train", "quantize", "evaluate", "infer", "info"}) {
    CAPTURE(name);
    CHECK(contains(all.out, "  " + name + " "));
    const Outcome one = run(folder, name + " --help");
    CHECK(one.code == 0);
    CHECK(one.err.empty());
    CHECK(contains(one.out, "taugate " + name));
    CHECK_FALSE(contains(one.out, " options:"));
    std::istringstream lines(one.out);
    for (std::string line; std::getline(lines, line);) {
      CAPTURE(line);
      CHECK(line.size() <= 80);
      CHECK_FALSE(line.ends_with(' '));
    }
  }
  CHECK(run(folder, "--version").out.starts_with("taugate 0."));
  CHECK(run(folder, "-V").out == run(folder, "--version").out);
  CHECK(run(folder, "help fit").out == run(folder, "fit --help").out);
  CHECK(run(folder, "help fits").code == 2);
  CHECK(run(folder, "help fit infer").code == 2);
  CHECK(run(folder, "").code == 2);  // says what it can do, but was asked nothing
}

TEST_CASE("a file's name may follow -o at once; --quiet and --verbose") {
  Folder folder;
  const Outcome quiet = run(folder, "simulate --samples 20 -q -oquiet.npz");
  CHECK(quiet.code == 0);
  CHECK(quiet.out.empty());
  CHECK(quiet.err.empty());
  const Outcome verbose = run(folder, "simulate --samples 20 --threads 1 -v -o verbose.npz");
  CHECK(contains(verbose.out, "wrote 20 traces"));
  CHECK(contains(verbose.err, " kernels, 1 threads: "));
  CHECK(contains(verbose.err, " MiB of memory\n"));
  CHECK(folder.names() == Names{"quiet.npz", "verbose.npz"});
  CHECK(run(folder, "info missing.npz -q").err.starts_with("taugate: missing.npz: "));
  CHECK(run(folder, "info quiet.npz -q -v").code == 2);
}

TEST_CASE("info as JSON") {
  Folder folder;
  REQUIRE(run(folder, "simulate --samples 20 --gates 30 --gate-step 0.25 -o t.npz").code == 0);
  REQUIRE(run(folder,
              "train --hidden 3 --gates 20 --samples 640 --validation 64 --no-pictures "
              "-o m.safetensors --integers --master f.safetensors")
              .code == 0);
  const auto found = [&](const std::string& file) {
    return nlohmann::json::parse(run(folder, "info --json " + file).out);
  };
  const auto traces = found("t.npz");
  CHECK(traces["format"] == "NPZ");
  CHECK(traces["bins"] == 30);
  CHECK(traces["bin_ns"] == 0.25);
  CHECK(traces["frames"] == 0);
  CHECK(traces["arrays"]["tpsf"]["shape"] == nlohmann::json{20, 30});
  const auto integers = found("m.safetensors"), floats = found("f.safetensors");
  CHECK(integers["kind"] == "model of integers");
  CHECK(integers["bits"]["weights"] == 8);
  CHECK(floats["kind"] == "model");
  CHECK(floats["network"] == integers["network"]);
  CHECK(floats["acquisition"]["gates"] == 20);
  CHECK(integers["weights"] == 36 + 27 + 3);  // of encoder, decoder and head, without biases
  CHECK(floats["parameters"] == 103);
}

TEST_CASE("simulate writes traces with their truth") {
  Folder folder;
  const Outcome o =
      run(folder, "simulate --prior paper --samples 300 --seed 7 --outputs 3 -o t.npz");
  REQUIRE_MESSAGE(o.code == 0, o.err);
  CHECK(contains(o.out, "wrote 300 traces of 70 gates to t.npz"));
  CHECK(folder.names() == Names{"t.npz"});
  const NpzReader archive(folder / "t.npz");
  const auto tpsf = archive.read<float>("tpsf"), sfd = archive.read<float>("sfd");
  CHECK(tpsf.shape == Shape{300, 70});
  CHECK(sfd.shape == Shape{300, 70, 3});
  const auto tau1 = archive.read<float>("tau1"), tau2 = archive.read<float>("tau2");
  const auto fraction = archive.read<float>("fraction");
  const auto total = archive.read<float>("total_counts");
  for (const auto* column : {&tau1, &tau2, &fraction, &total}) REQUIRE(column->shape == Shape{300});
  double chi2 = 0.0;
  bool in_range = true, exponential = true;
  for (std::size_t i = 0; i < 300; ++i) {
    double counts = 0.0;
    for (std::size_t k = 0; k < 70; ++k) counts += tpsf.values[i * 70 + k];
    chi2 += std::pow(counts - total.values[i], 2) / total.values[i];
    in_range = in_range && tau1.values[i] >= 0.2f && tau1.values[i] <= 0.8f &&
               tau2.values[i] >= 0.8f && tau2.values[i] <= 1.5f;
    // The long component, channel 2, falls by exp(-step/tau2) from gate to gate.
    const float* decay = &sfd.values[i * 210];
    if (decay[2] > 0.01f)
      exponential =
          exponential && close(decay[5] / decay[2], std::exp(-0.179 / tau2.values[i]), 1e-5);
  }
  CHECK(in_range);
  CHECK(exponential);
  // Counts of a trace are Poisson with mean total_counts: chi^2 of 300 degrees of freedom, +-5
  // sigma.
  CHECK(chi2 > 300 - 5 * std::sqrt(600.0));
  CHECK(chi2 < 300 + 5 * std::sqrt(600.0));

  REQUIRE(run(folder, "simulate --prior paper --samples 300 --seed 7 --threads 1 -o u.npz").code ==
          0);
  CHECK(NpzReader(folder / "u.npz").read<float>("tpsf").values == tpsf.values);
}

TEST_CASE("the prior is general unless paper is asked for; scatter and rise are options") {
  Folder folder;
  const auto prior_of = [&](const std::string& options) {
    const Outcome o = run(folder, "simulate --samples 20 -o t.npz" + options);
    REQUIRE_MESSAGE(o.code == 0, o.err);
    return o.out.substr(0, o.out.find('\n'));
  };
  CHECK(prior_of("").starts_with("prior: general: "));
  CHECK(prior_of(" --preset ss3-135").starts_with("prior: general: "));
  CHECK(prior_of(" --prior paper").starts_with("prior: paper: "));
  CHECK(contains(prior_of(""), "background"));
  CHECK_FALSE(contains(prior_of(" --background 0"), "background"));
  write_all(folder / "g.json", R"({"prior": "general"})");
  CHECK(prior_of(" --config g.json").starts_with("prior: general: "));
  write_all(folder / "old.json", "{}");
  CHECK(prior_of(" --config old.json").starts_with("prior: paper: "));
  const std::string odd = prior_of(" --scatter 0:0.1 --rise 0.1:0.5");
  CHECK(odd.starts_with("prior: custom: "));
  CHECK(odd.ends_with("scatter to 10 %; rise of 0.1 to 0.5 ns, amplitude to -0.4"));
  const Outcome info = run(folder, {"info", trained_model()});
  CHECK(contains(info.out, "prior        general: "));
  CHECK(contains(info.out, "\"prior\":\"general\""));
}

TEST_CASE("docs/simulator.md shows the default configuration") {
  const std::string page = read_all(fs::path(TAUGATE_SOURCE_DIR) / "docs" / "simulator.md");
  const auto start = page.find("```json\n");
  REQUIRE(start != std::string::npos);
  const std::string block = page.substr(start + 8, page.find("```", start + 8) - start - 8);
  const std::string defaults = to_json(simulator_preset("ss2-70"));
  CHECK(nlohmann::json::parse(block) == nlohmann::json::parse(defaults));
  CHECK(to_json(simulator_config_from_json(block)) == defaults);
}

TEST_CASE("simulate makes images, of masks from a file too") {
  Folder folder;
  REQUIRE(run(folder, "simulate --images 3 -o i.npz").code == 0);
  const NpzReader archive(folder / "i.npz");
  CHECK(archive.read<float>("tpsf").shape == Shape{56, 56, 70});  // a grid of 2 x 2, one empty
  CHECK(archive.read<float>("tau1").shape == Shape{56, 56});
  const Outcome info = run(folder, "info i.npz");
  CHECK(info.code == 0);
  CHECK(contains(info.out, "an image of 56 x 56 pixels of 70 bins"));

  // One mask of 2 rows and 4 columns, the last one bright.
  write_all(folder / "masks.idx", std::string("\0\0\x08\x03\0\0\0\1\0\0\0\2\0\0\0\4", 16) +
                                      std::string("\0\0\0\xff\0\0\0\xff", 8));
  REQUIRE(run(folder, "simulate --images 1 --masks masks.idx -o m.npz").code == 0);
  const auto tau1 = NpzReader(folder / "m.npz").read<float>("tau1");
  REQUIRE(tau1.shape == Shape{2, 4});
  for (std::size_t i = 0; i < 8; ++i) CHECK((tau1.values[i] > 0.0f) == (i % 4 == 3));
}

TEST_CASE("simulate makes a well plate, and the IRFs of its pixels, that fit reads") {
  Folder folder;
  const Outcome o = run(folder, "simulate --plate 48 -o p.npz --irf-output i.npz");
  REQUIRE_MESSAGE(o.code == 0, o.err);
  CHECK(contains(o.out, "wrote a plate of 48 x 48 pixels and 70 gates"));
  CHECK(folder.names() == Names{"i.npz", "p.npz"});
  const NpzReader archive(folder / "p.npz");
  CHECK(archive.read<float>("tpsf").shape == Shape{48, 48, 70});
  const auto sfd = archive.read<float>("sfd"), tau1 = archive.read<float>("tau1");
  REQUIRE(tau1.shape == Shape{48, 48});
  std::size_t foreground = 0;
  for (std::size_t i = 0; i < tau1.values.size(); ++i) {
    const bool shown = tau1.values[i] > 0.0f;
    CHECK(tau1.values[i] == (shown ? 1.0f : 0.0f));
    CHECK(sfd.values[i * 70] == (shown ? 1.0f : 0.0f));
    foreground += shown;
  }
  CHECK(contains(o.out, std::to_string(foreground) + " pixels of it foreground"));
  const Outcome fit = run(folder,
                          "fit p.npz --irf i.npz --irf-per-pixel --shift known --least-counts 700 "
                          "--no-pictures -o f");
  REQUIRE_MESSAGE(fit.code == 0, fit.err);
  const std::string median = "amplitude-weighted: median ";
  const std::size_t at = fit.out.find(median);
  REQUIRE(at != std::string::npos);
  CHECK(std::abs(std::stod(fit.out.substr(at + median.size())) - 1.0) < 0.02);
}

TEST_CASE("evaluate prints and writes the figures") {
  Folder folder;
  const Outcome o = run(folder, {"evaluate", trained_model(), "--samples", "500", "--json",
                                 "e.json", "--scatter-plot", "s.png"});
  REQUIRE_MESSAGE(o.code == 0, o.err);
  for (const char* name : {"RMSE", "R2", "L2", "DTW", "amplitude-weighted", "intensity-weighted"})
    CHECK(contains(o.out, name));
  CHECK(is_picture(folder / "s.png"));
  const auto json = nlohmann::json::parse(read_all(folder / "e.json"));
  REQUIRE(json["channels"].size() == 1);
  const auto& channel = json["channels"][0];
  CHECK(channel["traces"] == 500);
  for (const char* metric : {"rmse", "r2", "l2", "dtw"}) {
    CHECK(channel[metric]["mean"].is_number());
    CHECK(channel[metric]["deviation"].get<double>() > 0.0);
  }
  // Per trace L2 = sqrt(T) * RMSE, so the mean L2 is below the pooled RMSE's.
  CHECK(channel["l2"]["mean"].get<double>() <=
        std::sqrt(70.0) * channel["rmse"]["mean"].get<double>());
  for (const char* kind : {"amplitude_weighted_lifetime", "intensity_weighted_lifetime"}) {
    CHECK(json[kind]["traces"] == 500);
    for (const char* field : {"bias_ns", "deviation_ns", "mean_relative"})
      CHECK(json[kind][field].is_number());
  }
  CHECK(json["blank"] == 0);

  // Other traces than the model's own: another prior, other figures.
  const Outcome mono = run(folder, {"evaluate", trained_model(), "--samples", "500", "--tau", "1",
                                    "--mono", "1", "--json", "m.json"});
  CHECK(mono.code == 0);
  CHECK(nlohmann::json::parse(read_all(folder / "m.json")) != json);

  // Traces without light have no lifetime, and so no bias of 0 and no nan.
  const Outcome dark = run(folder, {"evaluate", trained_model(), "--samples", "50", "--counts",
                                    "0.001", "--background", "0", "--json", "d.json"});
  CHECK(dark.code == 0);
  CHECK(contains(dark.out, "amplitude-weighted lifetime: none"));
  CHECK_FALSE(contains(dark.out, "nan"));
  CHECK(nlohmann::json::parse(read_all(folder / "d.json"))["amplitude_weighted_lifetime"]["bias_ns"]
            .is_null());
}

TEST_CASE("infer reads an image and leaves pixels without light blank") {
  Folder folder;
  REQUIRE(run(folder, "simulate --images 1 -o i.npz").code == 0);
  const auto truth = NpzReader(folder / "i.npz").read<float>("tau1");
  const Outcome o = run(folder, {"infer", trained_model(), "i.npz", "-o", "results"});
  REQUIRE_MESSAGE(o.code == 0, o.err);
  const auto results = folder / "results";
  for (const char* picture : {"lifetime_map.png", "overlay.png", "scatter.png", "trace.png"}) {
    CAPTURE(picture);
    CHECK(is_picture(results / picture));
  }
  const auto lifetimes = read_npy<float>(results / "lifetimes.npy");
  const auto sfd = read_npy<float>(results / "sfd.npy");
  REQUIRE(lifetimes.shape == Shape{28, 28, 2});
  REQUIRE(sfd.shape == Shape{28, 28, 70});
  std::size_t blank = 0;
  for (std::size_t i = 0; i < 784; ++i) {
    const bool dark = truth.values[i] == 0.0f;
    blank += dark;
    CHECK(std::isnan(lifetimes.values[2 * i]) == dark);
    CHECK(std::isnan(lifetimes.values[2 * i + 1]) == dark);
  }
  REQUIRE(blank > 100);
  const auto summary = nlohmann::json::parse(read_all(results / "summary.json"));
  CHECK(summary["width"] == 28);
  CHECK(summary["height"] == 28);
  CHECK(summary["blank"] == blank);
  CHECK(summary["amplitude_weighted_ns"]["median"].get<double>() > 0.0);
  CHECK(summary["error_ns"]["mean"].is_number());  // the archive holds the truth
  CHECK(contains(o.out, concat(784 - blank, " of 784 pixels have a lifetime, ", blank)));
  const std::string table = read_all(results / "lifetimes.csv");
  CHECK(
      table.starts_with("row,column,counts,amplitude_weighted_ns,intensity_weighted_ns,"
                        "state_distance,input_chi2r,unlike_training\n"));
  CHECK(std::count(table.begin(), table.end(), '\n') == 785);

  const Outcome spared =
      run(folder, {"infer", trained_model(), "i.npz", "-o", "spared", "--no-sfd", "--no-pictures"});
  REQUIRE_MESSAGE(spared.code == 0, spared.err);
  CHECK_FALSE(contains(spared.out, "sfd.npy"));
  CHECK_FALSE(fs::exists(folder / "spared" / "sfd.npy"));
  CHECK(read_all(folder / "spared" / "lifetimes.npy") == read_all(results / "lifetimes.npy"));
}

TEST_CASE("infer gives the same lifetimes for NPZ, NPY and text") {
  Folder folder;
  REQUIRE(run(folder, "simulate --samples 4 -o t.npz").code == 0);
  const auto tpsf = NpzReader(folder / "t.npz").read<float>("tpsf");
  write_npy<float>(folder / "t.npy", kFloat, {70}, tpsf.values);
  std::string lines, columns;
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t k = 0; k < 70; ++k)
      lines += concat(tpsf.values[i * 70 + k], k == 69 ? '\n' : ',');
  for (std::size_t k = 0; k < 70; ++k)
    for (std::size_t i = 0; i < 4; ++i)
      columns += concat(tpsf.values[i * 70 + k], i == 3 ? '\n' : '\t');
  write_all(folder / "t.csv", lines);
  write_all(folder / "t.txt", "a\tb\tc\td\n" + columns);

  std::vector<std::string> results;
  for (const std::string name : {"t.npz", "t.npy", "t.csv", "t.txt"}) {
    CAPTURE(name);
    std::vector<std::string> arguments{"infer", trained_model(), name, "-o", name + ".d"};
    if (name == "t.txt") arguments.push_back("--time-first");
    if (name != "t.npz") arguments.insert(arguments.end(), {"--bin", "0.179", "--period", "12.53"});
    if (name != "t.npy") arguments.push_back("--no-pictures");
    const Outcome o = run(folder, arguments);
    REQUIRE_MESSAGE(o.code == 0, o.err);
    results.push_back(read_all(folder / (name + ".d") / "lifetimes.npy"));
  }
  for (const auto& result : results) CHECK(result == results[0]);
  CHECK(is_picture(folder / "t.npy.d" / "trace.png"));
  CHECK_FALSE(fs::exists(folder / "t.csv.d" / "trace.png"));

  // What a simulated archive holds, and a table of results.
  const Outcome archive = run(folder, "info t.npz");
  CHECK(contains(archive.out, "bin width    0.179 ns"));
  CHECK(contains(archive.out, "laser period 12.53 ns"));
  CHECK(contains(archive.out, "tpsf [4][70] <f4\n"));
  CHECK(contains(archive.out, "tau1 [4] <f4\n"));
  CHECK(contains(archive.out, "bin_ns [1] <f8\n"));
  const Outcome info = run(folder, "info t.csv");
  CHECK(info.code == 0);
  CHECK(contains(info.out, "4 trace(s) of 70 bins"));
}

TEST_CASE("infer bins a finer histogram to the model's gates") {
  Folder folder;
  REQUIRE(run(folder, "simulate --samples 2 -o t.npz").code == 0);
  const auto tpsf = NpzReader(folder / "t.npz").read<float>("tpsf");
  std::vector<float> fine;  // each gate's counts in two bins of half its width
  for (float counts : tpsf.values) {
    fine.push_back(counts - std::floor(counts / 3));
    fine.push_back(std::floor(counts / 3));
  }
  write_npy<float>(folder / "coarse.npy", kFloat, {70}, tpsf.values);
  write_npy<float>(folder / "fine.npy", kFloat, {140}, fine);
  const auto infer = [&](const std::string& name, std::vector<std::string> more) {
    std::vector<std::string> arguments{"infer", trained_model(), name + ".npy", "-o",
                                       name,    "--no-pictures"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(folder, arguments);
  };
  REQUIRE(infer("coarse", {"--bin", "0.179", "--period", "12.53"}).code == 0);
  const Outcome o = infer("fine", {"--bin", "0.0895", "--period", "12.53"});
  REQUIRE_MESSAGE(o.code == 0, o.err);
  const auto coarse = read_npy<float>(folder / "coarse" / "lifetimes.npy");
  const auto binned = read_npy<float>(folder / "fine" / "lifetimes.npy");
  REQUIRE(binned.shape == coarse.shape);
  for (std::size_t i = 0; i < coarse.values.size(); ++i)
    CHECK(close(binned.values[i], coarse.values[i], 0.0, 1e-4));
}
