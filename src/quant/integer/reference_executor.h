#pragma once
// A whole trace by the definition's steps (integer_step.h): what the executors and the hardware equal, and in which
// every value can be observed.

#include <algorithm>
#include <array>
#include <vector>

#include "taugate/quant/integer/integer_step.h"

namespace taugate {

class ReferenceExecutor {
 public:
  /// The model has been validated and must outlive this.
  explicit ReferenceExecutor(const IntegerModel& model)
      : model_(model), arithmetic_(model.widths, model.form(), model.activation()) {}

  struct Scratch {
    std::vector<std::int32_t> input;  ///< [T][features]
    std::array<std::vector<std::int32_t>, 2>
        operands;                           ///< [T][widest], of a layer and its successor in turn
    std::vector<std::int32_t> last_states;  ///< [T][H] of the last layer
    std::vector<std::vector<std::int32_t>> final_states;  ///< of each layer [H]
    std::vector<std::size_t> steps;                       ///< of each layer, that were run
    std::vector<std::int64_t> output;                     ///< [output_steps][C], then [E]
    StepScratch step;
  };
  Scratch make_scratch() const {
    const auto T = static_cast<std::size_t>(model_.gates());
    Scratch s;
    s.input.resize(model_.description.input_size());
    for (auto& operands : s.operands) operands.resize(T * widest());
    s.last_states.resize(T * static_cast<std::size_t>(model_.layers.back().hidden));
    for (const IntegerLayer& layer : model_.layers)
      s.final_states.emplace_back(static_cast<std::size_t>(layer.hidden));
    s.steps.resize(model_.layers.size());
    s.output.resize(model_.description.output_size());
    s.step = StepScratch(model_.description.widest());
    return s;
  }

  template <class Number>
  std::int32_t input_word(Number x) const {
    return static_cast<std::int32_t>(arithmetic_.input(x));
  }
  std::int64_t operand(std::int32_t state) const { return arithmetic_.operand(state); }

  /// Layers [first, last) over `steps` steps of the input; as Plan::run (runtime/plan.h).
  template <class Observer = NoObserver>
  void run_layers(Scratch& s, std::size_t first, std::size_t last, int steps, bool resumes,
                  Observer&& observe = {}) const {
    for (std::size_t k = first; k < last; ++k) {
      const GruSpec& spec = model_.description.layers[k];
      const IntegerLayer& layer = model_.layers[k];
      std::vector<std::int32_t>& state = s.final_states[k];
      if (!resumes && spec.starts_from >= 0)
        state = s.final_states[static_cast<std::size_t>(spec.starts_from)];
      if (!resumes && spec.starts_from < 0) std::fill(state.begin(), state.end(), 0);
      if (!resumes) s.steps[k] = 0;
      const bool trace = spec.reads == GruSpec::Reads::trace;
      const std::int32_t* x = trace ? s.input.data() : s.operands[(k + 1) % 2].data();
      const std::size_t width =
          trace ? static_cast<std::size_t>(model_.description.features) : widest();
      for (std::size_t t = 0; t < static_cast<std::size_t>(steps); ++t) {
        gru_step(arithmetic_, layer, layer.inputs > 0 ? x + t * width : nullptr, state.data(),
                 s.step, observe, model_.input_extra(k), {k, s.steps[k]++});
        std::transform(
            state.begin(), state.end(),
            s.operands[k % 2].begin() + static_cast<std::ptrdiff_t>(t * widest()),
            [&](std::int32_t h) { return static_cast<std::int32_t>(arithmetic_.operand(h)); });
        if (k + 1 == model_.layers.size())
          std::copy(state.begin(), state.end(),
                    s.last_states.begin() + static_cast<std::ptrdiff_t>(t * state.size()));
      }
    }
  }
  /// The head on the states of the last layer, and the second one on the encoder's.
  template <class Observer = NoObserver>
  void run_head(Scratch& s, Observer&& observe = {}) const {
    const std::size_t steps = model_.description.output_steps(), H = s.final_states.back().size();
    const bool every_step = model_.description.head.at == HeadSpec::At::every_step;
    for (std::size_t t = 0; t < steps; ++t)
      head_step(arithmetic_, model_,
                every_step ? &s.last_states[t * H] : s.final_states.back().data(),
                &s.output[t * static_cast<std::size_t>(model_.outputs())], s.step, observe);
    if (model_.encoder_head.weights.rows == 0) return;
    const auto& state = s.final_states[model_.description.encoder_layers() - 1];
    std::transform(state.begin(), state.end(), s.step.operand.begin(), [&](std::int32_t h) {
      return static_cast<std::int32_t>(arithmetic_.operand(h));
    });
    const IntegerHead& head = model_.encoder_head;
    linear_step(arithmetic_.widths(), head.weights, head.bias, head.requantizers,
                s.step.operand.data(),
                &s.output[steps * static_cast<std::size_t>(model_.outputs())], observe);
  }
  template <class Observer = NoObserver>
  void run(Scratch& s, Observer&& observe = {}) const {
    run_layers(s, 0, model_.layers.size(), model_.gates(), false, observe);
    run_head(s, observe);
  }

 private:
  std::size_t widest() const { return static_cast<std::size_t>(model_.description.widest()); }

  const IntegerModel& model_;
  Arithmetic arithmetic_;
};

}  // namespace taugate
