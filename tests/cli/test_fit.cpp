// taugate fit: simulated stacks whose truth is known, measured dyes, and what it refuses.

#include <cmath>

#include "fli/formats/npz.h"
#include "fli/formats/tiff.h"
#include "program.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

nlohmann::json json_in(const Folder& folder, const char* name) {
  return nlohmann::json::parse(read_all(folder / name));
}

/// Traces of one lifetime, 1 ns, seen through a Gaussian IRF of 0.3 ns at 1.5 ns.
const char* kTraces =
    "simulate --samples 300 --tau1 1 --tau2 1 --mono 1 --irf-fwhm 0.3 --irf-delay 1.5 --counts 500 "
    "-o traces.npz";
const std::string kRead =
    "fit traces.npz --bin 0.179 --period 12.53 --irf-fwhm 0.3 --irf-delay 1.5";

}  // namespace

TEST_CASE("fit: every method on traces of a known lifetime") {
  Folder folder;
  REQUIRE(run(folder, kTraces).code == 0);
  for (const char* method : {"lm", "mle", "cmm", "rld", "phasor"}) {
    CAPTURE(std::string(method));
    const Outcome o = run(folder, kRead + " --json s.json --method " + method);
    REQUIRE_MESSAGE(o.code == 0, o.err);
    CHECK(contains(o.out, "300 converged"));
    const auto s = json_in(folder, "s.json");
    CHECK(s["method"] == method);
    // 300 traces of 3,200 photons leave 0.001 ns.
    CHECK(std::abs(s["amplitude_weighted_ns"]["mean"].get<double>() - 1.0) < 0.006);
    CHECK(s["pixels"]["converged"] == 300);
  }
  // Weights by the counts are biased low where those are few.
  REQUIRE(run(folder, kRead + " --json s.json --method lm --weights counts").code == 0);
  const double biased = json_in(folder, "s.json")["amplitude_weighted_ns"]["mean"];
  CHECK(biased < 0.985);
  CHECK(biased > 0.95);
}

TEST_CASE("fit: a stack becomes a table, an archive and pictures") {
  Folder folder;
  REQUIRE(run(folder, "simulate --images 4 --irf-fwhm 0.3 --irf-delay 1.5 -o traces.npz").code ==
          0);
  const Outcome o = run(folder, kRead + " --components 2 --shift pixel --least-counts 100 -o out");
  REQUIRE_MESSAGE(o.code == 0, o.err);
  const NpzReader archive(folder / "out/fit.npz");
  const auto tau = archive.read<float>("amplitude_weighted_ns");
  CHECK(tau.shape == std::vector<std::size_t>{56, 56});
  const auto status = archive.read<float>("status"), counts = archive.read<float>("counts");
  for (std::size_t i = 0; i < tau.values.size(); ++i) {
    const float untried = counts.values[i] > 0.0f ? 5.0f : 3.0f;  // below the threshold, or empty
    CHECK((counts.values[i] < 100.0f) == (status.values[i] == untried));
    CHECK(std::isnan(tau.values[i]) == (status.values[i] == untried));
  }
  // Pearson's chi-square of a right model; single ones are large where a gate expects nothing.
  const double median = json_in(folder, "out/summary.json")["chi2_reduced"]["median"];
  CHECK(std::abs(median - 1.0) < 0.2);
  for (const char* picture : {"lifetime_map.png", "overlay.png", "trace.png", "all_light.png"})
    CHECK(is_picture(folder / "out" / picture));
  // The TIFF file's pages are the archive's arrays.
  TiffReader pages(folder / "out/maps.tif");
  CHECK(pages.pages() == static_cast<int>(archive.names().size()));
  std::vector<float> page(56 * 56);
  pages.read_page(1, page.data());
  for (std::size_t i = 0; i < page.size(); ++i)
    CHECK((page[i] == tau.values[i] || (std::isnan(page[i]) && std::isnan(tau.values[i]))));
  for (const char* map : {"amplitude_weighted_ns", "tau1_ns", "fraction", "chi2_reduced"})
    CHECK(is_picture(folder / "out" / concat("map_", map, ".png")));
  CHECK(json_in(folder, "out/summary.json")["components"] == 2);
  CHECK(
      contains(read_all(folder / "out/lifetimes.csv"), "row,column,counts,amplitude_weighted_ns"));

  const Outcome global =
      run(folder, kRead +
                      " --components 2 --share-lifetimes pixels --json g.json -o g "
                      "--no-pictures");
  REQUIRE_MESSAGE(global.code == 0, global.err);
  CHECK(contains(global.out, "shared by "));
  const auto found = json_in(folder, "g.json")["shared"];
  CHECK(found["status"] == "converged");
  CHECK(found["tau1_deviation_ns"].get<double>() < 0.1 * found["tau1_ns"].get<double>());
  const NpzReader shared(folder / "g/fit.npz");
  const auto tau1 = shared.read<float>("tau1_ns");
  for (const float t : tau1.values)
    CHECK((std::isnan(t) || std::abs(t - found["tau1_ns"].get<double>()) < 1e-6 ||
           std::abs(t - found["tau2_ns"].get<double>()) < 1e-6));
}

TEST_CASE("fit: measured dyes" * doctest::test_suite("measured")) {
  const auto data = data_folder();
  if (!data) return;
  Folder folder;
  struct Dye {
    const char* name;
    double tau_ns;
  };
  for (const Dye& dye : {Dye{"aaq_etoh", 0.546}, Dye{"r800_etoh", 2.13}, Dye{"c153_dmso", 5.32}}) {
    fs::path decay, irf;
    for (const auto& entry : fs::directory_iterator(*data / "phd")) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(dye.name)) (contains(name, "_irf_") ? irf : decay) = entry.path();
    }
    for (const char* method : {"lm", "mle"}) {
      const Outcome o = run(folder, {"fit", decay.string(), "--irf", irf.string(), "--method",
                                     method, "--json", "s.json"});
      REQUIRE_MESSAGE(o.code == 0, o.err);
      const double tau = json_in(folder, "s.json")["whole"]["amplitude_weighted_ns"];
      CAPTURE(std::string(dye.name));
      CAPTURE(tau);
      CHECK(std::abs(tau / dye.tau_ns - 1.0) < 0.02);
    }
  }
}

TEST_CASE("fit: two lifetimes of a Becker & Hickl image and of a Horiba text export" *
          doctest::test_suite("measured")) {
  const auto data = data_folder();
  if (!data) return;
  Folder folder;
  struct Recording {
    std::vector<std::string> files;
    double tau1_ns, tau2_ns;
  };
  const auto sdt = *data / "images", horiba = *data / "horiba";
  for (const Recording& r :
       {Recording{
            {(sdt / "SDT_c01.sdt").string(), "--irf", (sdt / "IRF.sdt").string()}, 0.34, 2.54},
        Recording{{(horiba / "Atto550_DNA.txt").string(), "--irf",
                   (horiba / "atto550_irf.txt").string(), "--period", "1000"},
                  1.66,
                  4.28}})
    for (const char* method : {"mle", "lm"}) {
      std::vector<std::string> command{"fit"};
      command.insert(command.end(), r.files.begin(), r.files.end());
      for (const char* more :
           {"--method", method, "--components", "2", "--least-counts", "1000", "--json", "s.json"})
        command.push_back(more);
      const Outcome o = run(folder, command);
      REQUIRE_MESSAGE(o.code == 0, o.err);
      const auto whole = json_in(folder, "s.json")["whole"];
      CAPTURE(whole.dump());
      CHECK(std::abs(whole["tau1_ns"].get<double>() / r.tau1_ns - 1.0) < 0.05);
      CHECK(std::abs(whole["tau2_ns"].get<double>() / r.tau2_ns - 1.0) < 0.05);
    }
  const Outcome mono =
      run(folder, {"fit", (horiba / "Atto550_DNA.txt").string(), "--irf",
                   (horiba / "atto550_irf.txt").string(), "--period", "1000", "--json", "s.json"});
  REQUIRE_MESSAGE(mono.code == 0, mono.err);
  CHECK(std::abs(json_in(folder, "s.json")["whole"]["tau1_ns"].get<double>() / 3.67 - 1.0) < 0.02);
}

TEST_CASE("fit: what it refuses") {
  Folder folder;
  REQUIRE(run(folder, kTraces).code == 0);
  write_all(folder / "bare.csv", "1,9,5,3\n0,8,5,2\n");
  struct Case {
    std::string command;
    int code;
    const char* wanted;
  };
  for (const Case& c : std::vector<Case>{
           {"fit", 2, "wanted FILE"},
           {"fit nothing.npy", 1, "nothing.npy"},
           {"fit bare.csv --irf-fwhm 0.3 --irf-delay 1.5", 2, "give --bin NS"},
           {"fit bare.csv --bin 0.179 --irf-fwhm 0.3 --irf-delay 1.5", 2, "give --period NS"},
           {"fit traces.npz --bin 0.2", 2, "--bin: found 0.2 ns, but traces.npz itself says 0.179"},
           {"fit traces.npz --period 12.6", 2, "--period: found 12.6 ns, but traces.npz itself"},
           {"fit traces.npz --from 2 --irf-delay 1", 2, "--irf-delay: does nothing without"},
           {"fit traces.npz --from 2 --irf-bin 1", 2, "--irf-bin: does nothing without --irf"},
           {"fit traces.npz --from 2 --shift pixel", 2, "--shift: does nothing without --irf or"},
           {kRead + " --scale 1:2", 2, "--scale: does nothing without --output or --report"},
           {kRead + " --time-first --channel 1", 2, "--channel: does nothing for traces.npz"},
           {"fit traces.npz --bin 0.179 --period 12.53", 2, "wanted an IRF"},
           {"fit traces.npz --bin 0.179 --period 12.53 --irf-fwhm 0.3", 2, "--irf-delay"},
           {kRead + " --method best", 2, "found 'best'"},
           {kRead + " --components 3", 2, "--components: found 3"},
           {kRead + " --share-lifetimes pixels --shift pixel", 2,
            "--share-lifetimes: found --shift"},
           {kRead + " --share-lifetimes all", 2, "--share-lifetimes: found 'all', wanted pixels"},
           {kRead + " --share-lifetimes files", 2, "found files, wanted --table"},
           {kRead + " --components 2 --fix-tau 1", 2, "--fix-tau: found '1', wanted 2 lifetime(s)"},
           {kRead + " --weights counts", 2, "--weights: does nothing with --method mle"},
           {kRead + " --method lm --weights some", 2, "--weights: found 'some'"},
           {kRead + " --shift some", 2, "--shift: found 'some'"},
           {kRead + " --method cmm --components 2", 2, "knows one component"},
           {kRead + " --tau 1", 2, "two different limits"},
           {kRead + " --from 5 --to 2", 2, "--from, --to"},
           {kRead + " --from 12 --to 12.3", 2, "gates to fit"},
           {kRead + " --pixel 3,3", 2, "--pixel"},
           {kRead + " --reference traces.npz", 2, "--reference: does nothing with --method mle"},
           {kRead + " --reference-tau 1", 2, "--reference-tau: does nothing without --reference"},
           {kRead + " --method phasor --reference traces.npz", 2, "--reference-tau"},
           {kRead + " --gates 1", 2, "gates: found 1"}}) {
    CAPTURE(c.command);
    const auto before = folder.names();
    const Outcome o = run(folder, c.command);
    CAPTURE(o.err);
    CHECK(o.code == c.code);
    CHECK(one_line(o.err));
    CHECK(contains(o.err, c.wanted));
    CHECK(folder.names() == before);
  }
}

TEST_CASE("compare: a network beside the field's estimators") {
  Folder folder;
  const Outcome o = run(folder, "compare --models " + trained_model() +
                                    " --estimators mle,cmm --series counts,mismatch --traces 80 "
                                    "--json c.json -o out --report r.html");
  REQUIRE_MESSAGE(o.code == 0, o.err);
  CHECK(contains(read_all(folder / "r.html"), "Against photons"));
  const auto rows = json_in(folder, "c.json");
  CHECK(rows.size() == 3 * (6 + 5));
  for (const auto& row : rows) {
    CHECK(row["traces"] == 80);
    CHECK(row["bound_ns"].get<double>() > 0.0);
  }
  CHECK(contains(read_all(folder / "out/comparison.csv"), "\nmismatch,-0.3,mle,"));
  CHECK(is_picture(folder / "out/counts.png"));
  CHECK(is_picture(folder / "out/mismatch.png"));
  CHECK_FALSE(fs::exists(folder / "out/irf.png"));

  const Outcome bi = run(folder,
                         "compare --tau 1.2,0.4 --fraction 0.3 --estimators mle --series "
                         "background --traces 40 --json b.json");
  REQUIRE_MESSAGE(bi.code == 0, bi.err);
  CHECK(json_in(folder, "b.json")[0]["fraction"] == 0.7);

  for (const char* wrong :
       {"--series weather", "--tau 1,2,3", "--tau 0", "--tau x", "--tau 1,2 --fraction 1",
        "--estimators best", "--traces 2", "--models nothing.safetensors"}) {
    CAPTURE(std::string(wrong));
    const Outcome bad = run(folder, std::string("compare -o no ") + wrong);
    CHECK(bad.code != 0);
    CHECK(one_line(bad.err));
    CHECK_FALSE(fs::exists(folder / "no"));
  }
}
