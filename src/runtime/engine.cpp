#include "taugate/runtime/engine.h"

#include <algorithm>

#include "taugate/core/parallel.h"

namespace taugate {

Engine::Engine(const Chain& chain, int steps) : steps_(steps), layers_(chain) {
  require(steps >= 1, "[engine] found ", steps, " steps, wanted at least one");
  if (std::all_of(chain.layers.begin(), chain.layers.end(),
                  [](const Chain::Layer& layer) { return layer.form == GruForm::reset_after; }))
    single_.emplace(chain, steps);
  make_scratch();
}

void Engine::make_scratch() {
  while (scratch_.size() < static_cast<std::size_t>(thread_count()))
    scratch_.push_back(layers_.make_scratch(steps_));
}

void Engine::run(std::span<const float> input, std::span<float> output, TraceOrder order,
                 std::span<float> states) {
  const auto T = static_cast<std::size_t>(steps_), C = static_cast<std::size_t>(outputs());
  const std::size_t count = input.size() / T;
  require(input.size() == count * T && output.size() == input.size() * C, "[engine] found ",
          input.size(), " input and ", output.size(), " output values, wanted N x ", T, " and N x ",
          T, " x ", C);
  const std::size_t D = states.empty() ? 0 : state_units();
  require(states.size() == count * D, "[engine] found ", states.size(),
          " values of states, wanted none or N x ", state_units());
  make_scratch();
  if (count == 1 && single_) {
    single_->run(input.data(), output.data());
    if (D > 0) single_->copy_carried(states.data());
    return;
  }
  const auto strides = output_strides(order, count, T, C);
  parallel_for((count + kLaneBlock - 1) / kLaneBlock, [&](std::size_t block, int thread) {
    BlockChain::Scratch& scratch = scratch_[static_cast<std::size_t>(thread)];
    const std::size_t first = block * kLaneBlock;
    const std::size_t traces = std::min<std::size_t>(kLaneBlock, count - first);
    if (order == TraceOrder::by_trace)
      load_block(scratch, input.data() + first * T, traces, T, 1);
    else
      load_block(scratch, input.data() + first, traces, 1, count);
    layers_.run(scratch, 0, layers_.size(), steps_);
    layers_.read_out(scratch, steps_, output.data() + first * strides.of_trace, traces, strides);
    if (D > 0) layers_.copy_carried(scratch, traces, &states[first * D]);
  });
}

void Engine::load_block(BlockChain::Scratch& s, const float* input, std::size_t traces,
                        std::size_t of_trace, std::size_t of_step) const {
  const auto T = static_cast<std::size_t>(steps_);
  constexpr std::size_t B = kLaneBlock;
  if (of_trace == 1 && traces == B) {
    for (std::size_t t = 0; t < T; ++t) std::copy_n(input + t * of_step, B, &s.input[t * B]);
    return;
  }
  // Lanes beyond the batch repeat the last trace: harmless, and no special case.
  for (std::size_t lane = 0; lane < B; ++lane) {
    const float* trace = input + std::min(lane, traces - 1) * of_trace;
    for (std::size_t t = 0; t < T; ++t) s.input[t * B + lane] = trace[t * of_step];
  }
}

void predict(const Seq2Seq& model, std::span<const float> tpsf, std::span<float> sfd) {
  Engine(model).run(tpsf, sfd);
}

}  // namespace taugate
