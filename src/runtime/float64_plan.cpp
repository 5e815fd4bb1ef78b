// Quantized layers as whole numbers in doubles: the forms and widths that 32 bits do not hold.

#include <array>

#include "runtime/integer_packing.h"
#include "runtime/integer_plan.h"

namespace taugate {
namespace {

constexpr std::size_t kLanes = kLaneBlock;

struct Float64Scratch : Scratch {
  Buffer<float> values;        ///< [T][16], to be quantized
  Buffer<std::int32_t> input;  ///< [T][16], words on the input's grid
  Buffer<double> numbers;      ///< [T][16], the same as doubles
  std::array<Buffer<double>, 2>
      operands;  ///< of a layer and its successor in turn: [T+1] of [H][16]
  Buffer<double> states, work, output;
  std::vector<Buffer<double>> final_operands, final_states;  ///< of each layer [H][16]
};

class Float64Plan : public IntegerPlan {
 public:
  Float64Plan(const IntegerModel& model, const simd::IntegerKernels& kernels)
      : IntegerPlan(model, kLanes), kernels_(kernels) {
    for (std::size_t k = 0; k < model.layers.size(); ++k)
      layers_.push_back(pack_float64(memory_, model, k));
    head_ = pack_float64_head(memory_, model);
  }

  std::string arch() const override { return kernels_.name; }
  float* input(Scratch& s) const override { return of(s).values.data(); }
  std::int32_t* input_words(Scratch& s) const override { return of(s).input.data(); }

  bool run(Scratch& s, std::size_t first, std::size_t last, int steps,
           bool resumes) const override {
    const int frac_bits = widths().operand_frac_bits + widths().input_extra;
    const std::size_t count = static_cast<std::size_t>(steps * network().features) * kLanes;
    if (first == 0 && !kernels_.quantize(count, of(s).values.data(), frac_bits, of(s).input.data()))
      return false;
    run_words(s, first, last, steps, resumes);
    return true;
  }

  void run_words(Scratch& scratch, std::size_t first, std::size_t last, int steps,
                 bool resumes) const override {
    Float64Scratch& s = of(scratch);
    const auto T = static_cast<std::size_t>(steps);
    const double* x = nullptr;
    std::size_t x_stride = 0;
    for (std::size_t k = first; k < last; ++k) {
      const GruSpec& spec = network().layers[k];
      const std::size_t plane = s.final_states[k].size(), at = odd_stride(plane);
      double *operands = s.operands[k % 2].data(), *states = s.states.data();
      if (spec.reads == GruSpec::Reads::trace) {
        x_stride = static_cast<std::size_t>(network().features) * kLanes;
        std::copy_n(s.input.data(), T * x_stride, s.numbers.data());
        x = s.numbers.data();
      }
      if (resumes || spec.starts_from >= 0) {
        const std::size_t from = resumes ? k : static_cast<std::size_t>(spec.starts_from);
        std::copy_n(s.final_operands[from].data(), plane, operands);
        std::copy_n(s.final_states[from].data(), plane, states);
      } else {
        std::fill_n(operands, plane, 0.0);
        std::fill_n(states, plane, 0.0);
      }
      kernels_.float64_gru(layers_[k], steps, x, x_stride, operands, states, at, s.work.data());
      std::copy_n(operands + T * at, plane, s.final_operands[k].data());
      std::copy_n(states + T * at, plane, s.final_states[k].data());
      x = operands + at;
      x_stride = at;
    }
  }

  const double* output_words(Scratch& scratch) const override {
    Float64Scratch& s = of(scratch);
    const std::size_t last = layers_.size() - 1, at = odd_stride(s.final_states[last].size());
    const double* values =
        network().head.at == HeadSpec::At::every_step
            ? (head_.reads_state ? s.states : s.operands[last % 2]).data() + at
            : (head_.reads_state ? s.final_states : s.final_operands)[last].data();
    kernels_.float64_readout(head_, static_cast<int>(network().output_steps()), values, at,
                             s.output.data());
    return s.output.data();
  }

  void copy_states(const Scratch& scratch, std::size_t lane, float* states) const override {
    const auto& s = static_cast<const Float64Scratch&>(scratch);
    for (const std::size_t k : state_layers())
      for (std::size_t u = lane; u < s.final_operands[k].size(); u += kLanes)
        *states++ = static_cast<float>(s.final_operands[k][u]) * operand_unit();
  }

 protected:
  std::unique_ptr<Scratch> new_scratch() const override {
    const auto T = static_cast<std::size_t>(network().gates),
               H = static_cast<std::size_t>(network().widest());
    const std::size_t plane = odd_stride(H * kLanes);
    auto s = std::make_unique<Float64Scratch>();
    s->values = Buffer<float>(network().input_size() * kLanes);
    s->input = Buffer<std::int32_t>(s->values.size());
    s->numbers = Buffer<double>(s->values.size());
    for (auto& operands : s->operands) operands = Buffer<double>((T + 1) * plane);
    s->states = Buffer<double>((T + 1) * plane);
    s->work = Buffer<double>(3 * plane);
    s->output = Buffer<double>(network().output_size() * kLanes);
    for (const GruSpec& layer : network().layers)
      for (auto* kept : {&s->final_operands, &s->final_states})
        kept->emplace_back(static_cast<std::size_t>(layer.units) * kLanes);
    return s;
  }
  std::span<std::byte> final_state(Scratch& scratch, std::size_t layer,
                                   std::size_t part) const override {
    return part == 0   ? bytes_of(of(scratch).final_operands[layer])
           : part == 1 ? bytes_of(of(scratch).final_states[layer])
                       : std::span<std::byte>{};
  }
  std::size_t state_number() const override { return sizeof(double); }

 private:
  static Float64Scratch& of(Scratch& s) { return static_cast<Float64Scratch&>(s); }

  const simd::IntegerKernels& kernels_;
  Arena memory_;
  std::vector<simd::Float64Gru> layers_;
  simd::IntegerReadout head_;
};

bool fits_float64(const IntegerModel& model) {
  if (elementwise_bits(model) > 51) return false;
  for (const AccumulatorBound& bound : accumulator_bounds(model))
    if (static_cast<double>(bound.most) * bound.requantizer.multiplier >= 0x1p52) return false;
  return true;
}

}  // namespace

std::unique_ptr<Plan> make_float64_plan(const IntegerModel& model,
                                        const simd::IntegerKernels& kernels) {
  return fits_float64(model) ? std::make_unique<Float64Plan>(model, kernels) : nullptr;
}

}  // namespace taugate
