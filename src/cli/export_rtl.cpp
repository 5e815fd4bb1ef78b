#include <cstdio>
#include <filesystem>
#include <iostream>

#include "cli/commands.h"
#include "cli/options/outputs.h"
#include "cli/options/rtl_options.h"
#include "fli/inference/calibration_traces.h"
#include "taugate/core/file.h"
#include "taugate/fli/inference/trained_model.h"
#include "taugate/runtime/executor.h"

namespace taugate::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kVectorSeed = 0x766563746f72u;  // a data set of its own

Arguments declare() {
  Arguments a(
      "export-rtl", "MODEL -o FOLDER [options]",
      "Writes what rtl/ needs to hold a model of integers: the contents of its memories and "
      "the module\nseq2seq_model with its parameters (docs/rtl.md).",
      {"model"});
  a.group("")("o,output", "folder for the files", cxxopts::value<std::string>(), "FOLDER")(
      "vectors",
      "also write N simulated traces and the words that the integer executor makes of them",
      cxxopts::value<std::string>()->default_value("0"), "N");
  add_rtl_options(a);
  return a;
}

/// One word a line, as $readmemh reads them: `digits` hexadecimal digits of two's complement.
void write_words(const fs::path& path, std::span<const std::int64_t> words, int digits) {
  OutputFile file(path);
  for (const std::int64_t word : words) {
    char text[24];
    std::snprintf(text, sizeof text, "%016llx\n", static_cast<unsigned long long>(word));
    file.write(text + 16 - digits);
  }
  file.commit();
}

void write_vectors(const fs::path& folder, const QuantizedModel& model, std::size_t traces,
                   int data_bits) {
  const auto pixels = words_of(model.network, simulated_inputs(model, traces, kVectorSeed));
  std::vector<std::int16_t> input;
  for (const auto& pixel : pixels) input.insert(input.end(), pixel.begin(), pixel.end());
  std::vector<std::int64_t> output(input.size() * static_cast<std::size_t>(model.outputs()));
  ThreadScratch scratch;
  IntegerExecutor(model.network).run_words(scratch, input, output);
  make_folder(folder);
  write_words(folder / "golden_input.mem", std::vector<std::int64_t>(input.begin(), input.end()),
              4);
  write_words(folder / "golden_output.mem", output, data_bits / 4);
}

}  // namespace

int export_rtl(int argc, char** argv) {
  Arguments a = declare();
  if (!a.parse(argc, argv)) return kSuccess;
  const std::string file = a.positional("model");
  if (!a.has("output")) fail_usage("export-rtl: found no -o FOLDER");
  const RtlOptions options = rtl_options_from(a);
  check_outputs(a, {},
                in_output_folder(a, {"seq2seq_model.sv", "writes.txt", "golden_input.mem",
                                     "golden_output.mem"}));
  const std::uint64_t vectors = a.count("vectors");
  if (vectors > 1u << 20) fail_usage("--vectors: found ", vectors, ", wanted at most 2^20");
  if (!holds_integers(file))
    fail(file, ": found a model of floats, wanted one of integers (taugate quantize)");
  const QuantizedModel model = load_quantized_model(file);
  const RtlParameters parameters = rtl_parameters(model.network, options);
  const fs::path folder = a.text("output");
  if (vectors > 0) write_vectors(folder, model, vectors, parameters.data_bits());
  taugate::export_rtl(folder, model.network, parameters);
  print_parameters(model.network, parameters);
  std::cout << "wrote " << (folder / "seq2seq_model.sv").string()
            << " and its memories\nThe core that takes them is in " << rtl_folder().string()
            << '\n';
  return kSuccess;
}

}  // namespace taugate::cli
