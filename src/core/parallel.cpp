#include "taugate/core/parallel.h"

#include "taugate/core/error.h"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace taugate {
namespace {
int requested_threads = 0;  // 0: what OpenMP proposes
}

int thread_count() {
  if (requested_threads > 0) return requested_threads;
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

void set_thread_count(int count) {
  if (count < 1) fail_usage("threads: found ", count, ", wanted at least 1");
  requested_threads = count;
}

void detail::parallel_for(std::size_t items, void* context,
                          void (*body)(void*, std::size_t item, int thread)) {
  std::exception_ptr first_failure;
#ifdef _OPENMP
#pragma omp parallel num_threads(thread_count())
#endif
  {
#ifdef _OPENMP
    const int thread = omp_get_thread_num();
#pragma omp for schedule(dynamic, 1) nowait  // the region ends with a barrier anyway
#else
    const int thread = 0;
#endif
    for (std::size_t item = 0; item < items; ++item) {
      try {
        body(context, item, thread);
      } catch (...) {
#ifdef _OPENMP
#pragma omp critical(taugate_failure)
#endif
        if (!first_failure) first_failure = std::current_exception();
      }
    }
  }
  if (first_failure) std::rethrow_exception(first_failure);
}

}  // namespace taugate
