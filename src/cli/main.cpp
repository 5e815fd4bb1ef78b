// taugate: the program. An Error becomes one line on stderr and exit code 1, a UsageError exit
// code 2.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include "cli/commands.h"
#include "cli/options/ranks.h"
#include "cli/options/verbosity.h"
#include "core/interrupt.h"
#include "core/process.h"
#include "fli/formats/hdf5.h"
#include "taugate/core/error.h"
#include "taugate/core/file.h"

namespace taugate::cli {
namespace {

struct Command {
  const char* name;
  int (*run)(int, char**);
  const char* about;
  bool ends_in_order = true;  ///< looks for interrupts itself; others end at once
  bool in_ranks = false;      ///< several ranks do its work together
};

constexpr Command kCommands[] = {
    {"simulate", simulate, "make simulated traces or images and write them as NPZ"},
    {"train", train, "train a network on simulated traces made on the fly", true, true},
    {"distill", distill, "train a student from a teacher as well as from the truth", true, true},
    {"quantize", quantize, "turn a float network into integers and measure both"},
    {"evaluate", evaluate, "measure a network on fresh simulated traces"},
    {"infer", infer, "turn measured traces or image stacks into decays, lifetimes and maps", false,
     true},
    {"models", models, "list the trained models that come with the program"},
    {"fit", fit, "estimate lifetimes of measured traces by the field's methods", true, true},
    {"reproduce", reproduce, "carry out the tables of the paper, and write them beside its figures",
     true, true},
    {"import", import_weights, "make a model of weights that PyTorch or Keras has trained", false},
    {"export-onnx", export_onnx, "write a model for ONNX runtimes", false},
    {"export-rtl", export_rtl, "write what the FPGA core needs to hold a model of integers", false},
    {"cosim", cosim, "run traces through the FPGA core and compare every word"},
    {"compare", compare, "set networks beside the field's estimators and the statistical bound"},
    {"convert", convert, "write the traces of a file in another format", false},
    {"info", info, "tell what a model or a file of traces holds", false},
};

std::atomic<bool> ends_in_order{true};  // of the command that runs
std::mutex last_words_mutex;
std::string last_words;  // under the mutex

void print_help() {
  std::cout
      << "taugate: GRUs for fluorescence lifetime imaging\n\nUsage: taugate COMMAND [options]\n\n";
  for (const auto& command : kCommands) {
    std::cout << "  " << command.name << std::string(12 - std::strlen(command.name), ' ')
              << command.about << '\n';
  }
  std::cout << "\ntaugate help COMMAND tells a command's options, taugate --version the version. "
               "TAUGATE_ARCH=scalar|sse4|avx2|avx512\n"
               "forces an instruction set, OMP_NUM_THREADS or --threads the number of threads.\n";
}

int run(int argc, char** argv) {
  if (argc < 2) fail_usage("wanted a command (see: taugate --help)");
  const std::string name = argv[1];
  if (name == "help" && argc > 2) {
    char option[] = "--help";
    char* asked[] = {argv[0], argv[2], option};
    if (argc > 3) fail_usage("help: found '", argv[3], "', wanted one command");
    return run(3, asked);
  }
  if (name == "--help" || name == "-h" || name == "help") {
    print_help();
    return kSuccess;
  }
  if (name == "--version" || name == "-V") {
    std::cout << "taugate " TAUGATE_VERSION "\n";
    return kSuccess;
  }
  for (const auto& command : kCommands)
    if (name == command.name) {
      ends_in_order = command.ends_in_order;
      ranks();  // from here on one of them speaks for all
      if (!command.in_ranks) require_one_rank(name);
      const int code = command.run(argc - 1, argv + 1);
      print_what_it_took();
      return code;
    }
  std::string known;
  for (const auto& command : kCommands) known += concat(known.empty() ? "" : ", ", command.name);
  fail_usage("found command '", name, "', wanted one of ", known);
}

/// Descriptors 0 to 2 that were closed must not become those of files. Error for a closed standard
/// output: what a command says would be lost.
void check_standard_streams() {
  bool closed[3]{};
  for (int i = 0; i < 3; ++i) {
    closed[i] = ::fcntl(i, F_GETFD) < 0 && errno == EBADF;
    if (closed[i] && ::open("/dev/null", i == 0 ? O_RDONLY : O_WRONLY) != i) std::_Exit(kFailure);
  }
  require(!closed[1], "standard output: is closed");
}

/// `code`, or what a standard output that did not take everything makes of it. Where its reader has
/// gone (| head), the command has done its work all the same and ends as others by SIGPIPE.
int check_standard_output(int code) {
  errno = 0;
  std::cout.flush();
  if (std::fflush(stdout) == 0 && std::cout && !std::ferror(stdout)) return code;
  const int error = errno;
  pollfd pipe{1, POLLOUT, 0};
  if (error == EPIPE || (::poll(&pipe, 1, 0) == 1 && (pipe.revents & POLLERR)))
    return code != kSuccess ? code : 128 + SIGPIPE;
  if (code == kSuccess)
    fail("standard output: cannot be written: ",
         error ? std::strerror(error) : "a part of it is lost");
  return code;
}

/// A command that looks for interrupts has a second to stop in order. Then, or when it is asked
/// again, or at once where it does not look for them, the process ends without it, and leaves no
/// file half-written and no child running.
void watch_for_interrupts() {
  install_interrupt_handler(2);
  std::thread([] {
    while (!wait_for_interrupt(3600.0)) {
    }
    end_child_processes(SIGTERM);
    if (ends_in_order) wait_for_interrupt(1.0);
    end_child_processes(SIGKILL);
    abandon_output_files();
    const std::lock_guard lock(last_words_mutex);
    std::fputs(last_words.c_str(), stdout);
    std::fflush(stdout);
    std::_Exit(128 + interrupt_signal());
  }).detach();
}

/// Threads that wait sleep at once: where others compute, too, spinning ones keep each other from
/// work. OpenMP reads this when the program is loaded, so it is loaded again. Where that cannot be,
/// or somebody has chosen already, nothing changes.
void let_waiting_threads_sleep(char** argv) {
  constexpr const char *policy = "OMP_WAIT_POLICY", *threads = "OMP_NUM_THREADS";
  std::error_code ignored;
  if (std::getenv(policy) || ::setenv(policy, "passive", 1) != 0) return;
  // Of a number that is none OpenMP has complained by now, which is enough.
  const char* wish = std::getenv(threads);
  if (wish && !(std::isdigit(static_cast<unsigned char>(*wish)) && std::atol(wish) > 0))
    ::unsetenv(threads);
  ::execv(std::filesystem::read_symlink("/proc/self/exe", ignored).c_str(), argv);
}

/// In one line, whatever text of a damaged file is in it.
int complain(const char* what, int code, const char* prefix = "") {
  std::string line = what;
  for (char& c : line)
    if (std::iscntrl(static_cast<unsigned char>(c))) c = '?';
  if (const char* rank = rank_that_fails())
    std::cerr << "taugate: " << rank << prefix << line << '\n';
  return code;
}

int guarded_run(int argc, char** argv) {
  try {
    check_standard_streams();
    return check_standard_output(run(argc, argv));
  } catch (const UsageError& e) {
    return complain(e.what(), kMisuse);
  } catch (const Error& e) {
    // What an interrupt has broken off, a child process for one, is no failure.
    return interrupted() ? kInterrupted : complain(e.what(), kFailure);
  } catch (const std::bad_alloc&) {
    return complain("out of memory", kFailure);
  } catch (const std::length_error&) {
    return complain("out of memory: a size is beyond what a machine can hold", kFailure);
  } catch (const std::filesystem::filesystem_error& e) {
    const std::string where = e.path1().empty() ? "the working folder" : e.path1().string();
    return complain((where + ": " + e.code().message()).c_str(), kFailure);
  } catch (const std::exception& e) {
    return complain(e.what(), kFailure, "a mistake in the program, please report it: ");
  }
}

}  // namespace

void set_last_words(std::string words) {
  const std::lock_guard lock(last_words_mutex);
  last_words = std::move(words);
}

}  // namespace taugate::cli

int main(int argc, char** argv) {
  taugate::cli::let_waiting_threads_sleep(argv);
  // Writing then fails with a reason, which we tell, where it would end us without a word.
  for (const int number : {SIGPIPE, SIGXFSZ}) std::signal(number, SIG_IGN);
  taugate::cli::watch_for_interrupts();
  taugate::no_hdf5_clean_up_at_exit();
  const int code = taugate::cli::guarded_run(argc, argv);
  taugate::cli::leave_ranks(code);
  return taugate::interrupted() ? 128 + taugate::interrupt_signal() : code;
}
