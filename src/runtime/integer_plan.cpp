#include "runtime/integer_plan.h"

#include <cmath>

#include "quant/integer/reference_executor.h"

namespace taugate {
namespace {

struct ReferenceScratch : Scratch {
  std::vector<float> values;  ///< [T][features]
  ReferenceExecutor::Scratch trace;
  std::vector<double> output;
};

class ReferencePlan : public IntegerPlan {
 public:
  explicit ReferencePlan(const IntegerModel& model)
      : IntegerPlan(model, 1), model_(model), reference_(model_) {}

  std::string arch() const override { return "scalar"; }
  float* input(Scratch& s) const override { return of(s).values.data(); }
  std::int32_t* input_words(Scratch& s) const override { return of(s).trace.input.data(); }

  bool run(Scratch& s, std::size_t first, std::size_t last, int steps,
           bool resumes) const override {
    const auto values = static_cast<std::size_t>(steps * network().features);
    for (std::size_t t = 0; first == 0 && t < values; ++t) {
      if (std::isnan(of(s).values[t])) return false;
      of(s).trace.input[t] = input_word(of(s).values[t]);
    }
    run_words(s, first, last, steps, resumes);
    return true;
  }
  void run_words(Scratch& s, std::size_t first, std::size_t last, int steps,
                 bool resumes) const override {
    reference_.run_layers(of(s).trace, first, last, steps, resumes);
  }
  const double* output_words(Scratch& s) const override {
    reference_.run_head(of(s).trace);
    std::copy(of(s).trace.output.begin(), of(s).trace.output.end(), of(s).output.begin());
    return of(s).output.data();
  }
  void copy_states(const Scratch& scratch, std::size_t, float* states) const override {
    const auto& s = static_cast<const ReferenceScratch&>(scratch);
    for (const std::size_t k : state_layers())
      for (const std::int32_t h : s.trace.final_states[k])
        *states++ = static_cast<float>(reference_.operand(h)) * operand_unit();
  }

 protected:
  std::unique_ptr<Scratch> new_scratch() const override {
    auto s = std::make_unique<ReferenceScratch>();
    s->trace = reference_.make_scratch();
    s->values.resize(s->trace.input.size());
    s->output.resize(s->trace.output.size());
    return s;
  }
  std::span<std::byte> final_state(Scratch& scratch, std::size_t layer,
                                   std::size_t part) const override {
    ReferenceExecutor::Scratch& s = of(scratch).trace;
    return part == 0   ? bytes_of(s.final_states[layer])
           : part == 1 ? std::as_writable_bytes(std::span(&s.steps[layer], 1))
                       : std::span<std::byte>{};
  }

 private:
  static ReferenceScratch& of(Scratch& s) { return static_cast<ReferenceScratch&>(s); }

  IntegerModel model_;
  ReferenceExecutor reference_;
};

}  // namespace

std::unique_ptr<Plan> make_reference_plan(const IntegerModel& model) {
  return std::make_unique<ReferencePlan>(model);
}

std::unique_ptr<Plan> make_integer_plan(const IntegerModel& model,
                                        const simd::IntegerKernels* kernels, bool lanes_apart) {
  model.validate();
  if (!kernels || model.widths.write_back == WriteBack::stochastic)
    return make_reference_plan(model);
  std::unique_ptr<Plan> plan = make_int32_plan(model, *kernels, lanes_apart);
  if (!plan) plan = make_float64_plan(model, *kernels);
  return plan ? std::move(plan) : make_reference_plan(model);
}

std::unique_ptr<Plan> make_integer_plan(const IntegerModel& model, bool lanes_apart) {
  return make_integer_plan(
      model,
      simd::active_integer_kernels(model.widths.operand_frac_bits + 1, model.widths.weight_bits),
      lanes_apart);
}

}  // namespace taugate
