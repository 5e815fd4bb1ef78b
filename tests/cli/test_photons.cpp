// Networks of single photons, through the commands that make, measure and use them.

#include "program.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

const std::string kPrior = "--period 25 --tau 0.4:5 --mono 1 --irf-delay 1.5 --irf-fwhm 0.3 ";

}  // namespace

TEST_CASE("a network of photons from training to lifetimes of pixels") {
  Folder folder;
  const Outcome o =
      run(folder, "train --photons 60 --hidden 6 --samples 2k --validation 64 --no-pictures " +
                      kPrior + "-o m.safetensors");
  CAPTURE(o.err);
  REQUIRE(o.code == 0);
  CHECK(contains(o.out, "reads up to 60 photons"));
  CHECK(contains(o.out, "256 gates of 0.0976562 ns, period 25 ns"));
  CHECK(contains(run(folder, "info m.safetensors").out, "reads photons one by one"));

  const Outcome made = run(folder, "simulate --photons 20:60 --samples 30 " + kPrior + "-o p.npz");
  CHECK(contains(made.out, "photons of 30 pixels"));
  const Outcome read =
      run(folder, "infer m.safetensors p.npz --photons --no-pictures -o r --least-counts 25");
  CAPTURE(read.err);
  REQUIRE(read.code == 0);
  const auto summary = nlohmann::json::parse(read_all(folder / "r/summary.json"));
  CHECK(summary["width"] == 30);
  CHECK(summary["blank"].get<int>() < 30);
  CHECK(contains(read_all(folder / "r/lifetimes.csv"), "amplitude_weighted_sd_ns"));

  CHECK(summary["unlike_training"] == 0);
  CHECK(read.err.empty());
  run(folder, "simulate --photons 61 --samples 4 " + kPrior + "-o long.npz");
  const Outcome longer = run(folder, "infer m.safetensors long.npz --photons --no-pictures -o l");
  CHECK(contains(longer.err, "warning: 4 pixels have more photons than the 60 that"));
  CHECK(nlohmann::json::parse(read_all(folder / "l/summary.json"))["unlike_training"] == 4);

  const Outcome evaluated =
      run(folder, "evaluate m.safetensors --samples 400 --photon-counts 30,60 --json e.json");
  CHECK(evaluated.code == 0);
  CHECK(evaluated.err.empty());
  CHECK(contains(run(folder, "evaluate m.safetensors --samples 20 --photon-counts 61").err,
                 "warning: some lists have more photons than the 60 that"));
  const auto rows = nlohmann::json::parse(read_all(folder / "e.json"));
  CHECK(rows.size() == 5 * 2 * 3);  // lifetimes, photons, estimators
  CHECK(run(folder, "quantize m.safetensors --calibration 20 --bits 16 -o q.safetensors").code ==
        0);
  CHECK(run(folder, "infer q.safetensors p.npz --photons --no-pictures -o s").code == 0);

  CHECK(contains(complaint(folder, "infer m.safetensors p.npz -o x", 1), "reads single photons"));
  run(folder, "simulate --samples 5 -o gates.npz");
  CHECK(contains(complaint(folder, "infer m.safetensors gates.npz --photons -o x", 1),
                 "found histograms"));
  CHECK(contains(complaint(folder, "infer m.safetensors p.npz --photons --period 20 -o x", 2),
                 "--period: found 20 ns"));
  run(folder, "simulate --photons 20 --samples 3 --period 12.5 -o other.npz");
  CHECK(contains(complaint(folder, "infer m.safetensors other.npz --photons -o x", 1),
                 "laser period of 12.5 ns, wanted 25 ns"));
  run(folder, "train --samples 1k --hidden 4 --validation 64 --no-pictures -o t.safetensors");
  CHECK(contains(complaint(folder, "infer t.safetensors p.npz --photons -o x", 1),
                 "reads traces, wanted one of single photons"));
  CHECK(contains(complaint(folder, "train --photons 60 --model lifetime -o x.safetensors", 2),
                 "--model"));
  CHECK(!fs::exists(folder / "x"));
}
