#include "taugate/core/interrupt.h"

#include <atomic>
#include <csignal>

namespace taugate {
namespace {

std::atomic<bool> requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch such flags");

void on_signal(int number) {
  if (!requested.exchange(true)) return;
  // Blocked while this handler runs; delivered, with its default effect, when it returns.
  std::signal(number, SIG_DFL);
  std::raise(number);
}

}  // namespace

void install_interrupt_handler() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return requested.load(std::memory_order_relaxed); }

void clear_interrupt() { requested = false; }

}  // namespace taugate
