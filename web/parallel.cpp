#include "taugate/core/parallel.h"

#include <emscripten.h>

#include "taugate/core/error.h"

// One thread, which tells the page how far it is.
EM_JS(void, taugate_progress, (double share), {
  if (Module.onProgress) Module.onProgress(share);
});

namespace taugate {

int thread_count() { return 1; }

void set_thread_count(int count) {
  require(count == 1, "threads: found ", count, ", wanted 1 in a browser");
}

void detail::parallel_for(std::size_t items, void* context,
                          void (*body)(void*, std::size_t item, int thread)) {
  const std::size_t step = items / 100 + 1;
  for (std::size_t item = 0; item < items; ++item) {
    body(context, item, 0);
    if (item % step == 0) taugate_progress(static_cast<double>(item) / static_cast<double>(items));
  }
}

}  // namespace taugate
