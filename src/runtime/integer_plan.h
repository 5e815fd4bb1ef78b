#pragma once
// Plans of quantized networks: the SIMD kernels, in blocks of 16 or 32 traces, or the definition itself, trace by trace.

#include <memory>
#include <string>

#include "runtime/plan.h"
#include "simd/integer/integer_kernels.h"
#include "taugate/quant/integer/arithmetic.h"

namespace taugate {

class IntegerPlan : public Plan {
 public:
  IntegerPlan(const IntegerModel& model, std::size_t lanes)
      : Plan(model.description, lanes, EncoderHead(model)),
        arithmetic_(model.widths, model.form(), model.activation()) {}

  /// Which kernels run: a name as in simd::IntegerKernels, or "scalar".
  virtual std::string arch() const = 0;
  /// [T][scratch.lanes], words on the input's grid: in place of input().
  virtual std::int32_t* input_words(Scratch& scratch) const = 0;
  template <class Number>
  std::int32_t input_word(Number x) const {
    return static_cast<std::int32_t>(arithmetic_.input(x));
  }
  /// Plan::run on them.
  virtual void run_words(Scratch& scratch, std::size_t first, std::size_t last, int steps,
                         bool resumes) const = 0;
  /// The head on what the last layer left: whole numbers [output_steps][C][scratch.lanes].
  virtual const double* output_words(Scratch& scratch) const = 0;

  /// put(lane, t, c, word) for the first `traces` lanes.
  template <class Put>
  void each_output(Scratch& scratch, std::size_t traces, Put&& put) const {
    const double* words = output_words(scratch);
    const auto C = static_cast<std::size_t>(network().outputs());
    for (std::size_t lane = 0; lane < traces; ++lane)
      for (std::size_t t = 0; t < network().output_steps(); ++t)
        for (std::size_t c = 0; c < C; ++c)
          put(lane, t, c, words[(t * C + c) * scratch.lanes + lane]);
  }
  void read_out(Scratch& scratch, float* output, std::size_t traces,
                const Strides& at) const override {
    const double unit = output_unit();
    each_output(scratch, traces, [&](std::size_t lane, std::size_t t, std::size_t c, double word) {
      output[lane * at.of_trace + t * at.of_step + c * at.of_output] =
          static_cast<float>(word * unit);
    });
  }
  double output_unit() const override {
    return 1.0 / static_cast<double>(power_of_two(widths().output_frac_bits));
  }

 protected:
  const Widths& widths() const { return arithmetic_.widths(); }
  /// What one unit of an operand stands for.
  float operand_unit() const {
    return static_cast<float>(1.0 / static_cast<double>(power_of_two(widths().operand_frac_bits)));
  }

 private:
  Arithmetic arithmetic_;
};

/// Validates the model (Error) and plans it for these kernels; by the definition where they could not hold every value
/// that the model can reach, or are null.
std::unique_ptr<Plan> make_integer_plan(const IntegerModel& model,
                                        const simd::IntegerKernels* kernels,
                                        bool lanes_apart = false);
/// For the best kernels of the active architecture. `lanes_apart`: a lane's state can be taken out and put back
/// (Plan::save_lane), which costs the kernels that hold states in 16 bits.
std::unique_ptr<Plan> make_integer_plan(const IntegerModel& model, bool lanes_apart = false);

/// Null where products, preactivations or gates could leave 32 bits.
std::unique_ptr<Plan> make_int32_plan(const IntegerModel& model,
                                      const simd::IntegerKernels& kernels,
                                      bool lanes_apart = false);
/// Null where they could leave the integers that doubles hold.
std::unique_ptr<Plan> make_float64_plan(const IntegerModel& model,
                                        const simd::IntegerKernels& kernels);
std::unique_ptr<Plan> make_reference_plan(const IntegerModel& model);

}  // namespace taugate
