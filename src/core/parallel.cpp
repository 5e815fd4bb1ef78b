#include "taugate/core/parallel.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "taugate/core/error.h"

namespace taugate {
namespace {

int requested_threads = 0;          // 0: what the environment or the machine proposes
thread_local bool working = false;  // this thread is inside a parallel_for

int proposed_threads() {
  const char* wish = std::getenv("OMP_NUM_THREADS");
  const long wished = wish ? std::strtol(wish, nullptr, 10) : 0;
  return wished > 0 ? static_cast<int>(std::min<long>(wished, kMostThreads))
                    : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

/// Returns once `value` is no longer `old`: looks for some microseconds, then sleeps.
std::uint32_t wait_for_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  for (int look = 0; look < 400; ++look) {
    const std::uint32_t now = value.load(std::memory_order_acquire);
    if (now != old) return now;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

/// The helpers of one program, and the one job that they help with.
class Pool {
 public:
  /// False, and nothing is done, while another thread has the pool.
  bool run(std::size_t items, void* context, void (*body)(void*, std::size_t, int), int threads) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return false;
    hire(threads - 1);
    items_ = items;
    context_ = context;
    body_ = body;
    threads_ = threads;
    next_.store(0, std::memory_order_relaxed);
    failed_.clear();
    failure_ = nullptr;
    state_.store(kOpen, std::memory_order_release);
    jobs_.fetch_add(1, std::memory_order_release);
    jobs_.notify_all();
    work(0);
    // Nobody joins from here on; who has joined is waited for.
    std::uint32_t state = state_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
    while (state != 0) state = wait_for_change(state_, state);
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return true;
  }

 private:
  // state_: whether the job may be joined, and how many helpers have joined.
  static constexpr std::uint32_t kOpen = 1, kHelper = 2;

  /// Makes sure that there are so many helpers, or as many as the system grants. They are never
  /// let go: they sleep until the program ends.
  void hire(int helpers) {
    try {
      for (; hired_ < helpers; ++hired_)
        std::thread([this, number = hired_ + 1, jobs = jobs_.load()] {
          help(number, jobs);
        }).detach();
    } catch (const std::system_error&) {
    }
  }

  void help(int number, std::uint32_t jobs) {
    for (;;) {
      jobs = wait_for_change(jobs_, jobs);
      if (!join()) continue;
      if (number < threads_) work(number);
      if (state_.fetch_sub(kHelper, std::memory_order_acq_rel) == kHelper) state_.notify_all();
    }
  }

  bool join() {
    std::uint32_t state = state_.load(std::memory_order_relaxed);
    while (state & kOpen)
      if (state_.compare_exchange_weak(state, state + kHelper, std::memory_order_acq_rel))
        return true;
    return false;
  }

  void work(int thread) {
    working = true;
    for (std::size_t item; (item = next_.fetch_add(1, std::memory_order_relaxed)) < items_;) {
      try {
        body_(context_, item, thread);
      } catch (...) {
        if (!failed_.test_and_set()) failure_ = std::current_exception();
      }
    }
    working = false;
  }

  std::mutex mutex_;  // held by the thread whose job it is
  int hired_ = 0;
  std::atomic<std::uint32_t> jobs_{0};  // that there have been; helpers sleep on it
  std::atomic<std::uint32_t> state_{0};

  std::size_t items_ = 0;
  void* context_ = nullptr;
  void (*body_)(void*, std::size_t, int) = nullptr;
  int threads_ = 1;
  std::atomic<std::size_t> next_{0};
  std::atomic_flag failed_;
  std::exception_ptr failure_;
};

}  // namespace

int thread_count() {
  static const int proposed = proposed_threads();
  return requested_threads > 0 ? requested_threads : proposed;
}

void set_thread_count(int count) {
  if (count < 1 || count > kMostThreads)
    fail_usage("threads: found ", count, ", wanted 1 to ", kMostThreads);
  requested_threads = count;
}

void detail::parallel_for(std::size_t items, void* context,
                          void (*body)(void*, std::size_t item, int thread)) {
  static Pool& pool = *new Pool;  // outlives the helpers, who outlive main()
  if (items > 1 && thread_count() > 1 && !working && pool.run(items, context, body, thread_count()))
    return;
  std::exception_ptr failure;
  for (std::size_t item = 0; item < items; ++item) {
    try {
      body(context, item, 0);
    } catch (...) {
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace taugate
