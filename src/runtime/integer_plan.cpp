#include "runtime/integer_plan.h"

#include <algorithm>
#include <cmath>

namespace taugate {
namespace {

constexpr std::size_t kLanes = kLaneBlock;  // of wide layers, and the least of narrow ones

/// Bits that the largest value of the element-wise operations needs, its sign left out.
int tail_bits(const IntegerModel& model) {
  const Widths& w = model.widths;
  const int held = w.step_reads_operand ? w.operand_frac_bits : w.state_frac_bits;
  const int blend = w.gate_frac_bits + std::max(w.candidate_frac_bits, held) + 1;
  const int product = model.form == GruForm::reset_after ? w.gate_frac_bits + w.preact_bits - 1
                                                         : w.gate_frac_bits + held;
  return std::max({blend, product, w.preact_bits, w.state_frac_bits});
}

bool narrow_fits(const IntegerModel& model) {
  const Widths& w = model.widths;
  if (model.form != GruForm::reset_after || w.head_reads_state || w.input_extra > 0) return false;
  if (tail_bits(model) > 30) return false;
  for (const AccumulatorBound& bound : accumulator_bounds(model)) {
    const auto most = static_cast<double>(bound.most);
    const bool head = bound.gate == 'y';  // leaves the lanes for doubles before it is scaled
    if (most >= 0x1p31 || (!head && most * scale_of(bound.requantizer) >= 0x1p30)) return false;
  }
  return true;
}

bool wide_fits(const IntegerModel& model) {
  if (tail_bits(model) > 51) return false;
  for (const AccumulatorBound& bound : accumulator_bounds(model))
    if (static_cast<double>(bound.most) * bound.requantizer.multiplier >= 0x1p52) return false;
  return true;
}

}  // namespace

std::optional<IntegerPlan> IntegerPlan::make(const IntegerModel& model,
                                             const simd::IntegerKernels& kernels) {
  const bool narrow = narrow_fits(model);
  if (!narrow && !wide_fits(model)) return std::nullopt;
  IntegerPlan plan;
  plan.kernels_ = &kernels;
  plan.int32_ = narrow;
  if (narrow) plan.lanes_ = static_cast<std::size_t>(kernels.int32_lanes);
  plan.steps_ = model.gates;
  plan.operand_frac_bits_ = model.widths.operand_frac_bits;
  for (const IntegerLayer& layer : model.encoder) plan.encoder_units_.push_back(layer.hidden);
  plan.input_fraction_ = model.widths.operand_frac_bits + model.widths.input_extra;
  const bool floats =
      narrow && kernels.fuses && simd::fits_int16(tail_of(model)) && floats_fit(model);
  for (const auto* side : {&model.encoder, &model.decoder})
    for (const IntegerLayer& layer : *side) {
      if (narrow)
        plan.int32_layers_.push_back(pack_int32(plan.memory_, model, layer, kernels,
                                                  {kernels.tile_units, simd::kInt16Group}, floats));
      else
        plan.float64_layers_.push_back(pack_float64(plan.memory_, model, layer));
      plan.widest_ = std::max(
          plan.widest_, narrow ? plan.int32_layers_.back().units : plan.float64_layers_.back().units);
    }
  plan.head_ = narrow ? pack_int32_head(plan.memory_, model, kernels,
                                         plan.int32_layers_.back().state_words)
                      : pack_float64_head(plan.memory_, model);
  if (floats && kernels.single_gru) plan.pack_single(model);
  return plan;
}

void IntegerPlan::pack_single(const IntegerModel& model) {
  const UnitOrder order{kernels_->single_units, kernels_->single_units,
                        kernels_->single_lane_words};
  for (const auto* side : {&model.encoder, &model.decoder})
    for (const IntegerLayer& layer : *side)
      single_layers_.push_back(pack_int32(memory_, model, layer, *kernels_, order, true));
  single_head_ = pack_int32_head(memory_, model, *kernels_,
                                  static_cast<int>(single_words_of(single_layers_.back())));
}

/// Words of the operands of a step, in whole registers; fewer than those of a block.
std::size_t IntegerPlan::single_words_of(const simd::Int32Gru& layer) const {
  const auto words = static_cast<std::size_t>(layer.units / kernels_->operands_per_word);
  return (words + kLanes - 1) / kLanes * kLanes;
}

/// Words of the operands of a step.
std::size_t IntegerPlan::words_of(const simd::Int32Gru& layer) const {
  return static_cast<std::size_t>(layer.units / kernels_->operands_per_word) * lanes_;
}

IntegerPlan::Scratch IntegerPlan::make_scratch() const {
  const auto T = static_cast<std::size_t>(steps_), C = static_cast<std::size_t>(head_.rows);
  const std::size_t plane = odd_stride(static_cast<std::size_t>(widest_) * lanes_);
  Scratch s;
  s.values = Buffer<float>(T * lanes_);
  s.input = Buffer<std::int32_t>(T * lanes_);
  s.output = Buffer<double>(T * C * lanes_);
  if (int32_) {
    for (auto& words : s.words) words = Buffer<std::int32_t>((T + 1) * plane);
    s.state = Buffer<std::int32_t>(plane);
    s.operand = Buffer<std::int32_t>(plane);
  } else {
    for (auto& float64 : s.float64) float64 = Buffer<double>((T + 1) * plane);
    s.states = Buffer<double>((T + 1) * plane);
    s.work = Buffer<double>(3 * plane);
  }
  for (std::size_t k = 0; k < int32_layers_.size() / 2; ++k) {
    s.final_words.emplace_back(words_of(int32_layers_[k]));
    s.final_state.emplace_back(static_cast<std::size_t>(int32_layers_[k].units) * lanes_);
  }
  for (std::size_t k = 0; k < float64_layers_.size() / 2; ++k)
    for (auto* kept : {&s.final_operands, &s.final_states})
      kept->emplace_back(static_cast<std::size_t>(float64_layers_[k].units) * kLanes);
  return s;
}

bool IntegerPlan::quantize(Scratch& s, std::size_t count) const {
  const std::size_t whole = (count + kLanes - 1) / kLanes * kLanes;
  return kernels_->quantize(whole, s.values.data(), input_fraction_, s.input.data());
}

void IntegerPlan::run(Scratch& s) const {
  if (int32_)
    run_words(s, int32_layers_, false);
  else
    run_wide(s);
}

void IntegerPlan::copy_final_operands(const Scratch& s, std::size_t lane, std::size_t lanes,
                                      float* operands) const {
  const auto unit = static_cast<float>(std::ldexp(1.0, -operand_frac_bits_));
  const auto per = static_cast<std::size_t>(kernels_->operands_per_word);
  const std::size_t bits = 32 / per;
  for (std::size_t k = 0; k < encoder_units_.size(); ++k)
    for (std::size_t u = 0; u < static_cast<std::size_t>(encoder_units_[k]); ++u) {
      if (!int32_) {
        *operands++ = static_cast<float>(s.final_operands[k][u * lanes + lane]) * unit;
        continue;
      }
      const auto word =
          static_cast<std::uint32_t>(s.final_words[k][u / per * lanes + lane]) >> (u % per * bits);
      const std::int32_t operand = kernels_->offset_operands ? static_cast<int>(word & 0xff) - 128
                                   : per == 2 ? static_cast<std::int16_t>(word & 0xffff)
                                              : static_cast<std::int8_t>(word & 0xff);
      *operands++ = static_cast<float>(operand) * unit;
    }
}

/// One input a step is a word of its own, whose other operands meet weights of zero.
const std::int32_t* IntegerPlan::pack_input(Scratch& s, std::size_t count) const {
  const std::int32_t offset = kernels_->offset_operands ? 128 : 0;
  const std::int32_t first_operand = kernels_->operands_per_word == 4 ? 0xff : 0xffff;
  std::int32_t* words = s.words[1].data();
  for (std::size_t i = 0; i < count; ++i) words[i] = (s.input[i] + offset) & first_operand;
  return words;
}

/// A word of operands that are 0.
std::int32_t IntegerPlan::zeros() const {
  return kernels_->offset_operands ? -0x7f7f7f80 : 0;  // 128 in each byte
}

void IntegerPlan::run_words(Scratch& s, const std::vector<simd::Int32Gru>& all,
                            bool single) const {
  const std::size_t lanes = single ? 1 : lanes_, layers = all.size() / 2;
  const auto T = static_cast<std::size_t>(steps_);
  const std::int32_t* x = pack_input(s, T * lanes);
  std::size_t x_stride = lanes;
  for (std::size_t k = 0; k < 2 * layers; ++k) {
    const simd::Int32Gru& layer = all[k];
    const auto units = static_cast<std::size_t>(layer.units);
    const std::size_t words = single ? single_words_of(layer) : words_of(layer);
    const std::size_t stride = single ? words : odd_stride(words);
    const std::size_t state = single ? units / 2 : units * lanes_;  // single: two units a word
    std::int32_t* operands = s.words[k % 2].data();
    if (k < layers) {
      std::fill_n(s.state.data(), state, 0);
      std::fill_n(operands, words, zeros());
    } else {
      std::copy_n(s.final_state[k - layers].data(), state, s.state.data());
      std::copy_n(s.final_words[k - layers].data(), words, operands);
    }
    const auto gru = single ? kernels_->single_gru : kernels_->int32_gru;
    gru(layer, steps_, x, x_stride, operands, stride, s.state.data());
    if (k < layers) {
      std::copy_n(s.state.data(), state, s.final_state[k].data());
      std::copy_n(operands + T * stride, words, s.final_words[k].data());
    }
    x = operands + stride;
    x_stride = stride;
  }
  const auto readout = single ? kernels_->single_readout : kernels_->int32_readout;
  readout(single ? single_head_ : head_, steps_, x, x_stride, s.output.data());
}

void IntegerPlan::run_single(Scratch& s) const { run_words(s, single_layers_, true); }

void IntegerPlan::run_wide(Scratch& s) const {
  const auto T = static_cast<std::size_t>(steps_);
  const std::size_t layers = float64_layers_.size() / 2;
  std::copy_n(s.input.data(), T * kLanes, s.float64[1].data());
  const double* x = s.float64[1].data();
  std::size_t x_stride = kLanes;
  for (std::size_t k = 0; k < 2 * layers; ++k) {
    const simd::Float64Gru& layer = float64_layers_[k];
    const std::size_t plane = static_cast<std::size_t>(layer.units) * kLanes;
    const std::size_t stride = odd_stride(plane);
    double *operands = s.float64[k % 2].data(), *states = s.states.data();
    if (k < layers) {
      std::fill_n(operands, plane, 0.0);
      std::fill_n(states, plane, 0.0);
    } else {
      std::copy_n(s.final_operands[k - layers].data(), plane, operands);
      std::copy_n(s.final_states[k - layers].data(), plane, states);
    }
    kernels_->float64_gru(layer, steps_, x, x_stride, operands, states, stride, s.work.data());
    if (k < layers) {
      std::copy_n(operands + T * stride, plane, s.final_operands[k].data());
      std::copy_n(states + T * stride, plane, s.final_states[k].data());
    }
    x = operands + stride;
    x_stride = stride;
  }
  const double* values = head_.reads_state ? s.states.data() + x_stride : x;
  kernels_->float64_readout(head_, steps_, values, x_stride, s.output.data());
}

}  // namespace taugate
