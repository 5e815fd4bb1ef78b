// taugate: the program. An Error becomes one line on stderr and exit code 1, a UsageError exit
// code 2.

#include <cstring>
#include <iostream>
#include <new>

#include "commands.h"
#include "taugate/core/error.h"
#include "taugate/core/hdf5.h"
#include "taugate/core/interrupt.h"

namespace taugate::cli {
namespace {

struct Command {
  const char* name;
  int (*run)(int, char**);
  const char* about;
};

constexpr Command kCommands[] = {
    {"simulate", simulate, "make simulated traces or images and write them as NPZ"},
    {"train", train, "train a network on simulated traces made on the fly"},
    {"distill", distill, "train a student from a teacher as well as from the truth"},
    {"quantize", quantize, "turn a float network into integers and measure both"},
    {"evaluate", evaluate, "measure a network on fresh simulated traces"},
    {"infer", infer, "turn measured traces or image stacks into decays, lifetimes and maps"},
    {"fit", fit, "estimate lifetimes of measured traces by the field's methods"},
    {"reproduce", reproduce,
     "carry out the tables of the paper, and write them beside its figures"},
    {"import", import_weights, "make a model of weights that PyTorch or Keras has trained"},
    {"export-onnx", export_onnx, "write a model for ONNX runtimes"},
    {"export-rtl", export_rtl, "write what the FPGA core needs to hold a model of integers"},
    {"cosim", cosim, "run traces through the FPGA core and compare every word"},
    {"compare", compare, "set networks beside the field's estimators and the statistical bound"},
    {"convert", convert, "write the traces of a file in another format"},
    {"info", info, "tell what a model or a file of traces holds"},
};

void print_help() {
  std::cout
      << "taugate: GRUs for fluorescence lifetime imaging\n\nUsage: taugate COMMAND [options]\n\n";
  for (const auto& command : kCommands) {
    std::cout << "  " << command.name << std::string(12 - std::strlen(command.name), ' ')
              << command.about << '\n';
  }
  std::cout << "\ntaugate COMMAND --help tells a command's options. "
               "TAUGATE_ARCH=scalar|sse4|avx2|avx512\n"
               "forces an instruction set, OMP_NUM_THREADS or --threads the number of threads.\n";
}

int run(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "--help";
  if (name == "--help" || name == "-h" || name == "help") {
    print_help();
    return argc > 1 ? kSuccess : kMisuse;
  }
  if (name == "--version") {
    std::cout << "taugate " TAUGATE_VERSION "\n";
    return kSuccess;
  }
  for (const auto& command : kCommands)
    if (name == command.name) return command.run(argc - 1, argv + 1);
  std::string known;
  for (const auto& command : kCommands) known += concat(known.empty() ? "" : ", ", command.name);
  fail_usage("found command '", name, "', wanted one of ", known);
}

}  // namespace
}  // namespace taugate::cli

int main(int argc, char** argv) {
  using namespace taugate;
  install_interrupt_handler();
  no_hdf5_clean_up_at_exit();
  try {
    return cli::run(argc, argv);
  } catch (const UsageError& e) {
    std::cerr << "taugate: " << e.what() << '\n';
    return cli::kMisuse;
  } catch (const std::bad_alloc&) {
    std::cerr << "taugate: out of memory\n";
    return cli::kFailure;
  } catch (const std::exception& e) {
    std::cerr << "taugate: " << e.what() << '\n';
    return cli::kFailure;
  }
}
