// taugate export-rtl, and what it and cosim refuse. (The RTL itself: tests/rtl.)

#include "program.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

void quantize(const Folder& folder) {
  const Outcome o = run(
      folder, "quantize " + trained_model() + " --samples 100 --calibration 32 -o i.safetensors");
  REQUIRE_MESSAGE(o.code == 0, o.err);
}

std::size_t lines_of(const fs::path& path) {
  const std::string text = read_all(path);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("export-rtl writes the memories, the module and golden vectors") {
  Folder folder;
  quantize(folder);
  const Outcome o = run(folder, "export-rtl i.safetensors -o core --cores 2 --vectors 3");
  REQUIRE_MESSAGE(o.code == 0, o.err);
  // 8 units, one output, 70 gates.
  CHECK(lines_of(folder / "core/weights.mem") == 17);
  for (const char* rows :
       {"core/rows_r.mem", "core/rows_z.mem", "core/rows_n.mem", "core/rows_s.mem"})
    CHECK(lines_of(folder / rows) == 16);
  CHECK(lines_of(folder / "core/golden_input.mem") == 3 * 70);
  CHECK(lines_of(folder / "core/golden_output.mem") == 3 * 70);
  const std::string module = read_all(folder / "core/seq2seq_model.sv");
  for (const char* text : {".H(8)", ".Cores(2)", ".TMax(70)", ".Contexts(5)", ".LoadFiles(1)"})
    CHECK(module.find(text) != std::string::npos);
}

TEST_CASE("export-rtl and cosim refuse what makes no sense, in one line") {
  Folder folder;
  quantize(folder);
  const auto refused = [&](const std::string& command, int code, const char* why) {
    const Outcome o = run(folder, command);
    CHECK(o.code == code);
    CHECK_MESSAGE(o.err.find(why) != std::string::npos, o.err);
    CHECK(std::count(o.err.begin(), o.err.end(), '\n') == 1);
  };
  refused("export-rtl " + trained_model() + " -o core", 1, "found a model of floats");
  refused("export-rtl i.safetensors", 2, "found no -o FOLDER");
  refused("export-rtl i.safetensors -o core --cores 0", 2, "cores: found 0, wanted 1..64");
  refused("cosim " + trained_model(), 1, "found a model of floats");
  refused("cosim i.safetensors --stalls 1", 2, "--stalls: found 1, wanted 0 to below 1");
  refused("cosim i.safetensors --flip 3", 2, "--flip: found 3, wanted COLUMN,BIT");
  refused("cosim i.safetensors --rtl nowhere", 1, "nowhere: found no SystemVerilog here");
  CHECK(folder.names() == std::vector<std::string>{"i.safetensors"});
}
