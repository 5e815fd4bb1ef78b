// Everything that can be wrong with an option's value, a file or the surroundings, thrown at all
// commands: one line, the right exit code, and every file as it was.

#include <cmath>
#include <cstring>
#include <random>
#include <regex>
#include <set>

#include "fli/formats/npz.h"
#include "program.h"
#include "taugate/fli/formats/npy.h"

using namespace taugate::testing;
using taugate::concat;

namespace {

/// A folder with a file of each kind, made once.
const Folder& files() {
  static const Folder folder;
  static const bool made = [] {
    fs::copy(trained_model(), folder / "m.st");
    for (const char* command :
         {"quantize m.st --samples 64 --calibration 64 -o i.st", "simulate --samples 20 -o t.npz",
          "simulate --images 1 -o im.npz", "convert im.npz im.npy", "convert t.npz t.npy",
          "convert t.npz t.tif", "convert t.npz t.csv"}) {
      const Outcome o = run(folder, command);
      REQUIRE_MESSAGE(o.code == 0, o.err);
    }
    // A run that ends with an error leaves its checkpoint.
    run(folder,
        "train --samples 64 --validation 64 --hidden 4 --no-pictures -o c --json /dev/full");
    write_all(folder / "zero.csv", "# bin_ns=0.179 period_ns=12.53\n0,0,0,0\n");
    write_all(folder / "nan.csv", "# bin_ns=nan\n1,2,3\n");
    write_all(folder / "other.csv", "# bin_ns=0.1 period_ns=25\n0,1,9,30,9,1,0,0,0,0\n");
    // The image with time as its first axis.
    const std::vector<float> image = taugate::read_npy<float>(folder / "im.npy").values;
    const std::size_t gates = 70, pixels = image.size() / gates;
    std::vector<float> side(image.size());
    for (std::size_t i = 0; i < side.size(); ++i) side[i % gates * pixels + i / gates] = image[i];
    taugate::write_npy<float>(folder / "side.npy", {'f', 4, false}, {28, 28}, side);
    taugate::NpzWriter inf(folder / "inf.npz");
    inf.add("tpsf", {'f', 4, false}, {70}).append(std::span<const float>(image).first(70));
    const double period = HUGE_VAL;
    inf.add("period_ns", {'f', 8, false}, {}).append(std::span(&period, 1));
    inf.finish();
    return true;
  }();
  REQUIRE(made);
  return folder;
}

/// A command's arguments that want nothing but options.
constexpr std::pair<const char*, const char*> kCommands[] = {
    {"train", "--samples 64 --no-pictures -o x"},
    {"distill", "m.st --samples 64 --no-pictures -o x"},
    {"simulate", "--samples 9 -o x.npz"},
    {"evaluate", "m.st --samples 9"},
    {"infer", "m.st im.npz -o x"},
    {"fit", "im.npz --irf-fwhm 0.3 --irf-delay 1.5 -o x"},
    {"compare", "--estimators rld --series counts --traces 4"},
    {"convert", "im.npz x.npz"},
    {"info", "im.npz"},
    {"quantize", "m.st --samples 64 --calibration 64"},
    {"import", "m.st -o x"},
    {"export-onnx", "m.st -o x"},
    {"export-rtl", "i.st -o x"},
    {"cosim", "i.st --work x --rtl absent"},
    {"reproduce", "--scale smoke -o x --tables-only"}};

}  // namespace

TEST_CASE("a value that is none is refused by every option of every command") {
  const std::regex option(R"(\n +(?:-\w, )?--([\w-]+) ([A-Z][A-Z:,.]*))");
  const std::regex number(R"((N|NS|T|P|A|B|C|R|NORM|BITS|RANGE|N,N\.\.|NS:NS|NS,NS|ROW,COLUMN))");
  std::set<std::string> seen;
  std::size_t tried = 0;
  for (const auto& [command, arguments] : kCommands) {
    const std::string help = run(files(), concat(command, " --help")).out;
    for (std::sregex_iterator at(help.begin(), help.end(), option), end; at != end; ++at)
      for (const char* value : {"", "nan", "1e400", "5x", "0x10", "1,,2"}) {
        if (*value && !std::regex_match((*at)[2].str(), number)) continue;
        std::vector<std::string> all = words(concat(command, ' ', arguments));
        all.push_back(concat("--", (*at)[1].str(), '=', value));
        if (!seen.insert(all.back()).second) continue;  // shared with another command
        check_refused(files(), all, 2, {});
        ++tried;
      }
  }
  CHECK(tried > 300);
}

TEST_CASE("damaged files are refused or tell what is whole, on one line") {
  std::mt19937 random(5);
  const std::pair<const char*, const char*> cases[] = {
      {"t.npz", "info F"},
      {"t.npz", "fit F --irf-fwhm 0.3 --irf-delay 1.5"},
      {"t.npy", "info F"},
      {"t.tif", "info F"},
      {"t.csv", "info F"},
      {"m.st", "info F"},
      {"i.st", "info F"},
      {"c.checkpoint",
       "train --samples 64 --validation 64 --hidden 4 --no-pictures -o n --resume --checkpoint F"}};
  for (const auto& [file, command] : cases) {
    const Folder folder;
    const std::string name = file, whole = read_all(files() / name);
    const bool checked = std::strchr("mic", name[0]) != nullptr;  // has a checksum
    for (int i = 0; i < 24; ++i) {
      std::string bytes = whole;
      const std::size_t at = random() % whole.size();
      if (i % 3 == 0)
        bytes.resize(at);
      else
        bytes[i % 3 == 1 ? at : at % 200] ^= static_cast<char>(1 << random() % 8);
      write_all(folder / "F", bytes);
      CAPTURE(name);
      CAPTURE(i);
      CAPTURE(at);
      const Outcome o = run(folder, command);
      CAPTURE(o.err);
      CHECK((o.code == 1 || o.code == 2 || (o.code == 0 && !checked)));
      CHECK((o.code == 0 || one_line(o.err)));
      CHECK(folder.names() == std::vector<std::string>{"F"});
    }
  }
}

TEST_CASE("what contradicts a file, does nothing for it or cannot be right is refused") {
  const std::string irf = " --irf-fwhm 0.3 --irf-delay 1.5";
  const std::pair<std::string, std::string> misuses[] = {
      {"", "wanted a command"},
      {"fit t.npz --scale 1:2 -o x" + irf, "--scale: does nothing for t.npz, a list of traces"},
      {"infer m.st t.npz --scale 1:2 -o x", "--scale: does nothing for t.npz, a list of traces"},
      {"infer m.st im.npz --scale 1 -o x", "--scale: found '1', wanted two different lifetimes"},
      {"fit t.npz --to 500" + irf, "found 0 to 500 ns"},
      {"fit t.npz --gates 71" + irf, "found 71, wanted at most the 70 bins of t.npz"},
      {"fit t.npz --gates 0" + irf, "--gates: found 0"},
      {"fit t.npz --irf-fwhm 0.3 --irf-delay 1e15", "--irf-delay: found 1e+15"},
      {"fit t.npz --irf-fwhm 0.3 --irf-delay -1", "--irf-delay: found -1"},
      {"simulate --samples 9 --irf-delay -1 -o x.npz", "--irf-delay: found -1"},
      {"simulate --samples 9 --gate-width 1e-308 -o x.npz", "gate width (ns): found 1e-308"},
      {"fit t.npz --irf-fwhm 1e-308 --irf-delay 1", "wanted a width of 0.001"},
      {"fit t.npz --least-counts 1e308" + irf, "--least-counts: found 1e+308, wanted 0 to 1e+15"},
      {"infer m.st t.npz --first -1 -o x", "--first: found -1"},
      {"infer m.st t.npz --first 1e15 -o x", "found 1e+15 ns, wanted 0 to less than 12.53"},
      {"fit im.npy --time-first --bin 0.179 --period 12.53" + irf, "leave out --time-first"},
      {"fit t.npz --time-first" + irf, "leave out --time-first"},
      {"fit side.npy --bin 0.179 --period 12.53" + irf, "is the first axis, give --time-first"},
      {"infer m.st side.npy --bin 0.179 --period 12.53 -o x", "give --time-first"},
      {"compare --series counts,counts --traces 4", "--series: found 'counts,counts'"},
      {"evaluate m.st --unlike --write-margin", "--unlike: does nothing beside --write-margin"},
      {"evaluate m.st --unlike --tau 1:2", "--tau: does nothing beside --unlike"},
      {"simulate --samples 9 -o x.csv", "wanted a name that ends in .npz"},
      {"simulate --plate 9 -o x.npz", "plate: pixels a side: found 9"},
      {"simulate --plate 32 --irf-output x.tif -o x.npz", "--irf-output: found x.tif"},
      {"simulate --plate 32 --tau 1:2 -o x.npz", "--tau: does nothing beside --plate"},
      {"train --samples 64 --rate 1e-308 -o x", "learning rate: found 1e-308"},
      {"distill m.st --samples 64 --alpha 0 --beta 0 -o x", "teaches nothing"},
      {"cosim i.st --flip 99999,0 --work x", "bit to flip: found column 99999"}};
  const std::pair<std::string, std::string> failures[] = {
      {"fit t.npz --report /dev/stdout" + irf, "wanted a file, found a device"},
      {"infer m.st t.npz -o x --report /dev/stdout", "wanted a file, found a device"},
      {"fit zero.csv" + irf, "zero.csv: found no count in 1 trace(s) of 4 bins"},
      {"infer m.st zero.csv -o x", "zero.csv: found no count"},
      {"info nan.csv", "nan.csv: line 1: found 'bin_ns=nan', wanted a number above 0"},
      {"info inf.npz", "inf.npz: found a laser period of inf ns"},
      {"fit t.npz --irf other.csv", "other.csv: was measured with a laser period"},
      {"train --samples 64 --irf other.csv -o x", "other.csv: was measured with a laser period"},
      {"cosim i.st --rtl . --work x", "found no SystemVerilog"},
      {"reproduce --scale smoke --tables-only -o x", "x: holds no runs; leave out --tables-only"}};
  for (const auto& [command, found] : misuses) check_refused(files(), words(command), 2, {found});
  for (const auto& [command, found] : failures) check_refused(files(), words(command), 1, {found});
}

TEST_CASE("pictures that cannot be drawn are told before the work") {
  files();  // which takes the programs of PATH
  const Environment path("PATH", "/nonexistent");
  for (const char* command :
       {"infer m.st t.npz -o x", "fit t.npz --irf-fwhm 0.3 --irf-delay 1.5 --report x.html",
        "train --samples 900M -o x", "compare --traces 1M -o x", "reproduce -o x"})
    check_refused(files(), words(command), 1,
                  {"gnuplot: is not among the programs of PATH", "--no-pictures does without"});
  check_refused(files(), words("evaluate m.st --samples 100M --scatter-plot x.png"), 1,
                {"gnuplot"});
  check_refused(files(), words("cosim i.st --work x"), 1, {"verilator: is not among"});
}
