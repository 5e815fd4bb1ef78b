#include "taugate/runtime/integer_engine.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "taugate/core/error.h"
#include "taugate/core/parallel.h"

namespace taugate {
namespace {

IntegerModel validated(IntegerModel model) {
  model.validate();
  return model;
}

}  // namespace

IntegerEngine::IntegerEngine(const IntegerModel& model)
    : IntegerEngine(model, simd::active_integer_kernels(model.widths.operand_frac_bits + 1,
                                                        model.widths.weight_bits)) {}

IntegerEngine::IntegerEngine(IntegerModel model, const simd::IntegerKernels* kernels)
    : model_(validated(std::move(model))),
      kernels_(kernels),
      arithmetic_(model_.widths, model_.form, model_.activation) {
  if (kernels) plan_ = IntegerPlan::make(model_, *kernels);
  for (const IntegerLayer& layer : model_.encoder) widest_ = std::max(widest_, layer.hidden);
  make_scratch();
}

std::string IntegerEngine::arch() const { return plan_ ? kernels_->name : "scalar"; }

void IntegerEngine::make_scratch() {
  while (scratch_.size() < static_cast<std::size_t>(thread_count())) {
    Scratch s;
    if (plan_) {
      s.block = plan_->make_scratch();
      scratch_.push_back(std::move(s));
      continue;
    }
    for (auto& words : s.below)
      words.resize(static_cast<std::size_t>(model_.gates) * static_cast<std::size_t>(widest_));
    for (const IntegerLayer& layer : model_.encoder)
      s.states.emplace_back(static_cast<std::size_t>(layer.hidden));
    s.output.resize(static_cast<std::size_t>(outputs()));
    s.step = StepScratch(widest_);
    scratch_.push_back(std::move(s));
  }
}

std::size_t IntegerEngine::state_units() const {
  std::size_t units = 0;
  for (const IntegerLayer& layer : model_.encoder) units += static_cast<std::size_t>(layer.hidden);
  return units;
}

template <class Put>
void IntegerEngine::run_trace(Scratch& s, float* states, Put&& put) const {
  const auto unit =
      static_cast<float>(1.0 / static_cast<double>(power_of_two(model_.widths.operand_frac_bits)));
  const auto width = static_cast<std::size_t>(widest_), T = static_cast<std::size_t>(steps());
  const std::size_t layers = model_.encoder.size();
  for (std::size_t k = 0; k < 2 * layers; ++k) {
    const bool decodes = k >= layers;
    const IntegerLayer& layer = decodes ? model_.decoder[k - layers] : model_.encoder[k];
    std::vector<std::int32_t>& state = s.states[k % layers];  // the decoder goes on with it
    if (!decodes) std::fill(state.begin(), state.end(), 0);
    const int extra = k == 0 ? model_.widths.input_extra : 0;
    const std::int32_t* x = s.below[k % 2].data();
    std::int32_t* above = s.below[(k + 1) % 2].data();
    for (std::size_t t = 0; t < T; ++t) {
      gru_step(arithmetic_, layer, layer.inputs > 0 ? x + t * width : nullptr, state.data(), s.step,
               NoObserver{}, extra);
      if (k + 1 == 2 * layers) {
        head_step(arithmetic_, model_, state.data(), s.output.data(), s.step);
        put(t, s.output);
      } else {
        for (std::size_t u = 0; u < state.size(); ++u)
          above[t * width + u] = static_cast<std::int32_t>(arithmetic_.operand(state[u]));
      }
    }
    if (!decodes && states)
      for (const std::int32_t h : state)
        *states++ = static_cast<float>(arithmetic_.operand(h)) * unit;
  }
}

template <class In, class Out, class Word>
void IntegerEngine::run_all(std::span<const In> input, std::span<Out> output, TraceOrder order,
                            Word&& value_of, std::span<float> states) {
  const auto T = static_cast<std::size_t>(steps()), C = static_cast<std::size_t>(outputs());
  const std::size_t count = input.size() / T;
  require(input.size() == count * T && output.size() == input.size() * C, "[integer engine] found ",
          input.size(), " input and ", output.size(), " output values, wanted N x ", T, " and N x ",
          T, " x ", C);
  const std::size_t D = states.empty() ? 0 : state_units();
  require(states.size() == count * D, "[integer engine] found ", states.size(),
          " values of states, wanted none or N x ", state_units());
  const auto states_of = [&](std::size_t trace) { return D > 0 ? &states[trace * D] : nullptr; };
  make_scratch();
  const bool by_trace = order == TraceOrder::by_trace;
  const auto given = [&](std::size_t trace, std::size_t t) {
    return input[by_trace ? trace * T + t : t * count + trace];
  };
  const auto word = [&](std::size_t trace, std::size_t t) {
    const In x = given(trace, t);
    if constexpr (std::is_floating_point_v<In>)
      require(!std::isnan(x), "[integer engine] trace ", trace, ", gate ", t,
              ": found a value that is not a number");
    return static_cast<std::int32_t>(arithmetic_.input(x));
  };
  const auto at = [&](std::size_t trace, std::size_t t, std::size_t c) -> Out& {
    return output[by_trace ? (trace * T + t) * C + c : (t * C + c) * count + trace];
  };
  if (!plan_)
    return parallel_for(count, [&](std::size_t trace, int thread) {
      Scratch& s = scratch_[static_cast<std::size_t>(thread)];
      for (std::size_t t = 0; t < T; ++t)
        s.below[0][t * static_cast<std::size_t>(widest_)] = word(trace, t);
      run_trace(s, states_of(trace), [&](std::size_t t, const std::vector<std::int64_t>& y) {
        for (std::size_t c = 0; c < C; ++c) at(trace, t, c) = value_of(static_cast<double>(y[c]));
      });
    });

  // `batch` traces side by side in so many lanes. Lanes beyond the batch repeat the last trace:
  // harmless, and no special case.
  const auto run_lanes = [&](IntegerPlan::Scratch& s, std::size_t first, std::size_t batch,
                             std::size_t lanes) {
    constexpr bool floats = std::is_floating_point_v<In>;
    for (std::size_t lane = 0; lane < lanes; ++lane)
      for (std::size_t t = 0; t < T; ++t) {
        const std::size_t trace = first + std::min(lane, batch - 1);
        if constexpr (floats)
          s.values[t * lanes + lane] = given(trace, t);
        else
          s.input[t * lanes + lane] = word(trace, t);
      }
    if (floats && !plan_->quantize(s, T * lanes))  // which one? Its message names it.
      for (std::size_t lane = 0; lane < batch; ++lane)
        for (std::size_t t = 0; t < T; ++t) word(first + lane, t);
    if (lanes == 1)
      plan_->run_single(s);
    else
      plan_->run(s);
    for (std::size_t lane = 0; lane < batch; ++lane)
      for (std::size_t t = 0; t < T; ++t)
        for (std::size_t c = 0; c < C; ++c)
          at(first + lane, t, c) = value_of(s.output[(t * C + c) * lanes + lane]);
    for (std::size_t lane = 0; lane < batch && D > 0; ++lane)
      plan_->copy_final_operands(s, lane, lanes, states_of(first + lane));
  };
  const std::size_t B = plan_->lanes();
  parallel_for((count + B - 1) / B, [&](std::size_t block, int thread) {
    IntegerPlan::Scratch& s = scratch_[static_cast<std::size_t>(thread)].block;
    const std::size_t first = block * B, batch = std::min(B, count - first);
    // A quarter of a block runs sooner one after the other than side by side.
    if (!plan_->has_single() || batch > B / 4) return run_lanes(s, first, batch, B);
    for (std::size_t i = 0; i < batch; ++i) run_lanes(s, first + i, 1, 1);
  });
}

void IntegerEngine::run(std::span<const float> input, std::span<float> output, TraceOrder order,
                        std::span<float> states) {
  const double unit = 1.0 / static_cast<double>(power_of_two(model_.widths.output_frac_bits));
  run_all(
      input, output, order, [&](double word) { return static_cast<float>(word * unit); }, states);
}

void IntegerEngine::run_words(std::span<const std::int16_t> input, std::span<std::int64_t> output,
                              TraceOrder order) {
  run_all(input, output, order, [](double word) { return static_cast<std::int64_t>(word); });
}

}  // namespace taugate
