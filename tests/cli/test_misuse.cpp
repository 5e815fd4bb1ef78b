// Bad input: one line that says what was found and wanted, the right exit code, and no file left.

#include <cmath>
#include <cstring>
#include <limits>

#include "program.h"
#include "taugate/fli/formats/npy.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

constexpr int kFailure = 1, kMisuse = 2;

void check_misuse(const Folder& folder, const std::string& command_line,
                  const std::vector<std::string>& wanted) {
  check_refused(folder, words(command_line), kMisuse, wanted);
}

void check_infer_fails(const Folder& folder, const std::string& file,
                       const std::vector<std::string>& wanted) {
  check_refused(folder, {"infer", trained_model(), file, "-o", "results"}, kFailure, wanted);
}

std::string csv_of(std::size_t traces, std::size_t gates, const std::string& odd = "") {
  std::string text = "# bin_ns=0.179 period_ns=12.53\n";
  for (std::size_t i = 0; i < traces; ++i)
    for (std::size_t k = 0; k < gates; ++k)
      text +=
          (i + 1 == traces && k == 12 && !odd.empty() ? odd : "7") + (k + 1 == gates ? '\n' : ',');
  return text;
}

}  // namespace

TEST_CASE("unknown commands and options") {
  Folder folder;
  check_misuse(folder, "fly", {"'fly'", "simulate"});
  check_misuse(folder, "train --wings 2 -o m", {"wings", "taugate train --help"});
  check_misuse(folder, "train --prior papers -o m", {"papers", "general or paper"});
  check_misuse(folder, "train --loss mae -o m", {"mae", "mse or mixed"});
  check_misuse(folder, "distill t --loss mixed -o m", {"loss", "taugate distill --help"});
  check_misuse(folder, "train --scatter 0.2:1 -o m", {"scatter", "0.95"});
  check_misuse(folder, "train --rise 0:1 -o m", {"rise", "0.0001"});
  check_misuse(folder, "train --prior paper --config c.json -o m", {"--prior", "--config"});
  check_misuse(folder, "train --bits 4 -o m", {"--bits", "--integers"});
  check_misuse(folder, "train --integers --weight-bits 17 -o m",
               {"--weight-bits", "17", "2 to 16"});
  check_misuse(folder, "distill -o m", {"wanted TEACHER", "taugate distill --help"});
  check_misuse(folder, "distill t --alpha 1.5 -o m", {"alpha", "1.5", "0 to 1"});
  check_misuse(folder, "train --samples 1k -o", {"missing an argument"});
  check_misuse(folder, "train m.safetensors", {"m.safetensors"});
  check_misuse(folder, "train --samples 1k", {"-o MODEL"});
  check_misuse(folder, "simulate", {"-o FILE"});
  check_misuse(folder, "infer", {"wanted MODEL"});
  check_misuse(folder, "infer m.safetensors", {"wanted FILE"});
  check_misuse(folder, "infer a b c -o d", {"'c'"});
  check_misuse(folder, "evaluate", {"wanted MODEL"});
  check_misuse(folder, "info", {"wanted FILE"});
}

TEST_CASE("senseless values") {
  Folder folder;
  const std::vector<std::pair<std::string, std::vector<std::string>>> train = {
      {"--hidden 0", {"0"}},
      {"--hidden 8,", {"--hidden", "'8,'"}},
      {"--hidden 8,8", {"--hidden", "2 layers"}},
      {"--hidden 99999999999", {"--hidden"}},
      {"--model gpt", {"--model", "'gpt'", "seq2seq"}},
      {"--form sideways", {"sideways", "reset_after"}},
      {"--activation relu", {"relu", "smooth"}},
      {"--rate -1", {"rate", "-1"}},
      {"--rate nan", {"rate", "nan"}},
      {"--schedule weekly", {"weekly", "cosine"}},
      {"--samples 1.5", {"--samples", "1.5"}},
      {"--samples 0", {"samples", "0"}},
      {"--samples -5", {"samples", "-5"}},
      {"--samples 1e30", {"--samples", "1e30"}},
      {"--batch 0", {"batch", "0"}},
      {"--batch 1G", {"--batch", "1G"}},
      {"--clip -1", {"clip", "-1"}},
      {"--validation 0", {"validation", "0"}},
      {"--seed x", {"--seed", "'x'"}},
      {"--threads 0", {"--threads", "0"}},
      {"--baseline-gates 70", {"baseline", "70"}},
      {"--tau 5:1", {"--tau", "5:1"}},
      {"--tau 0", {"tau", "0"}},
      {"--tau1 1:2:3", {"--tau1", "1:2:3"}},
      {"--counts -3:5", {"counts", "-3"}},
      {"--fraction 0:2", {"fraction", "2"}},
      {"--mono 1.5", {"mono", "1.5"}},
      {"--outputs 2", {"2", "1 or 3"}},
      {"--gates 1", {"gates", "1"}},
      {"--gates 100", {"gates", "100", "12.53"}},
      {"--gate-step 0", {"gate step", "0"}},
      {"--period 1", {"period", "1"}},
      {"--irf-fwhm 0", {"0"}},
      {"--irf-delay 99", {"99"}},
      {"--detector eye", {"--detector", "'eye'", "tcspc"}},
      {"--preset ss4", {"ss4", "ss2-70"}},
  };
  for (const auto& [options, wanted] : train)
    check_misuse(folder, "train --samples 64 " + options + " -o m.safetensors", wanted);
  check_misuse(folder, "simulate --samples 0 -o t.npz", {"--samples", "0"});
  check_misuse(folder, "simulate --images 0 -o t.npz", {"--images", "0"});
  check_misuse(folder, "simulate --images 1M -o t.npz", {"--images", "1000000", "400"});
  check_misuse(folder, "evaluate " + trained_model() + " --samples 0", {"--samples", "0"});
  write_all(folder / "t.csv", csv_of(3, 70));
  const std::string infer = "infer " + trained_model() + " t.csv -o results ";
  check_misuse(folder, infer + "--bin -1", {"--bin", "-1"});
  check_misuse(folder, infer + "--pixel 5,5", {"--pixel", "5,5"});
  check_misuse(folder, infer + "--scale 3:1", {"--scale", "3:1"});
  check_misuse(folder, infer + "--least-counts -1", {"--least-counts", "-1"});
}

TEST_CASE("options that do nothing are refused") {
  Folder folder;
  const std::string model = trained_model();
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"train --samples 64 -o m --irf-bin 0.1", {"--irf-bin", "without --irf"}},
      {"train --samples 64 -o m --irf-align", {"--irf-align", "without --irf"}},
      {"train --samples 64 -o m --irf-model gate", {"--irf-model", "without --irf"}},
      {"train --samples 64 -o m --irf i.npy --irf-fwhm 1", {"--irf-fwhm", "beside --irf"}},
      {"train --samples 64 -o m --preset ss2-70 --config c.json", {"--preset", "--config"}},
      {"train --samples 64 -o m --window 12 --gate-step 0.1", {"--window", "--gate-step"}},
      {"train --samples 64 -o m --master f", {"--master", "--integers"}},
      {"train --samples 64 -o m --no-pictures --curve c.png", {"--curve", "--no-pictures"}},
      {"simulate --images 2 --samples 5 -o i.npz", {"--samples", "--images"}},
      {"simulate --masks m.idx -o i.npz", {"--masks", "--images"}},
      {"simulate --irf-output i.npz -o t.npz", {"--irf-output", "--plate"}},
      {"simulate --one-decay-per-image -o i.npz", {"--one-decay-per-image", "--images"}},
      {"quantize " + model + " --bin 0.179", {"--bin", "--data"}},
      {"quantize " + model + " --weights-only --gate-bits 8", {"--gate-bits", "--weights-only"}},
      {"infer " + model + " t.csv -o r --irf-member a", {"--irf-member", "--irf"}},
      {"infer " + model + " t.csv -o r --no-pictures --pixel 0,0", {"--pixel", "--no-pictures"}},
      {"compare --models " + model + " --preset ss2-70", {"--preset", "--models"}},
      {"compare --tau 1 --fraction 0.5", {"--fraction", "--tau"}},
      {"cosim " + model + " --channel 1", {"--channel", "--data"}},
      {"info " + model + " --member a", {"--member", "model"}},
  };
  for (const auto& [command, wanted] : cases) check_misuse(folder, command, wanted);
}

TEST_CASE("missing files and unwritable outputs") {
  Folder folder;
  check_infer_fails(folder, "nothing.npy", {"nothing.npy"});
  check_refused(folder, {"infer", "nothing.safetensors", "a.npy", "-o", "r"}, kFailure,
                {"nothing.safetensors"});
  check_refused(folder, {"evaluate", "nothing.safetensors"}, kFailure, {"nothing.safetensors"});
  check_refused(folder, {"info", "nothing"}, kFailure, {"nothing"});
  check_refused(folder, {"info", "."}, kFailure, {"."});
  check_refused(folder, {"train", "--config", "nothing.json", "-o", "m"}, kFailure,
                {"nothing.json"});
  check_refused(folder, {"train", "--irf", "nothing.phd", "-o", "m"}, kFailure, {"nothing.phd"});
  check_refused(folder, {"train", "--measured", "nothing.phd", "-o", "m"}, kFailure,
                {"nothing.phd"});
  check_refused(folder, {"train", "--resume", "--samples", "64", "-o", "m"}, kFailure,
                {"m.checkpoint"});
  check_refused(folder, {"simulate", "--masks", "nothing.idx", "--images", "1", "-o", "i.npz"},
                kFailure, {"nothing.idx"});

  check_refused(folder, {"train", "--samples", "64", "-o", "absent/m.safetensors"}, kFailure,
                {"absent/m.safetensors"});
  check_refused(folder, {"train", "--samples", "64", "-o", "m", "--json", "absent/t.json"},
                kFailure, {"absent/t.json"});
  check_refused(folder, {"train", "--samples", "64", "-o", "m", "--curve", "absent/c.png"},
                kFailure, {"absent/c.png"});
  check_refused(folder, {"simulate", "--samples", "10", "-o", "absent/t.npz"}, kFailure,
                {"absent/t.npz"});
  check_refused(folder, {"evaluate", trained_model(), "--samples", "10", "--json", "absent/e.json"},
                kFailure, {"absent/e.json"});
  write_all(folder / "t.csv", csv_of(2, 70));
  check_refused(folder, {"infer", trained_model(), "t.csv", "-o", "t.csv"}, kFailure, {"t.csv"});
  check_refused(folder, {"infer", trained_model(), "t.csv", "-o", "r", "--irf", "nothing.phd"},
                kFailure, {"nothing.phd"});
  if (fs::exists("/dev/full")) {
    check_refused(folder, {"evaluate", trained_model(), "--samples", "10", "--json", "/dev/full"},
                  kFailure, {"/dev/full"});
    check_refused(folder, {"simulate", "--samples", "10", "-o", "/dev/full"}, kFailure,
                  {"/dev/full"});
  }
}

TEST_CASE("damaged models") {
  Folder folder;
  write_all(folder / "t.csv", csv_of(1, 70));
  const std::string good = read_all(trained_model());
  REQUIRE(good.size() > 1000);
  std::string longer = good + "x";
  std::string no_header = good;
  no_header.replace(0, 8, 8, '\xff');  // a header of 2^64 - 1 bytes
  std::string bad_json = good;
  bad_json[9] = '}';
  std::string not_finite = good;
  not_finite.replace(good.size() - 4, 4, "\0\0\xc0\x7f", 4);
  std::string renamed = good;
  renamed.replace(renamed.find("head.weight"), 11, "head.weighs");
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"empty", ""},
      {"seven", good.substr(0, 7)},
      {"header_cut", good.substr(0, 100)},
      {"values_cut", good.substr(0, good.size() - 10)},
      {"longer", longer},
      {"no_header", no_header},
      {"bad_json", bad_json},
      {"not_finite", not_finite},
      {"renamed", renamed},
      {"text", "this is no model\n"},
  };
  for (const auto& [name, bytes] : bad) {
    write_all(folder / name, bytes);
    check_refused(folder, {"infer", name, "t.csv", "-o", "results"}, kFailure, {name});
    check_refused(folder, {"evaluate", name, "--samples", "10"}, kFailure, {name});
    check_refused(folder, {"info", name}, kFailure, {name});
  }
}

TEST_CASE("traces that do not fit or make no sense") {
  Folder folder;
  // As many bins as the model has gates are not yet its gates.
  const std::string bare = csv_of(2, 70).substr(csv_of(0, 0).size());
  write_all(folder / "bare.csv", bare);
  check_infer_fails(folder, "bare.csv", {"bare.csv", "70 bins", "0.179", "--bin"});
  write_all(folder / "bin.csv", "# bin_ns=0.179\n" + bare);
  check_infer_fails(folder, "bin.csv", {"bin.csv", "12.53 ns", "--period"});
  write_all(folder / "laser.csv", "# bin_ns=0.179 period_ns=25\n" + bare);
  check_infer_fails(folder, "laser.csv", {"laser.csv", "period of 25 ns", "12.53"});
  write_all(folder / "wide.csv", "# bin_ns=0.5 period_ns=12.53\n" + bare);
  check_infer_fails(folder, "wide.csv", {"wide.csv", "bins of 0.5 ns", "0.179"});
  check_misuse(folder, "infer " + trained_model() + " bin.csv -o r --bin 0.2 --period 12.53",
               {"--bin", "0.2", "bin.csv itself says 0.179"});
  check_refused(folder, {"evaluate", trained_model(), "--gate-step", "0.1", "--samples", "9"},
                kFailure, {"0.1 ns", "0.179"});

  for (const std::string odd : {"nan", "-3", "inf", "1e999", "seven", ""}) {
    CAPTURE(odd);
    std::string text = csv_of(3, 70, odd.empty() ? " " : odd);
    write_all(folder / "odd.csv", text);
    check_infer_fails(folder, "odd.csv", {"odd.csv", "line 4"});
  }
  write_all(folder / "ragged.csv", csv_of(1, 70) + csv_of(1, 68));
  check_infer_fails(folder, "ragged.csv", {"ragged.csv", "68", "70"});
  write_all(folder / "empty.csv", "");
  check_infer_fails(folder, "empty.csv", {"empty.csv"});

  for (const float odd :
       {std::numeric_limits<float>::quiet_NaN(), -1.0f, std::numeric_limits<float>::infinity()}) {
    CAPTURE(odd);
    std::vector<float> counts(3 * 70, 5.0f);
    counts[2 * 70 + 33] = odd;
    write_npy<float>(folder / "odd.npy", {'f', 4, false}, {70}, counts);
    check_infer_fails(folder, "odd.npy", {"odd.npy", "trace 2", "33"});
  }
  const std::string npy = read_all(folder / "odd.npy");
  write_all(folder / "cut.npy", npy.substr(0, npy.size() - 8));
  check_infer_fails(folder, "cut.npy", {"cut.npy"});

  REQUIRE(run(folder, "simulate --samples 5 -o t.npz").code == 0);
  const std::string npz = read_all(folder / "t.npz");
  write_all(folder / "cut.npz", npz.substr(0, npz.size() / 2));
  check_infer_fails(folder, "cut.npz", {"cut.npz"});
  check_refused(folder, {"infer", trained_model(), "t.npz", "-o", "r", "--member", "photons"},
                kFailure, {"t.npz", "photons"});

  write_all(folder / "config.json", R"({"preset":"ss2-70","irf":{"fwhm":[1,2]}})");
  check_refused(folder, {"train", "--config", "config.json", "-o", "m"}, kFailure, {"fwhm"});
  write_all(folder / "short.json", "{\"preset\":");
  check_refused(folder, {"train", "--config", "short.json", "-o", "m"}, kFailure, {"JSON"});
}

TEST_CASE("a pixel without photons stays blank and is counted") {
  Folder folder;
  std::vector<float> counts(2 * 3 * 70, 0.0f);
  for (std::size_t pixel : {0, 1, 2, 3, 5})
    for (std::size_t k = 8; k < 70; ++k)
      counts[pixel * 70 + k] = std::floor(900.0f * std::exp(-0.15f * static_cast<float>(k - 8)));
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 70), }";
  std::string npy("\x93NUMPY\1\0\x76\0", 10);
  npy += header + std::string(117 - header.size(), ' ') + '\n';
  npy.append(reinterpret_cast<const char*>(counts.data()), counts.size() * sizeof(float));
  write_all(folder / "image.npy", npy);

  const Outcome o = run(folder, {"infer", trained_model(), "image.npy", "-o", "r", "--bin", "0.179",
                                 "--period", "12.53"});
  REQUIRE_MESSAGE(o.code == 0, o.err);
  CHECK(contains(o.out, "5 of 6 pixels have a lifetime, 1"));
  CHECK(nlohmann::json::parse(read_all(folder / "r" / "summary.json"))["blank"] == 1);
  const auto lifetimes = read_npy<float>(folder / "r" / "lifetimes.npy");
  REQUIRE(lifetimes.values.size() == 12);
  for (std::size_t i = 0; i < 12; ++i) CHECK(std::isnan(lifetimes.values[i]) == (i / 2 == 4));
  CHECK(contains(read_all(folder / "r" / "lifetimes.csv"), "\n1,1,0,nan,nan,nan,nan,0\n"));
  CHECK(is_picture(folder / "r" / "lifetime_map.png"));
}

TEST_CASE("sizes beyond all measure are one line") {
  const Folder folder;
  write_all(folder / "huge.csv", "1,2,3e38,3e38\n");
  for (const std::string& command :
       {"infer " + trained_model() + " huge.csv --bin 0.179 --period 12.5 -o out",
        std::string("fit huge.csv --bin 3 --period 12.5"), std::string("info huge.csv"),
        std::string("convert huge.csv a.npy")}) {
    CAPTURE(command);
    const Outcome o = run(folder, command);
    CHECK(o.code == 1);
    CHECK(one_line(o.err));
    CHECK(contains(o.err, "huge.csv"));
  }
  CHECK(contains(run(folder, "evaluate " + trained_model() + " --threads 100000").err,
                 "--threads: found 100000, wanted 1 to 1024"));
  setenv("OMP_NUM_THREADS", "100000", 1);
  CHECK(run(folder, "evaluate " + trained_model() + " --samples 64").code == 0);
  unsetenv("OMP_NUM_THREADS");

  REQUIRE(
      run(folder, "quantize " + trained_model() + " --samples 64 --calibration 64 -o i.st").code ==
      0);
  const Outcome short_pixels = run(folder, "export-rtl i.st -o rtl --longest 5");
  CHECK(short_pixels.code == 2);
  CHECK(contains(short_pixels.err, "found 5 samples, wanted at least the 70 gates of the model"));
}

TEST_CASE("a network whose decays have no lifetime says so") {
  const Folder folder;
  // The head's weights 0 and its bias -1, in a file without a checksum.
  std::string bytes = read_all(trained_model());
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), 8);
  const auto header = nlohmann::json::parse(bytes.substr(8, header_size));
  for (const auto& [name, value] : {std::pair{"head.weight", 0.0f}, {"head.bias", -1.0f}}) {
    const auto& at = header.at(name).at("data_offsets");
    for (std::size_t i = at[0]; i < at[1].get<std::size_t>(); i += 4)
      std::memcpy(bytes.data() + 8 + header_size + i, &value, 4);
  }
  bytes.replace(bytes.find("crc32"), 5, "other");
  write_all(folder / "none.st", bytes);
  REQUIRE(run(folder, "simulate --samples 40 -o z.npz").code == 0);
  for (const char* command :
       {"evaluate none.st --samples 64 --json e.json", "infer none.st z.npz -o out",
        "quantize none.st --samples 64 --calibration 64 -o q --json q.json",
        "compare --models none.st --traces 8 --series counts --json c.json -o c"}) {
    CAPTURE(command);
    const Outcome o = run(folder, command);
    CAPTURE(o.out);
    CAPTURE(o.err);
    CHECK_FALSE(contains(o.err, "json"));
    CHECK_FALSE(contains(o.err, "mistake in the program"));
    CHECK((o.code == 0 || one_line(o.err)));
  }
  CHECK(nlohmann::json::parse(read_all(folder / "out/summary.json"))["amplitude_weighted_ns"]
            .is_null());
}
