#include "taugate/runtime/stream.h"

#include <algorithm>

#include "taugate/core/parallel.h"

namespace taugate {

Stream::Stream(const Chain& chain, int steps, std::size_t pixels)
    : steps_(steps), pixels_(pixels), layers_(chain) {
  require(steps >= 1 && pixels >= 1, "[stream] found ", steps, " steps and ", pixels,
          " pixels, wanted at least one of each");
  while (encoder_ < layers_.size() && !layers_.reads_zeros(encoder_)) {
    require(layers_.starts_from(encoder_) < 0, "[stream] layer ", encoder_,
            ": found one that reads the layer below and waits for its final state");
    units_before_.push_back(units_);
    units_ += static_cast<std::size_t>(layers_.units(encoder_++));
  }
  require(encoder_ > 0 && encoder_ < layers_.size(), "[stream] found a chain of ", layers_.size(),
          " layers without an encoder and a decoder that reads zeros, wanted one with both");
  states_ = Buffer<float>((pixels + kLaneBlock - 1) / kLaneBlock * kLaneBlock * units_);
  make_scratch();
}

void Stream::make_scratch() {
  while (scratch_.size() < static_cast<std::size_t>(thread_count()))
    scratch_.push_back(layers_.make_scratch(steps_));
}

void Stream::reset() {
  std::fill(states_.begin(), states_.end(), 0.0f);
  gates_ = 0;
}

template <class Body>
void Stream::each_block(Body&& body) {
  make_scratch();
  parallel_for((pixels_ + kLaneBlock - 1) / kLaneBlock, [&](std::size_t block, int thread) {
    BlockChain::Scratch& scratch = scratch_[static_cast<std::size_t>(thread)];
    for (std::size_t k = 0; k < encoder_; ++k)
      std::copy_n(state_of(block, k), scratch.final_states[k].size(),
                  scratch.final_states[k].data());
    const std::size_t first = block * kLaneBlock;
    body(block, first, std::min<std::size_t>(kLaneBlock, pixels_ - first), scratch);
  });
}

float* Stream::state_of(std::size_t block, std::size_t layer) {
  return states_.data() + (block * units_ + units_before_[layer]) * kLaneBlock;
}

void Stream::push(std::span<const float> gate) {
  require(gate.size() == pixels_, "[stream] found a gate of ", gate.size(), " values, wanted ",
          pixels_);
  require(gates_ < steps_, "[stream] found one gate more than ", steps_,
          ", wanted decode and reset first");
  each_block(
      [&](std::size_t block, std::size_t first, std::size_t count, BlockChain::Scratch& scratch) {
        for (std::size_t lane = 0; lane < kLaneBlock; ++lane)
          scratch.input[lane] = gate[first + std::min(lane, count - 1)];
        layers_.step(scratch, encoder_);
        for (std::size_t k = 0; k < encoder_; ++k)
          std::copy_n(scratch.final_states[k].data(), scratch.final_states[k].size(),
                      state_of(block, k));
      });
  ++gates_;
}

void Stream::decode(std::span<float> output, TraceOrder order) {
  const auto T = static_cast<std::size_t>(steps_), C = static_cast<std::size_t>(outputs());
  require(gates_ == steps_, "[stream] found ", gates_, " gates, wanted ", steps_);
  require(output.size() == pixels_ * T * C, "[stream] found room for ", output.size(),
          " output values, wanted ", pixels_, " x ", T, " x ", C);
  const auto strides = output_strides(order, pixels_, T, C);
  each_block([&](std::size_t, std::size_t first, std::size_t count, BlockChain::Scratch& scratch) {
    layers_.run(scratch, encoder_, layers_.size(), steps_);
    layers_.read_out(scratch, steps_, output.data() + first * strides.of_trace, count, strides);
  });
}

}  // namespace taugate
