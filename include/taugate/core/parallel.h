#pragma once
// Threads, by OpenMP. Work is cut into items whose results do not depend on who computes them, so the
// number of threads never changes a result.
//
// OpenMP's threads look for work for a while before they sleep, which takes the processor from
// others: set OMP_WAIT_POLICY=passive before the program starts where the machine is shared, as the
// program taugate does for itself.

#include <cstddef>
#include <memory>
#include <type_traits>

namespace taugate {

inline constexpr int kMostThreads = 1024;  ///< each holds memory of its own

/// Threads that parallel_for uses, the calling one included: OMP_NUM_THREADS (at most kMostThreads),
/// or as many as the process has processors by its affinity and its control group, until
/// set_thread_count is called.
int thread_count();
void set_thread_count(int count);  ///< 1 to kMostThreads

namespace detail {
void parallel_for(std::size_t items, void* context,
                  void (*body)(void*, std::size_t item, int thread));
}

/// Calls body(item, thread) for every item in [0, items), each exactly once, in any order and on
/// any thread; `thread` is in [0, thread_count()), and 0 is the calling one. Items are handed out
/// one by one as threads become free, so make them large. The first exception thrown by a body is
/// rethrown here. Allocates nothing, unless there are more threads than ever before.
/// All items run on the calling thread where there is only one, inside another parallel_for of
/// several items, while another thread of the program is in one, and in a forked process.
template <class Body>
void parallel_for(std::size_t items, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::parallel_for(items, const_cast<void*>(static_cast<const void*>(std::addressof(body))),
                       [](void* context, std::size_t item, int thread) {
                         (*static_cast<Plain*>(context))(item, thread);
                       });
}

}  // namespace taugate
