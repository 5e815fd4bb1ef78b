#pragma once
// The one wrapper round OpenMP. Work is cut into items whose results do not depend on who computes
// them, so the number of threads never changes a result.

#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>

namespace taugate {

/// Threads that parallel_for uses: OMP_NUM_THREADS or the number of cores, until set_threads is
/// called.
int thread_count();
void set_thread_count(int count);  ///< count >= 1

namespace detail {
void parallel_for(std::size_t items, void* context,
                  void (*body)(void*, std::size_t item, int thread));
}

/// Calls body(item, thread) for every item in [0, items), each exactly once, in any order and on
/// any thread; `thread` is in [0, thread_count()). Items are handed out one by one as threads
/// become free, so make them large. The first exception thrown by a body is rethrown here.
/// Allocates nothing.
template <class Body>
void parallel_for(std::size_t items, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::parallel_for(items, const_cast<void*>(static_cast<const void*>(std::addressof(body))),
                       [](void* context, std::size_t item, int thread) {
                         (*static_cast<Plain*>(context))(item, thread);
                       });
}

}  // namespace taugate
