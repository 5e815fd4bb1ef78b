#include "taugate/nn/single_trace.h"

#include <algorithm>

namespace taugate {

namespace {

constexpr int kBlock = 16;  ///< steps whose input parts are computed at once

}  // namespace

SingleTrace::SingleTrace(const Chain& chain, int steps)
    : steps_(steps),
      outputs_(chain.head_weight.rows),
      head_bias_(static_cast<std::size_t>(outputs_)),
      by_output_(static_cast<std::size_t>(std::min(outputs_, kLaneBlock)) * steps) {
  for (const Chain::Layer& layer : chain.layers) {
    const GruWeights<float>& w = layer.weights;
    const int H = w.recurrent.value.cols, I = w.input.value.cols;
    const auto gru =
        simd::pack_single(weights_, layer.activation,
                          layer.reads_zeros ? simd::Strided<float>{}
                                            : simd::strided<float>(w.input.value.data, 3 * H, I, I),
                          simd::strided<float>(w.recurrent.value.data, 3 * H, H, H),
                          w.input_bias.value.data, w.recurrent_bias.value.data);
    const auto padded = static_cast<std::size_t>(gru.padded);
    layers_.push_back({gru, layer.activation, layer.reads_zeros, layer.starts_from,
                       Buffer<float>(padded), Buffer<float>(kBlock * 3 * padded),
                       Buffer<float>(static_cast<std::size_t>(steps) * padded)});
  }
  const auto padded = static_cast<std::size_t>(layers_.back().gru.padded);
  float* rows = weights_.allocate_zeroed<float>(static_cast<std::size_t>(outputs_) * padded);
  for (int c = 0; c < outputs_; ++c)
    std::copy_n(chain.head_weight.row(c), chain.head_weight.cols,
                rows + static_cast<std::size_t>(c) * padded);
  head_rows_ = rows;
  std::copy_n(chain.head_bias.data, outputs_, head_bias_.data());
}

void SingleTrace::run(const float* input, float* output) {
  const auto& kernel = simd::kernels<float>();
  const float* x = input;
  std::size_t x_stride = 1;
  for (Layer& layer : layers_) {
    const auto padded = static_cast<std::size_t>(layer.gru.padded);
    const float* h = layer.start.data();
    if (layer.starts_from >= 0) h = layers_[static_cast<std::size_t>(layer.starts_from)].last();
    float* states = layer.states.data();
    for (int first = 0; first < steps_; first += kBlock) {
      const int steps = std::min(kBlock, steps_ - first);
      const float* sums = layer.gru.bias;
      if (!layer.reads_zeros) {
        kernel.single_input(layer.gru, steps, x, x_stride, layer.sums.data());
        sums = layer.sums.data();
        x += steps * x_stride;
      }
      kernel.single_steps(layer.gru, layer.activation, steps, sums,
                          layer.reads_zeros ? 0 : 3 * padded, h, states, padded);
      states += steps * padded;
      h = states - padded;
    }
    x = layer.states.data();
    x_stride = padded;
  }
  run_head(output);
}

/// Each output of each step is a product of two rows of units, as in a weight's gradient.
void SingleTrace::run_head(float* output) {
  const auto& kernel = simd::kernels<float>();
  const auto T = static_cast<std::size_t>(steps_), C = static_cast<std::size_t>(outputs_);
  Layer& layer = layers_.back();
  const auto padded = static_cast<std::size_t>(layer.gru.padded);
  const auto H = static_cast<std::size_t>(layer.gru.hidden);
  for (std::size_t t = 0; t < T && H < padded; ++t)  // which may hold anything
    std::fill_n(layer.states.data() + t * padded + H, padded - H, 0.0f);
  for (std::size_t first = 0; first < C; first += kLaneBlock) {
    const std::size_t rows = std::min<std::size_t>(kLaneBlock, C - first);
    std::fill_n(by_output_.data(), rows * T, 0.0f);
    kernel.outer({.a = head_rows_ + first * padded,
                  .a_rows = static_cast<int>(rows),
                  .b = layer.states.data(),
                  .b_rows = steps_,
                  .steps = 1,
                  .lanes = static_cast<int>(padded),
                  .out = by_output_.data(),
                  .out_stride = steps_});
    for (std::size_t c = 0; c < rows; ++c)
      for (std::size_t t = 0; t < T; ++t)
        output[t * C + first + c] = by_output_[c * T + t] + head_bias_[first + c];
  }
}

}  // namespace taugate
