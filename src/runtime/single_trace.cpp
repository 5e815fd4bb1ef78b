#include "runtime/single_trace.h"

#include <algorithm>

namespace taugate {

namespace {

constexpr int kBlock = 16;                      ///< steps whose input parts are computed at once
constexpr std::size_t kFirstCache = 28 * 1024;  ///< bytes of weights that stay there

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
    layers_.push_back({gru, layer.activation, layer.reads_zeros, layer.starts_from, false,
                       Buffer<float>(padded), Buffer<float>(kBlock * 3 * padded),
                       Buffer<float>(static_cast<std::size_t>(steps) * padded)});
  }
  for (std::size_t k = 0; k + 1 < layers_.size(); k += layers_[k].with_next ? 2 : 1) {
    const Layer &lower = layers_[k], &upper = layers_[k + 1];
    const std::size_t bytes = 6 * sizeof(float) * lower.gru.hidden * lower.gru.padded;
    layers_[k].with_next = lower.gru.hidden == upper.gru.hidden &&
                           lower.activation == upper.activation &&
                           upper.starts_from < static_cast<int>(k) && bytes <= kFirstCache;
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
  for (std::size_t k = 0; k < layers_.size(); k += layers_[k].with_next ? 2 : 1) {
    const int count = layers_[k].with_next ? 2 : 1;
    // The second layer is a block of steps behind the first.
    for (int first = 0; first < steps_ + (count - 1) * kBlock; first += kBlock) {
      simd::SingleRun<float> runs[2];
      int steps[2];
      for (int i = 0; i < count; ++i) runs[i] = block(k + i, first - i * kBlock, input, steps[i]);
      if (count == 2 && steps[0] == steps[1]) {  // and so not 0
        simd::kernels<float>().single_steps(runs, 2, layers_[k].activation, steps[0]);
        continue;
      }
      for (int i = 0; i < count; ++i)
        if (steps[i] > 0)
          simd::kernels<float>().single_steps(&runs[i], 1, layers_[k].activation, steps[i]);
    }
  }
  run_head(output);
}

void SingleTrace::copy_carried(float* states) const {
  for (const Layer& layer : layers_)
    if (layer.starts_from >= 0)
      states = std::copy_n(layers_[static_cast<std::size_t>(layer.starts_from)].last(),
                           layer.gru.hidden, states);
}

/// Computes the input's part of the block of steps that begins at `first`, and says where its
/// recurrence reads and writes; `steps` is 0 where there is no such block.
simd::SingleRun<float> SingleTrace::block(std::size_t k, int first, const float* input,
                                          int& steps) {
  Layer& layer = layers_[k];
  steps = first < 0 ? 0 : std::clamp(steps_ - first, 0, kBlock);
  if (steps == 0) return {};
  const auto padded = static_cast<std::size_t>(layer.gru.padded);
  simd::SingleRun<float> run{.gru = &layer.gru, .sums = layer.gru.bias, .states_stride = padded};
  if (!layer.reads_zeros) {
    const auto stride = static_cast<std::size_t>(k == 0 ? 1 : layers_[k - 1].gru.padded);
    const float* x = k == 0 ? input : layers_[k - 1].states.data();
    simd::kernels<float>().single_input(layer.gru, steps, x + first * stride, stride,
                                        layer.sums.data());
    run.sums = layer.sums.data();
    run.sums_stride = 3 * padded;
  }
  run.states = layer.states.data() + first * padded;
  run.h0 = first > 0               ? run.states - padded
           : layer.starts_from < 0 ? layer.start.data()
                                   : layers_[static_cast<std::size_t>(layer.starts_from)].last();
  return run;
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
