#pragma once
// Inference with integers, with the same call as the float Engine: plan once, then run without
// allocating. Integers in, integers out is there too, to set it beside hardware.

#include <span>
#include <vector>

#include "taugate/core/tensor.h"
#include "runtime/integer_plan.h"
#include "taugate/quant/integer/integer_step.h"

namespace taugate {

class IntegerEngine {
 public:
  /// Validates the model (Error) and copies it. Runs on the active architecture's kernels, or,
  /// where these could not hold every value of the model, on their slow twin: to the same integers.
  explicit IntegerEngine(const IntegerModel& model);
  /// Runs on these kernels; null: on the slow twin.
  IntegerEngine(IntegerModel model, const simd::IntegerKernels* kernels);

  /// Which kernels run: a name as in simd::IntegerKernels, or "scalar".
  std::string arch() const;

  int steps() const { return model_.gates; }        ///< T
  int outputs() const { return model_.outputs(); }  ///< C
  /// D: units of the encoder's final states, all its layers together.
  std::size_t state_units() const;
  const IntegerModel& model() const { return model_; }

  /// N traces, normalised as in training, to their output, on all threads. A trace's result does
  /// not depend on the others. Error for a NaN; infinity saturates. Allocates nothing, unless there
  /// are more threads than ever before. Where `states` is not empty, the operands of the encoder's
  /// final states go there as real numbers, [N][D].
  void run(std::span<const float> input, std::span<float> output,
           TraceOrder order = TraceOrder::by_trace, std::span<float> states = {});

  /// The same in integers: input words k for k / 2^input_frac_bits (saturated to that grid),
  /// output words k for k / 2^output_frac_bits.
  void run_words(std::span<const std::int16_t> input, std::span<std::int64_t> output,
                 TraceOrder order = TraceOrder::by_trace);

 private:
  struct Scratch {
    std::vector<std::int32_t> below[2];             // [T][widest]: what a layer reads, and leaves
    std::vector<std::vector<std::int32_t>> states;  // a layer of the encoder each: h
    std::vector<std::int64_t> output;               // [C]
    StepScratch step;
    IntegerPlan::Scratch block;
  };
  void make_scratch();
  /// One trace, whose input words lie in s.below[0]; put(t, c, word) takes the result. `states`:
  /// null, or room for [D].
  template <class Put>
  void run_trace(Scratch& s, float* states, Put&& put) const;
  template <class In, class Out, class Word>
  void run_all(std::span<const In> input, std::span<Out> output, TraceOrder order, Word&& value_of,
               std::span<float> states = {});

  IntegerModel model_;
  const simd::IntegerKernels* kernels_ = nullptr;
  std::optional<IntegerPlan> plan_;
  Arithmetic arithmetic_;
  int widest_ = 1;
  std::vector<Scratch> scratch_;  // one a thread
};

}  // namespace taugate
