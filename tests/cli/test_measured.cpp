// From a real instrument's files to a lifetime, end to end. Two thousand traces train no good
// network: only the way is tested here, docs/real-data.md has the figures.

#include "program.h"

using namespace taugate::testing;

TEST_CASE("train for a measured IRF and read the recording that came with it") {
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
  CHECK(read_all(folder / "results" / "lifetimes.csv") ==
        read_all(folder / "plain" / "lifetimes.csv"));
  CHECK(read_all(folder / "results" / "trace.png") != read_all(folder / "plain" / "trace.png"));
}
