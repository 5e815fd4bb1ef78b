#include "core/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <sstream>
#include <utility>

#include "taugate/core/error.h"

extern char** environ;

namespace taugate {
namespace {

/// Children that were not reaped yet, so that their numbers are theirs. Whoever starts or reaps one
/// holds the lock.
struct Children {
  std::mutex mutex;
  std::set<pid_t> all;
  bool ending = false;
};
Children& children() {
  static Children& those = *new Children;  // outlives the threads, who outlive main()
  return those;
}

class SpawnSettings {
 public:
  SpawnSettings(const std::array<int, 3>& streams, const std::filesystem::path& folder) {
    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 3; ++i)
      posix_spawn_file_actions_adddup2(&actions, streams[static_cast<std::size_t>(i)], i);
    if (!folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setpgroup(&attributes, 0);
    // What we ignore (a closed pipe, a limit of size), other programs may rely on.
    sigset_t defaults;
    sigemptyset(&defaults);
    for (const int number : {SIGPIPE, SIGXFSZ}) sigaddset(&defaults, number);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command,
                           const std::array<int, 3>& streams, const std::filesystem::path& folder) {
  require(!command.empty(), "[process] found an empty command");
  std::vector<char*> arguments;
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  SpawnSettings settings(streams, folder);
  const std::scoped_lock lock(children().mutex);
  require(!children().ending, command[0], ": is not started: the program is about to end");
  const int error = posix_spawnp(&pid_, arguments[0], &settings.actions, &settings.attributes,
                                 arguments.data(), environ);
  require(error == 0, command[0], ": cannot be run: ", std::strerror(error));
  children().all.insert(pid_);
}

ChildProcess::~ChildProcess() {
  if (pid_ == 0) return;
  ::kill(-pid_, SIGKILL);
  try {
    wait();
  } catch (const Error&) {
  }
}

int ChildProcess::wait() {
  // Waited for first and reaped under the lock: meanwhile its number is nobody else's.
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0)
    require(errno == EINTR, "[process] cannot wait: ", std::strerror(errno));
  const std::scoped_lock lock(children().mutex);
  int status = 0;
  const pid_t reaped = ::waitpid(pid_, &status, 0);
  children().all.erase(std::exchange(pid_, 0));
  require(reaped > 0, "[process] cannot wait: ", std::strerror(errno));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void require_program(const std::string& program, const std::string& cure) {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  bool found = program.find('/') != std::string::npos && ::access(program.c_str(), X_OK) == 0;
  for (std::string folder; !found && std::getline(folders, folder, ':');)
    found = ::access((std::filesystem::path(folder) / program).c_str(), X_OK) == 0;
  require(found, program, ": is not among the programs of PATH; ", cure);
}

void end_child_processes(int signal) {
  const std::scoped_lock lock(children().mutex);
  children().ending = true;
  for (const pid_t child : children().all) ::kill(-child, signal);
}

int run_process(const std::vector<std::string>& command, const std::filesystem::path& log,
                const std::filesystem::path& folder) {
  struct Descriptor {
    explicit Descriptor(int which) : fd(which) {}
    ~Descriptor() { ::close(fd); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int fd;
  };
  const Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Descriptor words(::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  require(words.fd >= 0, log.string(), ": cannot be written: ", std::strerror(errno));
  return ChildProcess(command, {nothing.fd, words.fd, words.fd}, folder).wait();
}

}  // namespace taugate
