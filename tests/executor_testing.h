#pragma once
// An executor with a scratch of its own, for tests that are not about scratch.

#include <utility>

#include "taugate/runtime/executor.h"

namespace taugate::testing {

template <class AnyExecutor>
struct Running {
  AnyExecutor executor;
  ThreadScratch scratch;

  template <class... Arguments>
  explicit Running(Arguments&&... arguments) : executor(std::forward<Arguments>(arguments)...) {}

  void run(std::span<const float> input, std::span<float> output,
           TraceOrder order = TraceOrder::by_trace, std::span<float> states = {}) {
    executor.run(scratch, input, output, order, states);
  }
  void run_words(std::span<const std::int16_t> input, std::span<std::int64_t> output,
                 TraceOrder order = TraceOrder::by_trace) {
    executor.run_words(scratch, input, output, order);
  }
};

}  // namespace taugate::testing
