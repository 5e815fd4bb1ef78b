#include "allocation_trap.h"

#include <atomic>
#include <cstdlib>
#include <new>

#include "nn/nn_testing.h"
#include "taugate/core/parallel.h"
#include "taugate/runtime/engine.h"
#include "taugate/runtime/stream.h"
#include "testing.h"

namespace {

std::atomic<bool> armed{false};
std::atomic<std::size_t> allocations{0};

void* counted(std::size_t bytes, std::size_t alignment) {
  if (armed.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* p = std::aligned_alloc(alignment, rounded > 0 ? rounded : alignment);
  if (!p) throw std::bad_alloc();
  return p;
}

/// Not inlined: g++ would take free() for the wrong partner of the operator new that it sees.
[[gnu::noinline]] void release(void* p) { std::free(p); }

}  // namespace

// The array forms call the plain ones by default, but a sanitizer puts its own in their place.
void* operator new(std::size_t bytes) { return counted(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new[](std::size_t bytes) { return counted(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept { release(p); }
void operator delete[](void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { release(p); }

namespace taugate::testing {

void arm_allocation_trap() {
  allocations = 0;
  armed = true;
}

std::size_t disarm_allocation_trap() {
  armed = false;
  return allocations;
}

}  // namespace taugate::testing
