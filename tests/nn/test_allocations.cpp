// A training step and an engine's run allocate nothing after warm-up; the first test shows that the
// trap fires.

#include <new>

#include "allocation_trap.h"
#include "executor_testing.h"
#include "nn/nn_testing.h"
#include "taugate/core/parallel.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

TEST_CASE("the allocation trap fires: each form of new, and on other threads") {
  CHECK(allocations_of([] {}) == 0);
  CHECK(allocations_of([] { ::operator delete(::operator new(8)); }) == 1);
  CHECK(allocations_of([] { ::operator delete[](::operator new[](8)); }) == 1);
  CHECK(allocations_of([] { const Buffer<float> aligned(16); }) == 1);
  CHECK(allocations_of([] { const Arena arena(100); }) >= 1);
  parallel_for(2, [](std::size_t, int) {});  // from here on the helpers are there
  CHECK(allocations_of([] {
          parallel_for(8, [](std::size_t, int) { ::operator delete(::operator new(8)); });
        }) == 8);
}

TEST_CASE("the peak of memory is what was alive together") {
  const auto megabytes = [](int n) { return Buffer<char>(static_cast<std::size_t>(n) << 20); };
  const double peak = static_cast<double>(peak_growth_of([&] {
    for (int i = 0; i < 3; ++i) megabytes(2);
    const Buffer<char> a = megabytes(1), b = megabytes(3);
  }));
  CHECK(peak >= 4 << 20);
  CHECK(peak < 1.02 * (4 << 20));
}

TEST_CASE("a training step allocates nothing after warm-up") {
  const int threads = thread_count();
  set_thread_count(2);
  const SmoothedNoise data;
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before}) {
    CAPTURE(name_of(form));
    Model model({.gates = data.steps(), .outputs = 1, .hidden = {8, 5}, .form = form});
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
  Model model({.gates = 9, .outputs = 2, .hidden = {8, 5}});
  model.initialise(1);
  testing::Running<BatchExecutor> batch(model);
  testing::Running<LowLatencyExecutor> one(model);
  const std::vector<float> input(50 * 9, 0.5f);
  std::vector<float> output(50 * 9 * 2);
  const auto run_both = [&] {
    batch.run(input, output);
    one.run(std::span(input).first(9), std::span(output).first(18));
  };
  run_both();
  CHECK(allocations_of(run_both) == 0);
  StreamingExecutor stream(model, 50);
  ThreadScratch scratch;
  const auto stream_all = [&] {
    for (std::size_t t = 0; t < 9; ++t) stream.push(scratch, std::span(input).subspan(t * 50, 50));
    stream.finish(scratch, output);
    stream.reset();
  };
  stream_all();
  CHECK(allocations_of(stream_all) == 0);
  set_thread_count(threads);
}
