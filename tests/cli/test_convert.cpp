// `taugate convert`: every kind of output, read again by the program, and what it does where it
// cannot write.

#include "program.h"

using namespace taugate::testing;

namespace {

/// The counts that `info` tells of a file: its lines without the name and the format.
std::string told(const Folder& folder, const std::string& file) {
  const Outcome info = run(folder, {"info", file});
  REQUIRE_MESSAGE(info.code == 0, info.err);
  const auto comma = info.out.find(", ");
  REQUIRE(comma != std::string::npos);
  return info.out.substr(comma, info.out.find("  arrays") - comma);
}

/// Counts of 2 x 3 pixels, or of 5 traces, of 4 gates, with a time axis.
std::string table(bool image) {
  std::string text = "# bin_ns=0.25 period_ns=12.5";
  text += image ? " width=3\n" : "\n";
  for (int i = 0; i < (image ? 6 : 5); ++i) {
    for (int j = 0; j < 4; ++j) {
      text += std::to_string(7 * i + 100 * (j % 3));
      text += j < 3 ? ',' : '\n';
    }
  }
  return text;
}

constexpr const char* kEndings[] = {".npy", ".npz", ".tif", ".mat", ".h5", ".csv", ".txt"};

}  // namespace

TEST_CASE("convert: from every kind to every kind and back to the same table") {
  for (const bool image : {true, false}) {
    const Folder folder;
    write_all(folder / "in.csv", table(image));
    // What the text becomes in its own kind is the measure.
    REQUIRE(run(folder, "convert in.csv reference.csv").code == 0);
    const std::string reference = read_all(folder / "reference.csv");
    REQUIRE(contains(reference, "107,207,7"));
    for (const std::string a : kEndings) {
      CAPTURE(a);
      const Outcome there = run(folder, "convert in.csv a" + a);
      REQUIRE_MESSAGE(there.code == 0, there.err);
      CHECK(there.out == "wrote a" + a + (image ? ": 6" : ": 5") + " trace(s) of 4 bins\n");
      for (const std::string b : kEndings) {
        CAPTURE(b);
        REQUIRE(run(folder, "convert a" + a + " b" + b).code == 0);
        // NPY tells no time; the options do.
        const bool timeless = a == ".npy" || b == ".npy";
        REQUIRE(run(folder,
                    "convert b" + b + " back.csv" + (timeless ? " --bin 0.25 --period 12.5" : ""))
                    .code == 0);
        CHECK(read_all(folder / "back.csv") == reference);
      }
    }
    CHECK(told(folder, "a.npz") == told(folder, "in.csv"));
    CHECK(told(folder, "a.tif") == told(folder, "in.csv"));
  }
}

TEST_CASE("a SimFCS archive is told as an image, and its bins are those of the period") {
  const Folder folder;
  const std::string file = TAUGATE_SOURCE_DIR "/tests/data/simfcs/zipfile.bhz";
  const Outcome info = run(folder, {"info", file});
  CHECK(contains(info.out, "SimFCS BHZ, an image of 256 x 256 pixels of 3 bins"));
  CHECK(contains(info.out, "983035 in all"));
  REQUIRE(run(folder, {"convert", file, "out.npz", "--period", "12.6"}).code == 0);
  CHECK(contains(told(folder, "out.npz"), "bin width    4.2 ns"));
}

TEST_CASE("convert: a picture of an image, of a decay, of several and of many") {
  const Folder folder;
  std::string many;
  for (int i = 0; i < 12; ++i) many += "9,5,3,1\n";
  write_all(folder / "image.csv", table(true));
  write_all(folder / "few.csv", table(false));
  write_all(folder / "one.csv", "5\n0\n3\n1\n");
  write_all(folder / "none.csv", "0,0,0\n0,0,0\n");
  write_all(folder / "many.csv", many);
  for (const std::string name : {"image", "few", "one", "none", "many"}) {
    CAPTURE(name);
    const Outcome made = run(folder, "convert " + name + ".csv " + name + ".png");
    REQUIRE_MESSAGE(made.code == 0, made.err);
    CHECK(is_picture(folder / (name + ".png")));
  }
  CHECK(png_size(folder / "image.png") != png_size(folder / "one.png"));
}

TEST_CASE("convert: phasors go into an OME-TIFF alone, and are no counts") {
  const Folder folder;
  write_all(folder / "in.csv", table(true));
  const Outcome made = run(folder, "convert in.csv p.ome.tif --phasor 1,2");
  REQUIRE_MESSAGE(made.code == 0, made.err);
  CHECK(made.out == "wrote p.ome.tif: phasors of 6 trace(s) at 1000 MHz\n");  // 4 gates of 0.25 ns
  const auto complains = [&](const std::string& line, int code, const std::string& what) {
    CAPTURE(line);
    const Outcome outcome = run(folder, line);
    CHECK(outcome.code == code);
    CHECK(one_line(outcome.err));
    CHECK_MESSAGE(contains(outcome.err, what), outcome.err);
  };
  complains("convert in.csv p.npy --phasor 1", 2,
            "--phasor: found p.npy, wanted a name that ends in .tif");
  complains("convert in.csv q.tif --phasor 3", 2, "harmonic: found 3, wanted 1 to 2");
  complains("info p.ome.tif", 1, "p.ome.tif: holds phasor coordinates, wanted counts");
}

TEST_CASE("convert: what cannot be read or written leaves one line and no file") {
  const Folder folder;
  write_all(folder / "in.csv", table(true));
  write_all(folder / "bad.csv", "1,2\n3,x\n");
  write_all(folder / "negative.csv", "1,-2\n");
  write_all(folder / "big.csv", "1,2,70000.5\n");
  const auto before = folder.names();
  const auto complains = [&](const std::string& line, int code, const std::string& what) {
    CAPTURE(line);
    const Outcome outcome = run(folder, line);
    CHECK(outcome.code == code);
    CHECK(one_line(outcome.err));
    CHECK_MESSAGE(contains(outcome.err, what), outcome.err);
    CHECK(folder.names() == before);
  };
  complains("convert", 2, "wanted IN (see");
  complains("convert in.csv", 2, "wanted OUT (see");
  complains("convert in.csv out.gif", 2, "out.gif: found the ending '.gif', wanted .npy");
  complains("convert in.csv out", 2, "out: found the ending ''");
  complains("convert in.csv out.npy more", 2, "an argument too many, 'more'");
  complains("convert in.csv out.npz --bin 0", 2, "--bin: found 0, wanted more than 0 ns");
  complains("convert in.csv out.npz --period nan", 2, "--period: found 'nan'");
  complains("convert bad.csv out.npy --bin 1", 2, "--bin: does nothing for out.npy");
  complains("convert bad.csv out.png --period 1", 2, "--period: does nothing for out.png");
  complains("convert in.csv out.npz --bin 0.3", 2, "--bin: found 0.3 ns, but in.csv itself says");
  complains("convert in.csv out.npz --member a", 2, "--member: does nothing for in.csv");
  complains("info in.csv --channel 1", 2, "--channel: does nothing for in.csv");
  complains("convert in.csv out.npy --channel 0", 2, "--channel: found '0'");
  complains("convert none.csv out.npy", 1, "none.csv: cannot be read: No such file");
  complains("convert bad.csv out.npy", 1, "bad.csv: line 2, value 2: found 'x'");
  complains("convert negative.csv out.npy", 1, "line 1, value 2: found '-2'");
  for (const std::string ending : {".npy", ".npz", ".tif", ".mat", ".h5", ".csv", ".png"}) {
    complains("convert in.csv nowhere/out" + ending, 1, "cannot be written: No such file");
    complains("convert bad.csv out" + ending, 1, "bad.csv: line 2");
  }
  // What was there stays.
  write_all(folder / "out.npz", "precious");
  CHECK(run(folder, "convert bad.csv out.npz").code == 1);
  CHECK(read_all(folder / "out.npz") == "precious");
}

TEST_CASE("convert: a full disk is told") {
  if (!fs::exists("/dev/full")) return;
  const Folder folder;
  write_all(folder / "in.csv", table(true));
  for (const std::string ending : {".npy", ".npz", ".tif", ".mat", ".h5", ".csv", ".png"}) {
    CAPTURE(ending);
    fs::create_symlink("/dev/full", folder / ("full" + ending));
    const auto before = folder.names();
    const Outcome outcome = run(folder, "convert in.csv full" + ending);
    CHECK(outcome.code == 1);
    CHECK(one_line(outcome.err));
    CHECK_MESSAGE(contains(outcome.err, "full" + ending + ": cannot be written"), outcome.err);
    CHECK(folder.names() == before);
  }
}
