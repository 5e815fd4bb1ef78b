// From a real instrument's files to a lifetime, end to end. Two thousand traces train no good
// network: only the way is tested here, docs/real-data.md has the figures.

#include "program.h"

using namespace taugate::testing;

TEST_CASE("train for a measured IRF and read the recording that came with it" *
          doctest::test_suite("measured")) {
  const auto data = data_folder();
  if (!data) return;
  fs::path decay, irf;
  for (const auto& entry : fs::directory_iterator(*data / "phd")) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("aaq_etoh")) (contains(name, "_irf_") ? irf : decay) = entry.path();
  }
  REQUIRE_FALSE(decay.empty());
  REQUIRE_FALSE(irf.empty());
  Folder folder;
  const Outcome info = run(folder, {"info", decay.string()});
  REQUIRE_MESSAGE(info.code == 0, info.err);
  CHECK(contains(info.out, "65536 bins"));
  CHECK(contains(info.out, "bin width    0.004 ns"));

  const Outcome trained = run(folder, {"train", "--measured", decay.string(), "--irf", irf.string(),
                                       "--tau", "0.2:6", "--samples", "2k", "--validation", "256",
                                       "--hidden", "8", "--batch", "64", "-o", "m.safetensors"});
  REQUIRE_MESSAGE(trained.code == 0, trained.err);
  CHECK(contains(trained.out, "256 gates"));
  CHECK(contains(trained.out, "period 24.8"));  // of the file's sync rate

  const Outcome read = run(
      folder, {"infer", "m.safetensors", decay.string(), "--irf", irf.string(), "-o", "results"});
  REQUIRE_MESSAGE(read.code == 0, read.err);
  CHECK(contains(read.out, "trace 0: "));
  CHECK(is_picture(folder / "results" / "trace.png"));
  const auto summary = nlohmann::json::parse(read_all(folder / "results" / "summary.json"));
  CHECK(summary["blank"] == 0);
  CHECK(summary["amplitude_weighted_ns"]["mean"].get<double>() > 0.0);

  // With the IRF the picture has a panel more, of residuals.
  REQUIRE(run(folder, {"infer", "m.safetensors", decay.string(), "-o", "plain"}).code == 0);
  CHECK(read_all(folder / "results" / "lifetimes.npy") ==
        read_all(folder / "plain" / "lifetimes.npy"));
  CHECK(read_all(folder / "results" / "trace.png") != read_all(folder / "plain" / "trace.png"));
}

TEST_CASE("a camera's library of IRFs on one time: as a prior, and as the IRF of a fit" *
          doctest::test_suite("measured")) {
  const auto data = data_folder();
  if (!data) return;
  Folder folder;
  const std::vector<std::string> library{"--irf",
                                         (*data / "irf" / "iccd_irf_176x1000.npy").string(),
                                         "--irf-bin", "0.04", "--irf-time-first"};
  const auto with = [&](const char* line) {
    std::vector<std::string> arguments = words(line);
    arguments.insert(arguments.end(), library.begin(), library.end());
    return run(folder, arguments);
  };
  const std::string moved = "1000 IRF(s) moved onto one time; they lay -0.00";
  const char* simulate = "simulate --preset iccd-176 --samples 50 --counts 2000 --detector tcspc";
  for (const std::string more : {"", " --irf-delay -0.05:0.05", " --irf-model exgauss"}) {
    const Outcome made = with((simulate + std::string(" --irf-align -o s.npz") + more).c_str());
    REQUIRE_MESSAGE(made.code == 0, made.err);
    CHECK(contains(made.out, moved));
  }
  const Outcome fitted = with("fit s.npz --bin 0.04 --period 12.5 --irf-align --method cmm");
  REQUIRE_MESSAGE(fitted.code == 0, fitted.err);
  CHECK(contains(fitted.out, moved));
  const Outcome both = with("fit s.npz --bin 0.04 --period 12.5 --irf-align --irf-per-pixel");
  CHECK(both.code == 2);
  CHECK(one_line(both.err));
}
