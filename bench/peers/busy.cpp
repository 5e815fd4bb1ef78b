#include "bench/peers/busy.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "taugate/core/error.h"

namespace peers {

BusyProcess::BusyProcess() : pid_(::fork()) {
  taugate::require(pid_ >= 0, "a busy process cannot be started");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (volatile unsigned long i = 0;;) i = i + 1;
  }
  sleep();
}

BusyProcess::~BusyProcess() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void BusyProcess::wake() { ::kill(pid_, SIGCONT); }
void BusyProcess::sleep() { ::kill(pid_, SIGSTOP); }

}  // namespace peers
