#include "taugate/core/parallel.h"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <mutex>
#include <string>

#include "taugate/core/error.h"

namespace taugate {
namespace {

int requested_threads = 0;  // 0: what the environment or the machine proposes
bool forked = false;        // from a process whose OpenMP threads did not come along

/// Processors that the control group of this process has time for; no limit is a large number.
double granted_processors() {
  std::ifstream groups("/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line) && !line.starts_with("0::")) {
  }
  double microseconds = 0.0, period = 0.0;
  for (const std::string& group : {line.empty() ? "" : line.substr(3), std::string()}) {
    std::ifstream limit("/sys/fs/cgroup" + group + "/cpu.max");  // "max 100000" where there is none
    if (limit >> microseconds >> period && microseconds > 0.0 && period > 0.0)
      return microseconds / period;
  }
  return kMostThreads;
}

int proposed_threads() {
  const char* wish = std::getenv("OMP_NUM_THREADS");
  const long wished = wish ? std::strtol(wish, nullptr, 10) : 0;
  if (wished > 0) return static_cast<int>(std::min<long>(wished, kMostThreads));
  const double granted = std::min<double>(std::ceil(granted_processors()), omp_get_num_procs());
  return std::clamp(static_cast<int>(granted), 1, kMostThreads);
}

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
  static std::mutex regions;
  [[maybe_unused]] static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { forked = true; });
  std::exception_ptr failure;
  const auto work = [&](std::size_t item, int thread) {
    try {
      body(context, item, thread);
    } catch (...) {
#pragma omp critical(taugate_failure)
      if (!failure) failure = std::current_exception();
    }
  };
  std::unique_lock<std::mutex> region(regions, std::defer_lock);
  if (items > 1 && thread_count() > 1 && !forked && !omp_in_parallel() && region.try_lock()) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(thread_count())
    for (std::size_t item = 0; item < items; ++item) work(item, omp_get_thread_num());
  } else {
    for (std::size_t item = 0; item < items; ++item) work(item, 0);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace taugate
