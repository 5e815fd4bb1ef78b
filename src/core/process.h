#pragma once
// Running another program.

#include <sys/types.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

namespace taugate {

/// A program that runs beside this one, in a process group of its own: a Ctrl-C is for us, who pass
/// it on by end_child_processes().
class ChildProcess {
 public:
  /// Runs command[0], found along PATH, with the rest as its arguments, in `folder` (empty: this
  /// one). `streams`: descriptors that become its standard input, output and error. Error where it
  /// cannot be started, and after end_child_processes().
  ChildProcess(const std::vector<std::string>& command, const std::array<int, 3>& streams,
               const std::filesystem::path& folder = {});
  /// Ends it where nobody has waited for it.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Its exit status; 128 + the signal where a signal ended it.
  int wait();

 private:
  pid_t pid_ = 0;
};

/// Error, with the cure, where a program that will be run later is not there.
void require_program(const std::string& program, const std::string& cure);

/// Sends the signal to all child processes and those that they have started; no new ones begin.
void end_child_processes(int signal);

/// The same as ChildProcess and wait(), the output and the complaints into the file `log`.
int run_process(const std::vector<std::string>& command, const std::filesystem::path& log,
                const std::filesystem::path& folder = {});

}  // namespace taugate
