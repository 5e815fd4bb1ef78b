#include "allocation_trap.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "nn/nn_testing.h"
#include "taugate/core/parallel.h"
#include "taugate/runtime/executor.h"
#include "testing.h"

namespace {

std::atomic<bool> armed{false};
std::atomic<std::size_t> allocations{0};
std::atomic<std::size_t> live{0}, peak{0};  // bytes

void* counted(std::size_t bytes, std::size_t alignment) {
  if (armed.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* p = std::aligned_alloc(alignment, rounded > 0 ? rounded : alignment);
  if (!p) throw std::bad_alloc();
  const std::size_t usable = ::malloc_usable_size(p);
  const std::size_t now = live.fetch_add(usable, std::memory_order_relaxed) + usable;
  for (std::size_t seen = peak; seen < now && !peak.compare_exchange_weak(seen, now);) {
  }
  return p;
}

/// Not inlined: g++ would take free() for the wrong partner of the operator new that it sees.
[[gnu::noinline]] void release(void* p) {
  if (p) live.fetch_sub(::malloc_usable_size(p), std::memory_order_relaxed);
  std::free(p);
}

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

std::size_t live_bytes() { return live; }
std::size_t peak_bytes() { return peak; }
void forget_peak() { peak = live.load(); }

}  // namespace taugate::testing
