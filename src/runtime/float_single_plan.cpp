// One trace at a time, as soon as possible: units lie in the SIMD lanes.
//
// A layer runs over the whole trace before the next one begins, so that its weights stay in cache,
// in blocks of steps: first the input's part of all steps of a block, which reads each weight once,
// then the recurrence. Two small layers of one size run side by side, the second a block behind.

#include <vector>

#include "runtime/plan.h"
#include "simd/float/kernels.h"

namespace taugate {
namespace {

constexpr int kBlock = 16;                      ///< steps whose input parts are computed at once
constexpr std::size_t kFirstCache = 28 * 1024;  ///< bytes of weights that stay there

struct SingleScratch : Scratch {
  Buffer<float> input, by_output;  ///< [T], [C of a block][T]
  struct Layer {
    Buffer<float> start;   ///< [padded], for layers that start from zeros
    Buffer<float> sums;    ///< [block][3][padded]
    Buffer<float> states;  ///< [T][padded]
  };
  std::vector<Layer> layers;
};

class FloatSinglePlan : public Plan {
 public:
  explicit FloatSinglePlan(const Model& model)
      : Plan(model.description(), 1, EncoderHead(model)), kernels_(simd::kernels<float>()) {
    Tape<float> values(weights_, model.parameters().bind());
    for (std::size_t k = 0; k < model.layers().size(); ++k) {
      const GruWeights<float> w = model.layers()[k].weights(values);
      const int H = w.recurrent.value.cols, I = w.input.value.cols;
      layers_.push_back({simd::pack_single(
          weights_, network().layers[k].activation,
          I == 0 ? simd::Strided<float>{} : simd::strided<float>(w.input.value.data, 3 * H, I, I),
          simd::strided<float>(w.recurrent.value.data, 3 * H, H, H), w.input_bias.value.data,
          w.recurrent_bias.value.data)});
    }
    pair_small_layers();
    const Matrix<float> head = values.weight(model.head().weight()).value;
    const auto padded = static_cast<std::size_t>(layers_.back().gru.padded);
    float* rows = weights_.allocate_zeroed<float>(static_cast<std::size_t>(head.rows) * padded);
    for (int c = 0; c < head.rows; ++c)
      std::copy_n(head.row(c), head.cols, rows + static_cast<std::size_t>(c) * padded);
    head_rows_ = rows;
    head_bias_ = weights_.allocate<float>(static_cast<std::size_t>(head.rows));
    std::copy_n(values.weight(model.head().bias()).value.data, head.rows, head_bias_);
  }

  bool has_single() const override { return true; }

  std::unique_ptr<Scratch> new_scratch() const override {
    const auto T = static_cast<std::size_t>(network().gates);
    auto s = std::make_unique<SingleScratch>();
    s->input = Buffer<float>(T);
    s->by_output =
        Buffer<float>(static_cast<std::size_t>(std::min(network().outputs(), kLaneBlock)) * T);
    for (const Layer& layer : layers_) {
      const auto padded = static_cast<std::size_t>(layer.gru.padded);
      s->layers.push_back(
          {Buffer<float>(padded), Buffer<float>(kBlock * 3 * padded), Buffer<float>(T * padded)});
    }
    return s;
  }

  float* input(Scratch& scratch) const override {
    return static_cast<SingleScratch&>(scratch).input.data();
  }

  /// Only whole traces.
  bool run(Scratch& scratch, std::size_t, std::size_t, int, bool) const override {
    auto& s = static_cast<SingleScratch&>(scratch);
    for (std::size_t k = 0; k < layers_.size(); k += layers_[k].with_next ? 2 : 1) {
      const int count = layers_[k].with_next ? 2 : 1;
      const Activation activation = network().layers[k].activation;
      // The second layer is a block of steps behind the first.
      for (int first = 0; first < network().gates + (count - 1) * kBlock; first += kBlock) {
        simd::SingleRun<float> runs[2];
        int steps[2];
        for (int i = 0; i < count; ++i)
          runs[i] = block(s, k + static_cast<std::size_t>(i), first - i * kBlock, steps[i]);
        if (count == 2 && steps[0] == steps[1]) {  // and so not 0
          kernels_.single_steps(runs, 2, activation, steps[0]);
          continue;
        }
        for (int i = 0; i < count; ++i)
          if (steps[i] > 0) kernels_.single_steps(&runs[i], 1, activation, steps[i]);
      }
    }
    return true;
  }

  /// Each output of each step is a product of two rows of units, as in a weight's gradient.
  void read_out(Scratch& scratch, float* output, std::size_t, const Strides& at) const override {
    auto& s = static_cast<SingleScratch&>(scratch);
    const std::size_t T = network().output_steps(),
                      C = static_cast<std::size_t>(network().outputs());
    const auto padded = static_cast<std::size_t>(layers_.back().gru.padded);
    const auto H = static_cast<std::size_t>(layers_.back().gru.hidden);
    float* states = s.layers.back().states.end() - T * padded;
    for (std::size_t t = 0; t < T && H < padded; ++t)  // which may hold anything
      std::fill_n(states + t * padded + H, padded - H, 0.0f);
    for (std::size_t first = 0; first < C; first += kLaneBlock) {
      const std::size_t rows = std::min<std::size_t>(kLaneBlock, C - first);
      std::fill_n(s.by_output.data(), rows * T, 0.0f);
      kernels_.outer({.a = head_rows_ + first * padded,
                      .a_rows = static_cast<int>(rows),
                      .b = states,
                      .b_rows = static_cast<int>(T),
                      .steps = 1,
                      .lanes = static_cast<int>(padded),
                      .out = s.by_output.data(),
                      .out_stride = static_cast<int>(T)});
      for (std::size_t c = 0; c < rows; ++c)
        for (std::size_t t = 0; t < T; ++t)
          output[t * at.of_step + (first + c) * at.of_output] =
              s.by_output[c * T + t] + head_bias_[first + c];
    }
  }

  void copy_states(const Scratch& scratch, std::size_t, float* states) const override {
    const auto& s = static_cast<const SingleScratch&>(scratch);
    for (const std::size_t k : state_layers())
      states = std::copy_n(last(s, k), layers_[k].gru.hidden, states);
  }

 private:
  struct Layer {
    simd::SingleGru<float> gru;
    bool with_next = false;  // runs side by side with the layer above
  };

  void pair_small_layers() {
    for (std::size_t k = 0; k + 1 < layers_.size(); k += layers_[k].with_next ? 2 : 1) {
      const GruSpec &lower = network().layers[k], &upper = network().layers[k + 1];
      const simd::SingleGru<float>& gru = layers_[k].gru;
      const std::size_t bytes =
          6 * sizeof(float) * static_cast<std::size_t>(gru.hidden * gru.padded);
      layers_[k].with_next = lower.units == upper.units && lower.activation == upper.activation &&
                             upper.starts_from < static_cast<int>(k) && bytes <= kFirstCache;
    }
  }

  const float* last(const SingleScratch& s, std::size_t k) const {
    return s.layers[k].states.end() - layers_[k].gru.padded;
  }

  /// Computes the input's part of the block of steps that begins at `first`, and says where its
  /// recurrence reads and writes; `steps` is 0 where there is no such block.
  simd::SingleRun<float> block(SingleScratch& s, std::size_t k, int first, int& steps) const {
    const simd::SingleGru<float>& gru = layers_[k].gru;
    const GruSpec& spec = network().layers[k];
    SingleScratch::Layer& layer = s.layers[k];
    steps = first < 0 ? 0 : std::clamp(network().gates - first, 0, kBlock);
    if (steps == 0) return {};
    const auto padded = static_cast<std::size_t>(gru.padded), at = static_cast<std::size_t>(first);
    simd::SingleRun<float> run{.gru = &gru, .sums = gru.bias, .states_stride = padded};
    if (spec.reads != GruSpec::Reads::zeros) {
      const bool trace = spec.reads == GruSpec::Reads::trace;
      const auto stride = static_cast<std::size_t>(trace ? 1 : layers_[k - 1].gru.padded);
      const float* x = trace ? s.input.data() : s.layers[k - 1].states.data();
      kernels_.single_input(gru, steps, x + at * stride, stride, layer.sums.data());
      run.sums = layer.sums.data();
      run.sums_stride = 3 * padded;
    }
    run.states = layer.states.data() + at * padded;
    run.h0 = first > 0              ? run.states - padded
             : spec.starts_from < 0 ? layer.start.data()
                                    : last(s, static_cast<std::size_t>(spec.starts_from));
    return run;
  }

  const simd::Kernels<float>& kernels_;
  Arena weights_;
  std::vector<Layer> layers_;
  const float* head_rows_ = nullptr;  // [C][padded]
  float* head_bias_ = nullptr;
};

}  // namespace

std::unique_ptr<Plan> make_float_single_plan(const Model& model) {
  const Network& network = model.description();
  for (const GruSpec& layer : network.layers)
    if (layer.form != GruForm::reset_after || network.features > 1) return nullptr;
  return std::make_unique<FloatSinglePlan>(model);
}

}  // namespace taugate
