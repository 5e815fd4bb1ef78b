// A training step allocates nothing after warm-up. This file replaces the program's operator new
// and delete by ones that count while the trap is armed; the first test shows that the trap fires.

#include <atomic>
#include <cstdlib>
#include <new>

#include "nn/nn_testing.h"
#include "taugate/core/parallel.h"
#include "taugate/nn/engine.h"
#include "taugate/nn/stream.h"
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

using namespace taugate;
using namespace taugate::testing;

namespace {

/// How often operator new is called, by any thread, while `action` runs.
template <class Action>
std::size_t allocations_of(Action&& action) {
  allocations = 0;
  armed = true;
  action();
  armed = false;
  return allocations;
}

}  // namespace

TEST_CASE("the allocation trap fires: each form of new, and on other threads") {
  CHECK(allocations_of([] {}) == 0);
  CHECK(allocations_of([] { ::operator delete(::operator new(8)); }) == 1);
  CHECK(allocations_of([] { ::operator delete[](::operator new[](8)); }) == 1);
  CHECK(allocations_of([] { const Buffer<float> aligned(16); }) == 1);
  CHECK(allocations_of([] { const Arena arena(100); }) >= 1);
  CHECK(allocations_of([] {
          parallel_for(8, [](std::size_t, int) { ::operator delete(::operator new(8)); });
        }) == 8);
}

TEST_CASE("a training step allocates nothing after warm-up") {
  const int threads = thread_count();
  set_thread_count(2);
  const SmoothedNoise data;
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before}) {
    CAPTURE(name_of(form));
    Seq2Seq model({.gates = data.steps(), .outputs = 1, .hidden = {8, 5}, .form = form});
    model.initialise(1);
    TrainingOptions options;
    options.batch = 100;  // six slices of 16 and one of 4, on both threads
    Trainer trainer(model.parameters(), least_squares(model), data, options);
    trainer.step();
    double loss = 0.0;
    CHECK(allocations_of([&] {
            for (int i = 0; i < 20; ++i) loss = trainer.step();
          }) == 0);
    CHECK(loss > 0.0);
  }
  set_thread_count(threads);
}

TEST_CASE("inference allocates nothing: one trace, many, or a stream of gates") {
  const int threads = thread_count();
  set_thread_count(2);
  Seq2Seq model({.gates = 9, .outputs = 2, .hidden = {8, 5}});
  model.initialise(1);
  Engine engine(model);
  const std::vector<float> input(50 * 9, 0.5f);
  std::vector<float> output(50 * 9 * 2);
  engine.run(input, output);
  CHECK(allocations_of([&] {
          engine.run(input, output);
          engine.run(std::span(input).first(9), std::span(output).first(18));
        }) == 0);
  Stream stream(model, 50);
  CHECK(allocations_of([&] {
          for (std::size_t t = 0; t < 9; ++t) stream.push(std::span(input).subspan(t * 50, 50));
          stream.decode(output);
          stream.reset();
        }) == 0);
  set_thread_count(threads);
}
