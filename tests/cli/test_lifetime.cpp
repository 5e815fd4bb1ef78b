// Networks that answer with lifetimes and their deviations, through every command that takes a model.

#include "program.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

const std::string kTrain =
    "train --model lifetime --samples 2k --hidden 6 --validation 64 --no-pictures ";

}  // namespace

TEST_CASE("a lifetime network from training to lifetimes with deviations") {
  Folder folder;
  const Outcome o = run(folder, kTrain + "--background-share 0:0.2 --json t.json -o m.safetensors");
  CAPTURE(o.err);
  REQUIRE(o.code == 0);
  CHECK(contains(o.out, "C = 6: lifetimes, their deviations"));
  CHECK(contains(o.out, "background to 20 % of all counts in 50 %"));
  const auto record = nlohmann::json::parse(read_all(folder / "t.json"));
  CHECK(record["likelihood_beta"] == 0.5);
  CHECK(record["validation_rmse"].get<double>() > 0.0);

  const Outcome info = run(folder, "info m.safetensors");
  CHECK(contains(info.out, "read at the last step: 6 units"));
  CHECK(contains(info.out, "70 gates of 0.179 ns"));

  const Outcome evaluated = run(folder, "evaluate m.safetensors --samples 500 --json e.json");
  CHECK(evaluated.code == 0);
  CHECK(contains(evaluated.out, "of the true values within one"));
  const auto figures = nlohmann::json::parse(read_all(folder / "e.json"));
  CHECK(figures["channels"].empty());
  const auto& amplitude = figures["amplitude_weighted_lifetime"];
  CHECK(amplitude["within_one_deviation"] <= amplitude["within_two_deviations"]);
  CHECK(figures["fraction"]["traces"].get<int>() < 500);  // of two components

  REQUIRE(run(folder, "simulate --images 1 -o i.npz").code == 0);
  const Outcome inferred = run(folder, "infer m.safetensors i.npz --report r.html -o result");
  CAPTURE(inferred.err);
  REQUIRE(inferred.code == 0);
  CHECK(contains(inferred.out, "standard deviation of the amplitude-weighted lifetime: median"));
  CHECK(fs::exists(folder / "result/precision_map.png"));
  CHECK_FALSE(fs::exists(folder / "result/sfd.npy"));
  CHECK_FALSE(fs::exists(folder / "result/trace.png"));
  CHECK(contains(read_all(folder / "result/lifetimes.csv"),
                 "counts,amplitude_weighted_ns,intensity_weighted_ns,amplitude_weighted_sd_ns,"
                 "intensity_weighted_sd_ns,fraction,fraction_sd,"));
  CHECK(contains(read_all(folder / "r.html"), "median precision"));
  const auto summary = nlohmann::json::parse(read_all(folder / "result/summary.json"));
  CHECK(summary["imprecise"] == 0);

  const Outcome strict =
      run(folder, "infer m.safetensors i.npz --least-precision 0.1% --no-pictures -o strict");
  REQUIRE(strict.code == 0);
  CHECK(contains(strict.out, "of these for their precision"));
  const auto none = nlohmann::json::parse(read_all(folder / "strict/summary.json"));
  CHECK(none["imprecise"].get<int>() > 0);
  CHECK(none["blank"] == 28 * 28);

  CHECK(complaint(folder, "infer m.safetensors i.npz --no-sfd -o x", 1) ==
        "taugate: --no-sfd: found a network that gives lifetimes and no decay, wanted a Seq2Seq\n");
  CHECK(contains(complaint(folder, "infer m.safetensors i.npz --least-precision much -o x", 2),
                 "--least-precision: found 'much'"));
  CHECK_FALSE(fs::exists(folder / "x"));

  const Outcome onnx = run(folder, "export-onnx m.safetensors -o m.onnx");
  CHECK(contains(onnx.out, "tpsf [N][71] to sfd [N][1][6]"));
}

TEST_CASE("its calibration as a table and a picture") {
  Folder folder;
  REQUIRE(run(folder, kTrain + "--mono 1 -o m.safetensors").code == 0);
  const Outcome o = run(folder,
                        "evaluate m.safetensors --calibration c.csv --reliability-plot c.png "
                        "--samples 500");
  CAPTURE(o.err);
  REQUIRE(o.code == 0);
  CHECK(is_picture(folder / "c.png"));
  const std::string table = read_all(folder / "c.csv");
  CHECK(std::count(table.begin(), table.end(), '\n') == 1 + 6 * 6);
  CHECK(contains(complaint(folder, "evaluate m.safetensors --reliability-plot c.png", 2),
                 "--calibration"));
}

TEST_CASE("its integers, and what no lifetime network can do") {
  Folder folder;
  REQUIRE(run(folder, kTrain + "-o m.safetensors").code == 0);
  const Outcome o = run(folder, "quantize m.safetensors --samples 300 -o q.safetensors");
  CAPTURE(o.err);
  REQUIRE(o.code == 0);
  CHECK(contains(o.out, "true within one (%)"));
  const Outcome trained = run(folder,
                              "train --from m.safetensors --integers --samples 1k --hidden 6 "
                              "--validation 64 --no-pictures -o t.safetensors");
  CAPTURE(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(contains(run(folder, "info t.safetensors").out, "read at the last step: 6 units"));
  CHECK(contains(complaint(folder, "export-rtl q.safetensors -o rtl", 1), "no Seq2Seq"));
  CHECK(contains(complaint(folder, kTrain + "--outputs 3 -o x.safetensors", 2),
                 "--outputs: does nothing for --model lifetime"));
  CHECK(contains(complaint(folder, "train --likelihood-beta 1 -o x.safetensors", 2),
                 "--likelihood-beta: does nothing without --model lifetime"));

  REQUIRE(run(folder, "train --samples 1k --hidden 4 --no-pictures -o s.safetensors").code == 0);
  REQUIRE(run(folder, "simulate --images 1 -o i.npz").code == 0);
  CHECK(contains(complaint(folder, "infer s.safetensors i.npz --least-precision 10% -o x", 1),
                 "--least-precision: found a network that gives decays"));
  CHECK(contains(complaint(folder, "evaluate s.safetensors --calibration c.csv", 1),
                 "calibration: found a network that gives decays"));
  const Outcome distilled = run(folder,
                                "distill s.safetensors --model lifetime --hidden 4 --samples 1k "
                                "--validation 64 --no-pictures -o d.safetensors");
  CAPTURE(distilled.err);
  CHECK(distilled.code == 0);
  CHECK(contains(complaint(folder, "distill d.safetensors --model lifetime -o x.safetensors", 1),
                 "found a teacher that gives no decay"));
}

TEST_CASE("a Seq2SeqLite with a lifetime head, through every command") {
  Folder folder;
  const std::string train =
      "train --lifetime --samples 2k --hidden 6 --validation 64 --no-pictures ";
  const Outcome o = run(folder, train + "-o m.safetensors");
  CAPTURE(o.err);
  REQUIRE(o.code == 0);
  CHECK(contains(o.out, "layers a side: 6 units, 6 outputs of the encoder's last state"));
  CHECK(contains(run(folder, "info m.safetensors").out, "6 outputs of the encoder's last state"));
  const Outcome evaluated = run(folder, "evaluate m.safetensors --samples 300");
  CHECK(contains(evaluated.out, "whole decay, 300 traces"));
  CHECK(contains(evaluated.out, "of the true values within one"));
  CHECK(run(folder, "evaluate m.safetensors --calibration c.csv --samples 500").code == 0);
  CHECK(run(folder, "compare --models m.safetensors --estimators cmm --traces 8 --series counts")
            .code == 0);

  REQUIRE(run(folder, "simulate --images 1 -o i.npz").code == 0);
  const Outcome inferred = run(folder, "infer m.safetensors i.npz --report r.html -o result");
  CAPTURE(inferred.err);
  REQUIRE(inferred.code == 0);
  CHECK(contains(inferred.out, "standard deviation of the amplitude-weighted lifetime: median"));
  for (const char* file : {"sfd.npy", "trace.png", "precision_map.png"})
    CHECK(fs::exists(folder / "result" / file));
  CHECK(contains(read_all(folder / "result/lifetimes.csv"), "amplitude_weighted_sd_ns"));
  CHECK(run(folder, "infer m.safetensors i.npz --no-sfd --no-pictures -o less").code == 0);
  CHECK_FALSE(fs::exists(folder / "less/sfd.npy"));

  const Outcome quantized = run(folder, "quantize m.safetensors --samples 300 -o q.safetensors");
  CHECK(contains(quantized.out, "true within one (%)"));
  CHECK(contains(quantized.out, "RMSE"));
  const Outcome integers = run(folder,
                               "train --from m.safetensors --integers --samples 1k --hidden 6 "
                               "--validation 64 --no-pictures -o t.safetensors");
  CAPTURE(integers.err);
  REQUIRE(integers.code == 0);
  CHECK(contains(run(folder, "info t.safetensors").out, " in encoder_head"));
  CHECK(contains(run(folder, "export-onnx m.safetensors -o m.onnx").out,
                 "tpsf [N][71] to sfd [N][71][1] and lifetimes [N][1][6]"));
  CHECK(contains(complaint(folder, "export-rtl q.safetensors -o rtl", 1), "found a second head"));
  CHECK(contains(complaint(folder, train + "--model lifetime -o x.safetensors", 2),
                 "--lifetime: found --model lifetime"));
  CHECK(contains(complaint(folder, train + "--loss mixed -o x.safetensors", 2),
                 "--loss: does nothing for --lifetime"));

  REQUIRE(run(folder, "train --samples 1k --hidden 4 --no-pictures -o s.safetensors").code == 0);
  const Outcome distilled = run(folder,
                                "distill s.safetensors --lifetime --hidden 4 --samples 1k "
                                "--validation 64 --no-pictures -o d.safetensors");
  CAPTURE(distilled.err);
  CHECK(distilled.code == 0);
  CHECK(contains(complaint(folder, "distill d.safetensors --lifetime -o x.safetensors", 1),
                 "wanted a Seq2Seq"));
}

TEST_CASE("a network that is told the IRF wants it") {
  Folder folder;
  const Outcome o = run(folder, kTrain + "--mono 1 --conditioned -o m.safetensors");
  CAPTURE(o.err);
  REQUIRE(o.code == 0);
  CHECK(contains(o.out, "told the IRF"));
  REQUIRE(run(folder, "simulate --samples 5 -o t.npz").code == 0);
  std::string irf;
  for (int i = 0; i < 70; ++i) irf += i == 8 ? "100 " : i == 7 || i == 9 ? "40 " : "0 ";
  write_all(folder / "irf.txt", irf + "\n");
  CHECK(contains(complaint(folder, "infer m.safetensors t.npz -o r", 1),
                 "m.safetensors: found no IRF for a network that is told it, wanted --irf FILE"));
  const Outcome told =
      run(folder, "infer m.safetensors t.npz --irf irf.txt --irf-bin 0.179 -o r --no-pictures");
  CAPTURE(told.err);
  CHECK(told.code == 0);
  CHECK(contains(told.out, "5 of 5 pixels have a lifetime"));
  // An IRF for each pixel: the summed decay of a table's row is told their mean, here that of equal ones.
  write_all(folder / "irfs.txt", irf + "\n" + irf + "\n" + irf + "\n" + irf + "\n" + irf + "\n");
  for (const std::string name : {"irf", "irfs"})
    REQUIRE(run(folder, "infer m.safetensors t.npz --irf-bin 0.179 --irf " + name +
                            ".txt --table " + name + ".csv")
                .code == 0);
  write_all(folder / "l.csv", "file,irf,irf_bin_ns\nt.npz,irf.txt,0.179\n");
  REQUIRE(run(folder, "infer m.safetensors --files l.csv --table l1.csv").code == 0);
  CHECK(read_all(folder / "l1.csv") == read_all(folder / "irf.csv"));
  const std::string one = read_all(folder / "irf.csv"), each = read_all(folder / "irfs.csv");
  const auto lifetime =
      [](const std::string& table) {  // file,channel,frame,label,pixels,counts,...
        std::istringstream row(table.substr(table.find('\n') + 1));
        std::string field;
        for (int i = 0; i < 7; ++i) std::getline(row, field, ',');
        return std::stod(field);
      };
  CHECK(lifetime(each) > 0.0);
  CHECK(lifetime(each) == doctest::Approx(lifetime(one)).epsilon(0.01));
  CHECK(run(folder, "evaluate m.safetensors --samples 500").code == 0);
  CHECK(contains(complaint(folder, "train --conditioned --samples 64 -o s.safetensors", 2),
                 "--conditioned: does nothing without --model lifetime"));
}
