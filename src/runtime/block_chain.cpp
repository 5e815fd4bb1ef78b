#include "runtime/block_chain.h"

#include <algorithm>

namespace taugate {

namespace {
constexpr std::size_t kBlock = kLaneBlock;
constexpr std::size_t kReadoutSteps = 16;  // of the head at once
}  // namespace

BlockChain::BlockChain(const Chain& chain) : outputs_(chain.head_weight.rows) {
  check(chain);
  for (const Chain::Layer& layer : chain.layers) {
    layers_.push_back(pack(layer));
    widest_ = std::max(widest_, layers_.back().H);
  }
  const auto copy = [&](const Matrix<float>& from) {
    float* to = weights_.allocate<float>(from.size());
    std::copy_n(from.data, from.size(), to);
    return to;
  };
  head_ = copy(chain.head_weight);
  head_bias_ = copy(chain.head_bias);
}

BlockChain::Layer BlockChain::pack(const Chain::Layer& from) {
  const GruWeights<float>& w = from.weights;
  const int H = w.recurrent.value.cols, I = w.input.value.cols;
  Layer layer{.H = H,
              .activation = from.activation,
              .reads_zeros = from.reads_zeros,
              .starts_from = from.starts_from};
  if (from.form == GruForm::reset_before) {
    layer.gru = pack_gru(weights_, w, from.form, from.activation, !from.reads_zeros);
    return layer;
  }
  layer.batch =
      simd::pack_batch(weights_, from.activation,
                       from.reads_zeros ? simd::Strided<float>{}
                                        : simd::strided<float>(w.input.value.data, 3 * H, I, I),
                       simd::strided<float>(w.recurrent.value.data, 3 * H, H, H),
                       w.input_bias.value.data, w.recurrent_bias.value.data);
  return layer;
}

void BlockChain::Layer::run(int steps, const float* x, std::size_t x_stride, float* states,
                            std::size_t stride, float* gates) const {
  if (batch.weights)
    return simd::kernels<float>().batch_gru(batch, activation, steps, x, x_stride, states, stride);
  for (int t = 0; t < steps; ++t, x += x_stride, states += stride)
    gru.step(x, states, gates, states + stride, kLaneBlock);
}

BlockChain::Scratch BlockChain::make_scratch(int steps) const {
  const auto T = static_cast<std::size_t>(steps);
  const std::size_t state = odd_stride(static_cast<std::size_t>(widest_) * kBlock);
  Scratch s;
  s.input = Buffer<float>(T * kBlock);
  for (auto& states : s.states) states = Buffer<float>((T + 1) * state);
  s.gates = Buffer<float>(4 * static_cast<std::size_t>(widest_) * kBlock);
  s.output = Buffer<float>(kReadoutSteps * static_cast<std::size_t>(outputs_) * kBlock);
  for (const Layer& layer : layers_)
    s.final_states.emplace_back(static_cast<std::size_t>(layer.H) * kBlock);
  return s;
}

void BlockChain::run(Scratch& s, std::size_t first, std::size_t last, int steps) const {
  const auto T = static_cast<std::size_t>(steps);
  const float* x = s.input.data();
  std::size_t x_stride = kBlock;
  for (std::size_t k = first; k < last; ++k) {
    const std::size_t plane = s.final_states[k].size(), stride = odd_stride(plane);
    float* states = s.states[k % 2].data();
    if (layers_[k].starts_from < 0)
      std::fill_n(states, plane, 0.0f);
    else
      std::copy_n(s.final_states[static_cast<std::size_t>(layers_[k].starts_from)].data(), plane,
                  states);
    layers_[k].run(steps, x, x_stride, states, stride, s.gates.data());
    std::copy_n(states + T * stride, plane, s.final_states[k].data());
    x = states + stride;
    x_stride = stride;
  }
}

void BlockChain::step(Scratch& s, std::size_t last) const {
  const float* x = s.input.data();
  for (std::size_t k = 0; k < last; ++k) {
    const std::size_t plane = s.final_states[k].size(), stride = odd_stride(plane);
    float* states = s.states[k % 2].data();
    std::copy_n(s.final_states[k].data(), plane, states);
    layers_[k].run(1, x, kBlock, states, stride, s.gates.data());
    x = states + stride;
    std::copy_n(x, plane, s.final_states[k].data());
  }
}

std::size_t BlockChain::carried_units() const {
  std::size_t units = 0;
  for (const Layer& layer : layers_)
    if (layer.starts_from >= 0) units += static_cast<std::size_t>(layer.H);
  return units;
}

void BlockChain::copy_carried(const Scratch& s, std::size_t traces, float* states) const {
  const std::size_t units = carried_units();
  for (const Layer& layer : layers_) {
    if (layer.starts_from < 0) continue;
    const float* from = s.final_states[static_cast<std::size_t>(layer.starts_from)].data();
    for (std::size_t lane = 0; lane < traces; ++lane)
      for (std::size_t u = 0; u < static_cast<std::size_t>(layer.H); ++u)
        states[lane * units + u] = from[u * kBlock + lane];
    states += layer.H;
  }
}

void BlockChain::read_out(Scratch& s, int steps, float* output, std::size_t traces,
                          const Strides& at) const {
  const auto T = static_cast<std::size_t>(steps), C = static_cast<std::size_t>(outputs_);
  const std::size_t last = layers_.size() - 1, stride = odd_stride(s.final_states[last].size());
  const float* states = s.states[last % 2].data() + stride;
  for (std::size_t first = 0; first < T; first += kReadoutSteps) {
    const std::size_t count = std::min(kReadoutSteps, T - first);
    simd::kernels<float>().readout(head_, head_bias_, outputs_, layers_[last].H,
                                   static_cast<int>(count), states + first * stride, stride,
                                   s.output.data());
    for (std::size_t lane = 0; lane < traces; ++lane)
      for (std::size_t t = 0; t < count; ++t)
        for (std::size_t c = 0; c < C; ++c)
          output[lane * at.of_trace + (first + t) * at.of_step + c * at.of_output] =
              s.output[(t * C + c) * kBlock + lane];
  }
}

}  // namespace taugate
