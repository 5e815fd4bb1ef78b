// Quantized layers whose products, preactivations and gates fit 32 bits, for blocks of traces and, where the
// element-wise operations fit 16 bits, for one trace alone.

#include <array>
#include <cmath>

#include "runtime/integer_packing.h"
#include "runtime/integer_plan.h"

namespace taugate {
namespace {

struct Int32Scratch : Scratch {
  Buffer<float> values;        ///< [T][features][lanes], to be quantized
  Buffer<std::int32_t> input;  ///< [T][features][lanes], words on the input's grid
  std::array<Buffer<std::int32_t>, 2>
      operands;  ///< of a layer and its successor in turn: [T+1] steps
  Buffer<std::int32_t> state;
  Buffer<double> output;  ///< [T][C][lanes]
  /// Operands and state after the last step, of each layer.
  std::vector<Buffer<std::int32_t>> final_operands, final_states;
};

class Int32Plan : public IntegerPlan {
 public:
  Int32Plan(const IntegerModel& model, const simd::IntegerKernels& kernels, bool lanes_apart)
      : IntegerPlan(model, static_cast<std::size_t>(kernels.int32_lanes)), kernels_(kernels) {
    const bool floats = !lanes_apart && kernels.fuses && simd::fits_int16(elementwise_of(model)) &&
                        floats_fit(model);
    for (const IntegerLayer& layer : model.layers)
      layers_.push_back(pack_int32(memory_, model, layer, kernels,
                                   {kernels.tile_units, simd::kInt16Group}, floats));
    for (simd::Int32Gru& layer : layers_) layer.wide = lanes_apart;
    head_ = pack_int32_head(memory_, model, kernels, layers_.back().state_words);
    if (!floats || !kernels.single_gru) return;
    const UnitOrder order{kernels.single_units, kernels.single_units, kernels.single_lane_words};
    for (const IntegerLayer& layer : model.layers)
      single_layers_.push_back(pack_int32(memory_, model, layer, kernels, order, true));
    single_head_ =
        pack_int32_head(memory_, model, kernels, static_cast<int>(words(single_layers_.back(), 1)));
  }

  std::string arch() const override { return kernels_.name; }
  bool has_single() const override { return !single_layers_.empty(); }
  float* input(Scratch& s) const override { return of(s).values.data(); }
  std::int32_t* input_words(Scratch& s) const override { return of(s).input.data(); }

  bool run(Scratch& s, std::size_t first, std::size_t last, int steps,
           bool resumes) const override {
    const std::size_t count =
        round_up(static_cast<std::size_t>(steps * network().features) * s.lanes);
    if (first == 0 && !kernels_.quantize(count, of(s).values.data(), widths().operand_frac_bits,
                                         of(s).input.data()))
      return false;
    run_words(s, first, last, steps, resumes);
    return true;
  }

  void run_words(Scratch& scratch, std::size_t first, std::size_t last, int steps,
                 bool resumes) const override {
    Int32Scratch& s = of(scratch);
    const bool single = s.lanes == 1;
    const std::int32_t* x = nullptr;
    std::size_t x_stride = 0;
    for (std::size_t k = first; k < last; ++k) {
      const GruSpec& spec = network().layers[k];
      const simd::Int32Gru& layer = (single ? single_layers_ : layers_)[k];
      std::int32_t* operands = s.operands[k % 2].data();
      if (spec.reads == GruSpec::Reads::trace) {
        x = pack_input(s, static_cast<std::size_t>(steps), s.operands[(k + 1) % 2].data());
        x_stride = s.lanes;
      }
      const std::size_t n = words(layer, s.lanes), at = stride(n, s.lanes),
                        held = state_words(layer, s.lanes);
      if (resumes || spec.starts_from >= 0) {
        const std::size_t from = resumes ? k : static_cast<std::size_t>(spec.starts_from);
        std::copy_n(s.final_states[from].data(), held, s.state.data());
        std::copy_n(s.final_operands[from].data(), n, operands);
      } else {
        std::fill_n(s.state.data(), held, 0);
        std::fill_n(operands, n, zeros());
      }
      (single ? kernels_.single_gru : kernels_.int32_gru)(layer, steps, x, x_stride, operands, at,
                                                          s.state.data());
      std::copy_n(s.state.data(), held, s.final_states[k].data());
      std::copy_n(operands + static_cast<std::size_t>(steps) * at, n, s.final_operands[k].data());
      x = operands + at;
      x_stride = at;
    }
  }

  const double* output_words(Scratch& scratch) const override {
    Int32Scratch& s = of(scratch);
    const bool single = s.lanes == 1;
    const std::size_t last = layers_.size() - 1;
    const std::size_t at =
        stride(words((single ? single_layers_ : layers_)[last], s.lanes), s.lanes);
    const bool every_step = network().head.at == HeadSpec::At::every_step;
    (single ? kernels_.single_readout : kernels_.int32_readout)(
        single ? single_head_ : head_, static_cast<int>(network().output_steps()),
        every_step ? s.operands[last % 2].data() + at : s.final_operands[last].data(), at,
        s.output.data());
    return s.output.data();
  }

  void copy_states(const Scratch& scratch, std::size_t lane, float* states) const override {
    const auto& s = static_cast<const Int32Scratch&>(scratch);
    const auto per = static_cast<std::size_t>(kernels_.operands_per_word);
    const std::size_t bits = 32 / per;
    for (const std::size_t k : state_layers())
      for (std::size_t u = 0; u < static_cast<std::size_t>(network().layers[k].units); ++u) {
        const auto word =
            static_cast<std::uint32_t>(s.final_operands[k][u / per * s.lanes + lane]) >>
            (u % per * bits);
        const std::int32_t operand = kernels_.offset_operands ? static_cast<int>(word & 0xff) - 128
                                     : per == 2 ? static_cast<std::int16_t>(word & 0xffff)
                                                : static_cast<std::int8_t>(word & 0xff);
        *states++ = static_cast<float>(operand) * operand_unit();
      }
  }

  void clear(Scratch& scratch) const override {
    Plan::clear(scratch);
    for (auto& operands : of(scratch).final_operands)
      std::fill(operands.begin(), operands.end(), zeros());
  }

 protected:
  std::unique_ptr<Scratch> new_scratch() const override {
    const auto T = static_cast<std::size_t>(network().gates);
    auto s = std::make_unique<Int32Scratch>();
    s->values = Buffer<float>(round_up(network().input_size() * lanes()));
    s->input = Buffer<std::int32_t>(round_up(network().input_size() * lanes()));
    s->output = Buffer<double>(network().output_size() * lanes());
    std::size_t step = lanes(), held = 0;
    for (const auto& layer : layers_) {
      step = std::max(step, stride(words(layer, lanes()), lanes()));
      held = std::max(held, state_words(layer, lanes()));
      s->final_operands.emplace_back(words(layer, lanes()));
      s->final_states.emplace_back(state_words(layer, lanes()));
    }
    for (auto& operands : s->operands) operands = Buffer<std::int32_t>((T + 1) * step);
    s->state = Buffer<std::int32_t>(held);
    return s;
  }
  std::span<std::byte> final_state(Scratch& scratch, std::size_t layer,
                                   std::size_t part) const override {
    return part == 0   ? bytes_of(of(scratch).final_operands[layer])
           : part == 1 ? bytes_of(of(scratch).final_states[layer])
                       : std::span<std::byte>{};
  }

 private:
  static Int32Scratch& of(Scratch& s) { return static_cast<Int32Scratch&>(s); }
  static std::size_t round_up(std::size_t count) {
    return (count + kLaneBlock - 1) / kLaneBlock * kLaneBlock;
  }

  /// Words of the operands of a step; of one trace in whole registers.
  std::size_t words(const simd::Int32Gru& layer, std::size_t lanes) const {
    const auto count = static_cast<std::size_t>(layer.units / kernels_.operands_per_word);
    return lanes == 1 ? round_up(count) : count * lanes;
  }
  static std::size_t stride(std::size_t words, std::size_t lanes) {
    return lanes == 1 ? words : odd_stride(words);
  }
  /// Of one trace, two units lie in a word.
  static std::size_t state_words(const simd::Int32Gru& layer, std::size_t lanes) {
    return lanes == 1 ? static_cast<std::size_t>(layer.units) / 2
                      : static_cast<std::size_t>(layer.units) * lanes;
  }

  /// The one or two inputs of a step are a word of their own, whose other operands meet weights of zero.
  const std::int32_t* pack_input(const Int32Scratch& s, std::size_t steps,
                                 std::int32_t* words) const {
    const std::int32_t offset = kernels_.offset_operands ? 128 : 0;
    const std::int32_t operand = kernels_.operands_per_word == 4 ? 0xff : 0xffff;
    if (network().features == 1) {
      for (std::size_t i = 0; i < steps * s.lanes; ++i) words[i] = (s.input[i] + offset) & operand;
      return words;
    }
    const std::int32_t *first = s.input.data(), shift = kernels_.operands_per_word == 4 ? 8 : 16;
    for (std::size_t t = 0; t < steps; ++t, first += 2 * s.lanes)
      for (std::size_t lane = 0; lane < s.lanes; ++lane)
        words[t * s.lanes + lane] = static_cast<std::int32_t>(
            static_cast<std::uint32_t>((first[lane] + offset) & operand) |
            static_cast<std::uint32_t>((first[s.lanes + lane] + offset) & operand) << shift);
    return words;
  }
  /// A word of operands that are 0.
  std::int32_t zeros() const {
    return kernels_.offset_operands ? -0x7f7f7f80 : 0;
  }  // 128 in each byte

  const simd::IntegerKernels& kernels_;
  Arena memory_;
  std::vector<simd::Int32Gru> layers_, single_layers_;  // of single ones as many, or none
  simd::IntegerReadout head_, single_head_;
};

bool fits_int32(const IntegerModel& model) {
  const Widths& w = model.widths;
  if (model.form() != GruForm::reset_after || w.head_reads_state || w.input_extra > 0) return false;
  if (elementwise_bits(model) > 30) return false;
  for (const AccumulatorBound& bound : accumulator_bounds(model)) {
    const auto most = static_cast<double>(bound.most);
    const bool head = bound.gate == 'y';  // leaves the lanes for doubles before it is scaled
    if (most >= 0x1p31 || (!head && most * scale_of(bound.requantizer) >= 0x1p30)) return false;
  }
  return true;
}

}  // namespace

std::unique_ptr<Plan> make_int32_plan(const IntegerModel& model,
                                      const simd::IntegerKernels& kernels, bool lanes_apart) {
  return fits_int32(model) ? std::make_unique<Int32Plan>(model, kernels, lanes_apart) : nullptr;
}

}  // namespace taugate
