#include "core/interrupt.h"

#include <semaphore.h>

#include <atomic>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <ctime>

namespace taugate {
namespace {

std::atomic<int> requested{0};  // the first signal that came
std::atomic<int> left{0};       // requests that will be taken as such
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only touch such flags");

sem_t& arrivals() {
  static sem_t semaphore = [] {
    sem_t zero;
    sem_init(&zero, 0, 0);
    return zero;
  }();
  return semaphore;
}

void on_signal(int number) {
  const int error = errno;
  int none = 0;
  requested.compare_exchange_strong(none, number);
  if (left.fetch_sub(1) > 0) {
    sem_post(&arrivals());
    errno = error;
    return;
  }
  // Blocked while this handler runs; delivered, with its default effect, when it returns.
  std::signal(number, SIG_DFL);
  std::raise(number);
}

}  // namespace

void install_interrupt_handler(int requests) {
  arrivals();
  left = requests;
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  struct sigaction now {};
  if (sigaction(SIGHUP, nullptr, &now) == 0 && now.sa_handler != SIG_IGN)
    sigaction(SIGHUP, &action, nullptr);
}

bool interrupted() { return interrupt_signal() != 0; }

int interrupt_signal() { return requested.load(std::memory_order_relaxed); }

bool wait_for_interrupt(double seconds) {
  timespec until{};
  clock_gettime(CLOCK_REALTIME, &until);
  const double whole = std::floor(seconds);
  until.tv_sec += static_cast<std::time_t>(whole);
  until.tv_nsec += static_cast<long>((seconds - whole) * 1e9);
  if (until.tv_nsec >= 1'000'000'000) {
    until.tv_nsec -= 1'000'000'000;
    ++until.tv_sec;
  }
  int result = 0;
  do result = sem_timedwait(&arrivals(), &until);
  while (result != 0 && errno == EINTR);
  return result == 0;
}

void clear_interrupt() {
  if (requested.exchange(0) != 0) ++left;
}

}  // namespace taugate
