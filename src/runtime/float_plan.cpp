// Floats, in blocks of 16 traces whose activations stay in the second cache: whole traces run layer by layer over all
// steps.

#include <vector>

#include "autograd/packed_gru.h"
#include "runtime/plan.h"

namespace taugate {
namespace {

constexpr std::size_t kBlock = kLaneBlock;
constexpr std::size_t kReadoutSteps = 16;  // of the head at once

struct FloatScratch : Scratch {
  Buffer<float> input;      ///< [T][features][16]
  Buffer<float> states[2];  ///< of a layer and its successor, in turn: [T+1] of [H][16]
  Buffer<float> gates, output;
  std::vector<Buffer<float>> final_states;  ///< of each layer [H][16]
};

struct PackedLayer {
  simd::BatchGru<float> batch{};  // of reset_after
  PackedGru<float> gru{};         // of reset_before
};

class FloatPlan : public Plan {
 public:
  explicit FloatPlan(const Model& model)
      : Plan(model.description(), kBlock, EncoderHead(model)), kernels_(simd::kernels<float>()) {
    Tape<float> values(weights_, model.parameters().bind());
    for (std::size_t k = 0; k < model.layers().size(); ++k)
      layers_.push_back(pack(network().layers[k], model.layers()[k].weights(values)));
    const auto copy = [&](const Matrix<float>& from) {
      return std::copy_n(from.data, from.size(), weights_.allocate<float>(from.size())) -
             from.size();
    };
    head_ = copy(values.weight(model.head().weight()).value);
    head_bias_ = copy(values.weight(model.head().bias()).value);
  }

  std::unique_ptr<Scratch> new_scratch() const override {
    const auto T = static_cast<std::size_t>(network().gates),
               H = static_cast<std::size_t>(network().widest());
    auto s = std::make_unique<FloatScratch>();
    s->input = Buffer<float>(network().input_size() * kBlock);
    for (auto& states : s->states) states = Buffer<float>((T + 1) * odd_stride(H * kBlock));
    s->gates = Buffer<float>(4 * H * kBlock);
    s->output =
        Buffer<float>(kReadoutSteps * static_cast<std::size_t>(network().outputs()) * kBlock);
    for (const GruSpec& layer : network().layers)
      s->final_states.emplace_back(static_cast<std::size_t>(layer.units) * kBlock);
    return s;
  }

  float* input(Scratch& scratch) const override {
    return static_cast<FloatScratch&>(scratch).input.data();
  }

  bool run(Scratch& scratch, std::size_t first, std::size_t last, int steps,
           bool resumes) const override {
    auto& s = static_cast<FloatScratch&>(scratch);
    const auto T = static_cast<std::size_t>(steps);
    const float* x = s.input.data();
    const std::size_t step = static_cast<std::size_t>(network().features) * kBlock;
    std::size_t x_stride = step;
    for (std::size_t k = first; k < last; ++k) {
      const GruSpec& layer = network().layers[k];
      const std::size_t plane = s.final_states[k].size(), stride = odd_stride(plane);
      float* states = s.states[k % 2].data();
      if (layer.reads == GruSpec::Reads::trace) {
        x = s.input.data();
        x_stride = step;
      }
      if (resumes || layer.starts_from >= 0)
        std::copy_n(
            s.final_states[resumes ? k : static_cast<std::size_t>(layer.starts_from)].data(), plane,
            states);
      else
        std::fill_n(states, plane, 0.0f);
      run_layer(k, steps, x, x_stride, states, stride, s.gates.data());
      std::copy_n(states + T * stride, plane, s.final_states[k].data());
      x = states + stride;
      x_stride = stride;
    }
    return true;
  }

  void read_out(Scratch& scratch, float* output, std::size_t traces,
                const Strides& at) const override {
    auto& s = static_cast<FloatScratch&>(scratch);
    const std::size_t steps = network().output_steps(),
                      C = static_cast<std::size_t>(network().outputs());
    const std::size_t last = layers_.size() - 1, stride = odd_stride(s.final_states[last].size());
    const float* states = network().head.at == HeadSpec::At::every_step
                              ? s.states[last % 2].data() + stride
                              : s.final_states[last].data();
    for (std::size_t first = 0; first < steps; first += kReadoutSteps) {
      const std::size_t count = std::min(kReadoutSteps, steps - first);
      kernels_.readout(head_, head_bias_, network().outputs(), network().layers[last].units,
                       static_cast<int>(count), states + first * stride, stride, s.output.data());
      for (std::size_t lane = 0; lane < traces; ++lane)
        for (std::size_t t = 0; t < count; ++t)
          for (std::size_t c = 0; c < C; ++c)
            output[lane * at.of_trace + (first + t) * at.of_step + c * at.of_output] =
                s.output[(t * C + c) * kBlock + lane];
    }
  }

  void copy_states(const Scratch& scratch, std::size_t lane, float* states) const override {
    const auto& s = static_cast<const FloatScratch&>(scratch);
    for (const std::size_t k : state_layers())
      for (std::size_t u = lane; u < s.final_states[k].size(); u += kBlock)
        *states++ = s.final_states[k][u];
  }

 protected:
  std::span<std::byte> final_state(Scratch& scratch, std::size_t layer,
                                   std::size_t part) const override {
    return part == 0 ? bytes_of(static_cast<FloatScratch&>(scratch).final_states[layer])
                     : std::span<std::byte>{};
  }

 private:
  PackedLayer pack(const GruSpec& spec, const GruWeights<float>& w) {
    const int H = spec.units, I = w.input.value.cols;
    if (spec.form == GruForm::reset_before)
      return {.gru = pack_gru(weights_, w, spec.form, spec.activation,
                              spec.reads != GruSpec::Reads::zeros)};
    return {.batch =
                simd::pack_batch(weights_, spec.activation,
                                 I == 0 ? simd::Strided<float>{}
                                        : simd::strided<float>(w.input.value.data, 3 * H, I, I),
                                 simd::strided<float>(w.recurrent.value.data, 3 * H, H, H),
                                 w.input_bias.value.data, w.recurrent_bias.value.data)};
  }

  void run_layer(std::size_t k, int steps, const float* x, std::size_t x_stride, float* states,
                 std::size_t stride, float* gates) const {
    const PackedLayer& layer = layers_[k];
    if (layer.batch.weights)
      return kernels_.batch_gru(layer.batch, network().layers[k].activation, steps, x, x_stride,
                                states, stride);
    for (int t = 0; t < steps; ++t, x += x_stride, states += stride)
      layer.gru.step(x, states, gates, states + stride, kLaneBlock);
  }

  const simd::Kernels<float>& kernels_;
  Arena weights_;
  std::vector<PackedLayer> layers_;
  const float* head_ = nullptr;  // [C][H]
  const float* head_bias_ = nullptr;
};

}  // namespace

std::unique_ptr<Plan> make_float_plan(const Model& model) {
  return std::make_unique<FloatPlan>(model);
}

}  // namespace taugate
