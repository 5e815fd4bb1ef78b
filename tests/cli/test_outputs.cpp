// An output that is an input, or another output, of the same call is refused before any work.

#include "program.h"

using namespace taugate::testing;
using taugate::concat;

namespace {

struct Case {
  std::string command, found;
};

}  // namespace

TEST_CASE("a command writes neither over what it reads nor twice over what it writes") {
  Folder folder;
  REQUIRE(run(folder, "simulate --samples 40 -o z.npz").code == 0);
  REQUIRE(run(folder, "convert z.npz z.csv").code == 0);
  fs::copy(trained_model(), folder / "m.st");
  REQUIRE(run(folder, "quantize m.st --samples 64 --calibration 64 -o i.st").code == 0);
  fs::create_directory(folder / "x");
  fs::create_symlink("x", folder / "y");
  fs::copy(folder / "z.csv", folder / "x" / "lifetimes.csv");
  fs::copy(folder / "z.npz", folder / "x" / "tables.md");
  fs::create_hard_link(folder / "z.npz", folder / "hard.npz");
  fs::create_symlink("z.npz", folder / "soft.npz");
  write_all(folder / "simulator.json", "{}");

  const auto content = [&] {
    std::string all;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path))
      all += concat(entry.path().string(), entry.is_regular_file() ? read_all(entry.path()) : "",
                    '\n');
    return all;
  };
  const std::string before = content();
  const std::string irf = " --bin 0.179 --period 12.53 ";
  for (const auto& [words, found] : std::vector<Case>{
           {"fit z.npz --json z.npz" + irf, "--json: found z.npz, the same file as that of FILE"},
           {"fit z.npz --json hard.npz" + irf, "--json: found hard.npz, the same file"},
           {"fit z.npz --json soft.npz" + irf, "--json: found soft.npz, the same file"},
           {"fit z.npz --json x/../z.npz" + irf, "--json: found x/../z.npz, the same file"},
           {"fit z.npz --irf z.csv --irf-bin 0.179 --report z.csv" + irf, "that of --irf"},
           {"fit z.npz --json a --report ./a" + irf, "--report: found ./a, the same file"},
           {"fit x/lifetimes.csv -o x" + irf, "--output: found x/lifetimes.csv, the same file"},
           {"fit z.npz -o x --json y/summary.json" + irf, "the same file as that of --json"},
           {"infer m.st x/lifetimes.csv -o x" + irf, "--output: found x/lifetimes.csv"},
           {"infer m.st x/lifetimes.csv -o y" + irf, "--output: found y/lifetimes.csv"},
           {"infer m.st x -o x" + irf, "in the folder of FILE, which is read"},
           {"infer m.st z.npz -o out --report m.st", "--report: found m.st"},
           {"convert z.npz hard.npz", "OUT: found hard.npz, the same file as that of IN"},
           {"convert x x/a.tif", "OUT: found x/a.tif, in the folder of IN, which is read"},
           {"train -o m --checkpoint m",
            "--checkpoint: found m, the same file as that of --output"},
           {"train -o m --curve m --samples 64", "--curve: found m"},
           {"train -o m --json m --samples 64", "--json: found m"},
           {"train -o simulator.json --config simulator.json", "--output: found simulator.json"},
           {"train -o m.st --from m.st", "--output: found m.st, the same file as that of --from"},
           {"train -o m --integers --master m", "--master: found m"},
           {"distill m.st -o m.st --samples 64", "the same file as that of TEACHER"},
           {"quantize m.st -o m.st", "--output: found m.st"},
           {"quantize m.st -o q --json q", "--json: found q"},
           {"quantize m.st -o q --data z.npz --json z.npz", "--json: found z.npz"},
           {"evaluate m.st --json m.st", "--json: found m.st"},
           {"evaluate m.st --scatter-plot p --json p", "the same file"},
           {"simulate --config simulator.json -o simulator.json", "--output: found simulator.json"},
           {"import m.st -o m.st", "the same file as that of WEIGHTS"},
           {"export-onnx m.st -o m.st", "--output: found m.st"},
           {"cosim i.st --json i.st", "--json: found i.st"},
           {"cosim i.st --json a --waveform a", "--waveform: found a"},
           {"compare --models m.st,i.st --json i.st", "--json: found i.st"},
           {"compare --estimators mle -o x --json x/comparison.csv", "the same file"},
           {"reproduce --scale smoke -o x --json x/tables.md", "the same file"}}) {
    const std::string command = words;  // clang 14 captures no binding
    CAPTURE(command);
    const Outcome o = run(folder, command);
    CAPTURE(o.err);
    CHECK(o.code == 2);
    CHECK(one_line(o.err));
    CHECK(contains(o.err, found));
    CHECK(content() == before);
  }
  // Devices are nobody's, and a folder may hold what is read under a name that is not written.
  CHECK(run(folder, "fit z.npz --from 3 --json /dev/null --report /dev/null").code != 2);
  CHECK(run(folder, "infer m.st z.npz -o . --no-pictures").code == 0);
}

TEST_CASE("what cannot be written is said before the work") {
  const Folder folder;
  REQUIRE(run(folder, "simulate --samples 40 -o z.npz").code == 0);
  write_all(folder / "file", "");
  for (const std::string& command :
       {"infer " + trained_model() + " z.npz -o file",
        std::string("train --samples 900M --no-pictures -o m.st --checkpoint none/c"),
        std::string("simulate --samples 900M -o none/z.npz"),
        std::string("compare --estimators mle --traces 1M -o file/x"),
        std::string("simulate --samples 1000000000M -o a.npz"),
        std::string("fit z.npz --bin 0.179 --period 12.53 -o z.npz/x")}) {
    CAPTURE(command);
    const Outcome o = run(folder, command);
    CAPTURE(o.err);
    CHECK(o.code == 1);
    CHECK(one_line(o.err));
    CHECK(folder.names() == std::vector<std::string>{"file", "z.npz"});
  }
}
