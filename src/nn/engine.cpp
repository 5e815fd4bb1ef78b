#include "taugate/nn/engine.h"

#include <algorithm>

#include "taugate/core/parallel.h"

namespace taugate {

namespace {
constexpr std::size_t kReadoutSteps = 16;  // of the head at once
}

Engine::Engine(const Chain& chain, int steps) : steps_(steps), outputs_(chain.head_weight.rows) {
  require(steps >= 1, "[engine] found ", steps, " steps, wanted at least one");
  check(chain);
  bool single = true;
  for (const Chain::Layer& layer : chain.layers) {
    layers_.push_back(pack(layer));
    single = single && layer.form == GruForm::reset_after;
    widest_ = std::max(widest_, layers_.back().H);
  }
  if (single) single_.emplace(chain, steps);
  const Matrix<float>& head = chain.head_weight;
  const std::size_t head_size = static_cast<std::size_t>(head.rows) * head.cols;
  float* head_weights = weights_.allocate<float>(head_size);
  std::copy_n(head.data, head_size, head_weights);
  head_ = head_weights;
  float* bias = weights_.allocate<float>(static_cast<std::size_t>(outputs_));
  std::copy_n(chain.head_bias.data, outputs_, bias);
  head_bias_ = bias;
  while (scratch_.size() < static_cast<std::size_t>(thread_count()))
    scratch_.push_back(make_scratch());
}

Engine::Layer Engine::pack(const Chain::Layer& from) {
  const GruWeights<float>& w = from.weights;
  const int H = w.recurrent.value.cols, I = w.input.value.cols;
  Layer layer{.H = H, .activation = from.activation, .starts_from = from.starts_from};
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

void Engine::Layer::run(int steps, const float* x, std::size_t x_stride, float* states,
                        std::size_t stride, float* gates) const {
  if (batch.weights)
    return simd::kernels<float>().batch_gru(batch, activation, steps, x, x_stride, states, stride);
  for (int t = 0; t < steps; ++t, x += x_stride, states += stride)
    gru.step(x, states, gates, states + stride, kLaneBlock);
}

Engine::Scratch Engine::make_scratch() const {
  const auto T = static_cast<std::size_t>(steps_);
  const std::size_t state = odd_stride(static_cast<std::size_t>(widest_) * kLaneBlock);
  Scratch s;
  s.input = Buffer<float>(T * kLaneBlock);
  for (auto& states : s.states) states = Buffer<float>((T + 1) * state);
  s.gates = Buffer<float>(4 * static_cast<std::size_t>(widest_) * kLaneBlock);
  s.output = Buffer<float>(kReadoutSteps * static_cast<std::size_t>(outputs_) * kLaneBlock);
  for (const Layer& layer : layers_)
    s.final_states.emplace_back(static_cast<std::size_t>(layer.H) * kLaneBlock);
  return s;
}

void Engine::run(std::span<const float> input, std::span<float> output, TraceOrder order) {
  const auto T = static_cast<std::size_t>(steps_), C = static_cast<std::size_t>(outputs_);
  const std::size_t count = input.size() / T;
  require(input.size() == count * T && output.size() == input.size() * C, "[engine] found ",
          input.size(), " input and ", output.size(), " output values, wanted N x ", T, " and N x ",
          T, " x ", C);
  while (scratch_.size() < static_cast<std::size_t>(thread_count()))
    scratch_.push_back(make_scratch());
  if (count == 1 && single_) return single_->run(input.data(), output.data());
  const Strides strides = order == TraceOrder::by_trace ? Strides{T, 1, T * C, C, 1}
                                                        : Strides{1, count, 1, C * count, count};
  parallel_for((count + kLaneBlock - 1) / kLaneBlock, [&](std::size_t block, int thread) {
    const std::size_t first = block * kLaneBlock;
    run_block(scratch_[static_cast<std::size_t>(thread)], input.data() + first * strides.trace,
              output.data() + first * strides.output_trace,
              static_cast<int>(std::min<std::size_t>(kLaneBlock, count - first)), strides);
  });
}

void Engine::run_block(Scratch& s, const float* input, float* output, int batch,
                       const Strides& at) const {
  const auto T = static_cast<std::size_t>(steps_), C = static_cast<std::size_t>(outputs_);
  constexpr std::size_t B = kLaneBlock;
  // Lanes beyond the batch repeat the last trace: harmless, and no special case.
  if (at.trace == 1 && batch == kLaneBlock)
    for (std::size_t t = 0; t < T; ++t) std::copy_n(input + t * at.step, B, &s.input[t * B]);
  else
    for (std::size_t lane = 0; lane < B; ++lane) {
      const float* trace = input + std::min(lane, static_cast<std::size_t>(batch - 1)) * at.trace;
      for (std::size_t t = 0; t < T; ++t) s.input[t * B + lane] = trace[t * at.step];
    }
  const float* x = s.input.data();
  std::size_t x_stride = B;
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    const std::size_t plane = static_cast<std::size_t>(layers_[k].H) * B;
    const std::size_t stride = odd_stride(plane);
    float* states = s.states[k % 2].data();
    if (layers_[k].starts_from < 0)
      std::fill_n(states, plane, 0.0f);
    else
      std::copy_n(s.final_states[static_cast<std::size_t>(layers_[k].starts_from)].data(), plane,
                  states);
    layers_[k].run(steps_, x, x_stride, states, stride, s.gates.data());
    std::copy_n(states + T * stride, plane, s.final_states[k].data());
    x = states + stride;
    x_stride = stride;
  }
  for (std::size_t first = 0; first < T; first += kReadoutSteps) {
    const std::size_t steps = std::min(kReadoutSteps, T - first);
    simd::kernels<float>().readout(head_, head_bias_, outputs_, layers_.back().H,
                                   static_cast<int>(steps), x + first * x_stride, x_stride,
                                   s.output.data());
    for (std::size_t lane = 0; lane < static_cast<std::size_t>(batch); ++lane)
      for (std::size_t t = 0; t < steps; ++t)
        for (std::size_t c = 0; c < C; ++c)
          output[lane * at.output_trace + (first + t) * at.output_step + c * at.output] =
              s.output[(t * C + c) * B + lane];
  }
}

void predict(const Seq2Seq& model, std::span<const float> tpsf, std::span<float> sfd) {
  Engine(model).run(tpsf, sfd);
}

}  // namespace taugate
