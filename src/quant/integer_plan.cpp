#include "taugate/quant/integer_plan.h"

#include <algorithm>
#include <cmath>

namespace taugate {
namespace {

constexpr std::size_t kLanes = kLaneBlock;

/// The table of tanh as the kernels read it.
struct Segments {
  alignas(64) std::int32_t entries[kTableSegments];
  constexpr Segments() : entries() {
    for (int i = 0; i < kTableSegments; ++i) entries[i] = kTanhBase[i] * 65536 + kTanhSlope[i];
  }
};
constexpr Segments kSegments;

simd::IntegerTail tail_of(const IntegerModel& model) {
  const Widths& w = model.widths;
  return {.form = model.form,
          .activation = model.activation,
          .sum_bits = w.sum_bits,
          .gate_sum_fraction = w.gate_sum_fraction,
          .candidate_sum_fraction = w.candidate_sum_fraction,
          .gate_fraction = w.gate_fraction,
          .candidate_fraction = w.candidate_fraction,
          .operand_fraction = w.operand_fraction,
          .product_fraction = w.product_fraction,
          .state_fraction = w.state_fraction,
          .step_reads_operand = w.step_reads_operand,
          .segments = kSegments.entries};
}

double scale_of(Requantiser by) { return std::ldexp(by.multiplier, -by.shift); }

/// Bits that the largest value of the element-wise operations needs, its sign left out.
int tail_bits(const IntegerModel& model) {
  const Widths& w = model.widths;
  const int held = w.step_reads_operand ? w.operand_fraction : w.state_fraction;
  const int blend = w.gate_fraction + std::max(w.candidate_fraction, held) + 1;
  const int product = model.form == GruForm::reset_after ? w.gate_fraction + w.sum_bits - 1
                                                         : w.gate_fraction + held;
  return std::max({blend, product, w.sum_bits, w.state_fraction});
}

bool narrow_fits(const IntegerModel& model) {
  if (model.form != GruForm::reset_after || model.widths.head_reads_state) return false;
  if (tail_bits(model) > 30) return false;
  for (const AccumulatorBound& bound : accumulator_bounds(model)) {
    const auto most = static_cast<double>(bound.most);
    const bool head = bound.gate == 'y';  // leaves the lanes for doubles before it is scaled
    if (most >= 0x1p31 || (!head && most * scale_of(bound.requantiser) >= 0x1p30)) return false;
  }
  return true;
}

/// Whether requantising stays within 32 bits: the product, and half a unit of the result.
bool narrow_products_fit(const IntegerModel& model) {
  for (const AccumulatorBound& bound : accumulator_bounds(model))
    if (bound.gate != 'y' && (bound.requantiser.shift < 1 || bound.requantiser.shift > 30 ||
                              static_cast<double>(bound.most) * bound.requantiser.multiplier +
                                      std::ldexp(0.5, bound.requantiser.shift) >=
                                  0x1p31))
      return false;
  return true;
}

bool wide_fits(const IntegerModel& model) {
  if (tail_bits(model) > 51) return false;
  for (const AccumulatorBound& bound : accumulator_bounds(model))
    if (static_cast<double>(bound.most) * bound.requantiser.multiplier >= 0x1p52) return false;
  return true;
}

}  // namespace

std::optional<IntegerPlan> IntegerPlan::make(const IntegerModel& model,
                                             const simd::IntegerKernels& kernels) {
  const bool narrow = narrow_fits(model);
  if (!narrow && !wide_fits(model)) return std::nullopt;
  IntegerPlan plan;
  plan.kernels_ = &kernels;
  plan.narrow_ = narrow;
  plan.products_fit_ = narrow && narrow_products_fit(model);
  plan.steps_ = model.gates;
  plan.operand_fraction_ = model.widths.operand_fraction;
  for (const auto* side : {&model.encoder, &model.decoder})
    for (const IntegerLayer& layer : *side)
      if (narrow)
        plan.pack_narrow(model, layer);
      else
        plan.pack_wide(model, layer);
  plan.pack_head(model);
  return plan;
}

void IntegerPlan::pack_narrow(const IntegerModel& model, const IntegerLayer& layer) {
  const int H = layer.hidden, I = layer.inputs, tile = kernels_->tile_units;
  const int per = kernels_->operands_per_word, units = (H + tile - 1) / tile * tile;
  const std::int64_t offset = kernels_->offset_operands ? 128 : 0;
  const int state_words = units / per, input_words = (I + per - 1) / per;
  auto* weights = memory_.allocate_zeroed<std::int32_t>(static_cast<std::size_t>(3 * units) *
                                                        (state_words + input_words));
  auto* bias = memory_.allocate_zeroed<std::int32_t>(4 * static_cast<std::size_t>(units));
  auto* scale = memory_.allocate_zeroed<double>(4 * static_cast<std::size_t>(units));
  auto* multiplier = memory_.allocate_zeroed<std::int32_t>(4 * static_cast<std::size_t>(units));
  auto* shift = memory_.allocate_zeroed<std::int32_t>(4 * static_cast<std::size_t>(units));
  auto* below_half = memory_.allocate_zeroed<std::int32_t>(4 * static_cast<std::size_t>(units));
  const auto word = [&](const IntegerRows& rows, int row, int k) {
    std::uint32_t bits = 0;
    for (int i = 0; i < per && k * per + i < rows.cols; ++i)
      bits |= (static_cast<std::uint32_t>(rows.row(row)[k * per + i]) &
               (0xffffffffu >> (32 - 32 / per)))
              << (32 / per * i);
    return static_cast<std::int32_t>(bits);
  };
  const auto sum_of = [](const IntegerRows& rows, int row) {
    std::int64_t sum = 0;
    for (int k = 0; k < rows.cols; ++k) sum += rows.row(row)[k];
    return sum;
  };
  std::int32_t* w = weights;
  for (int first = 0; first < units; first += tile) {
    const int last = std::min(first + tile, H);
    for (const auto& [rows, words] :
         {std::pair{&layer.recurrent, state_words}, std::pair{&layer.input, input_words}})
      for (int k = 0; k < words; ++k)
        for (int gate = 0; gate < 3; ++gate, w += tile)
          for (int u = first; u < last; ++u) w[u - first] = word(*rows, gate * H + u, k);
    for (int gate = 0; gate < 4; ++gate)
      for (int u = first; u < last; ++u) {
        const int row = std::min(gate, 2) * H + u;
        const std::int64_t value = gate < 3 ? layer.bias[static_cast<std::size_t>(row)]
                                            : layer.recurrent_bias[static_cast<std::size_t>(u)];
        std::int64_t weight_sum = 0;
        if (gate != 3) weight_sum += sum_of(layer.input, row);
        if (gate != 2) weight_sum += sum_of(layer.recurrent, row);
        const std::size_t at = 4 * static_cast<std::size_t>(first) + gate * tile + (u - first);
        // Within 32 bits again once the kernel has added the products.
        bias[at] =
            static_cast<std::int32_t>(static_cast<std::uint32_t>(value - offset * weight_sum));
        const Requantiser by = layer.requantisers[static_cast<std::size_t>(gate * H + u)];
        scale[at] = scale_of(by);
        multiplier[at] = by.multiplier;
        shift[at] = by.shift;
        below_half[at] = static_cast<std::int32_t>(power_of_two(by.shift - (by.shift > 0)) - 1);
      }
  }
  if (!products_fit_) multiplier = shift = below_half = nullptr;
  narrow_layers_.push_back({tail_of(model), units, state_words, input_words, weights, bias, scale,
                            multiplier, shift, below_half});
  widest_ = std::max(widest_, units);
}

void IntegerPlan::pack_wide(const IntegerModel& model, const IntegerLayer& layer) {
  const int H = layer.hidden, I = layer.inputs;
  const bool after = model.form == GruForm::reset_after;
  auto* weights = memory_.allocate<double>(3 * static_cast<std::size_t>(H) * (H + I));
  auto* bias = memory_.allocate_zeroed<double>(4 * static_cast<std::size_t>(H));
  auto* scale = memory_.allocate_zeroed<double>(4 * static_cast<std::size_t>(H));
  double* w = weights;
  for (int u = 0; u < H; ++u) {
    for (const IntegerRows* rows : {&layer.recurrent, &layer.input})
      for (int k = 0; k < rows->cols; ++k)
        for (int gate = 0; gate < 3; ++gate) *w++ = rows->row(gate * H + u)[k];
    for (int gate = 0; gate < (after ? 4 : 3); ++gate) {
      const auto row = static_cast<std::size_t>(gate * H + u);
      const auto at = static_cast<std::size_t>(4 * u + gate);
      bias[at] = static_cast<double>(gate < 3 ? layer.bias[row]
                                              : layer.recurrent_bias[static_cast<std::size_t>(u)]);
      scale[at] = scale_of(layer.requantisers[row]);
    }
  }
  const Widths& widths = model.widths;
  const double gain =
      after ? 1.0 : std::ldexp(1.0, widths.product_fraction - widths.operand_fraction);
  wide_layers_.push_back({tail_of(model), H, I, weights, bias, scale, gain});
  widest_ = std::max(widest_, H);
}

void IntegerPlan::pack_head(const IntegerModel& model) {
  const int C = model.head.rows, H = model.head.cols;
  const int per = kernels_->operands_per_word;
  head_.rows = C;
  head_.word_bits = model.widths.output_bits;
  head_.reads_state = model.widths.head_reads_state;
  auto* bias = memory_.allocate<double>(static_cast<std::size_t>(C));
  auto* scale = memory_.allocate<double>(static_cast<std::size_t>(C));
  head_.words = narrow_ ? narrow_layers_.back().state_words : H;
  const auto size = static_cast<std::size_t>(C) * head_.words;
  auto* words = memory_.allocate_zeroed<std::int32_t>(size);
  auto* reals = memory_.allocate_zeroed<double>(size);
  for (int c = 0; c < C; ++c) {
    const auto at = static_cast<std::size_t>(c);
    std::int64_t weight_sum = 0;
    for (int k = 0; k < H; ++k) {
      const std::int32_t weight = model.head.row(c)[k];
      weight_sum += weight;
      if (narrow_)
        words[c * head_.words + k / per] |= static_cast<std::int32_t>(
            (static_cast<std::uint32_t>(weight) & (0xffffffffu >> (32 - 32 / per)))
            << (32 / per * (k % per)));
      else
        reals[c * head_.words + k] = weight;
    }
    const std::int64_t offset = narrow_ && kernels_->offset_operands ? 128 : 0;
    bias[c] = static_cast<double>(model.head_bias[at] - offset * weight_sum);
    scale[c] = scale_of(model.head_requantisers[at]);
  }
  head_.narrow_weights = words;
  head_.wide_weights = reals;
  head_.bias = bias;
  head_.scale = scale;
}

IntegerPlan::Scratch IntegerPlan::make_scratch() const {
  const auto T = static_cast<std::size_t>(steps_), C = static_cast<std::size_t>(head_.rows);
  const std::size_t plane = odd_stride(static_cast<std::size_t>(widest_) * kLanes);
  Scratch s;
  s.values = Buffer<float>(T * kLanes);
  s.input = Buffer<std::int32_t>(T * kLanes);
  s.output = Buffer<double>(T * C * kLanes);
  if (narrow_) {
    for (auto& words : s.words) words = Buffer<std::int32_t>((T + 1) * plane);
    s.state = Buffer<std::int32_t>(plane);
    s.operand = Buffer<std::int32_t>(plane);
  } else {
    for (auto& reals : s.reals) reals = Buffer<double>((T + 1) * plane);
    s.states = Buffer<double>((T + 1) * plane);
    s.work = Buffer<double>(3 * plane);
  }
  for (std::size_t k = 0; k < narrow_layers_.size() / 2; ++k) {
    s.final_words.emplace_back(static_cast<std::size_t>(narrow_layers_[k].state_words) * kLanes);
    s.final_state.emplace_back(static_cast<std::size_t>(narrow_layers_[k].units) * kLanes);
  }
  for (std::size_t k = 0; k < wide_layers_.size() / 2; ++k)
    for (auto* kept : {&s.final_operands, &s.final_states})
      kept->emplace_back(static_cast<std::size_t>(wide_layers_[k].units) * kLanes);
  return s;
}

bool IntegerPlan::quantise(Scratch& s) const {
  return kernels_->quantise(s.values.size(), s.values.data(), operand_fraction_, s.input.data());
}

void IntegerPlan::run(Scratch& s) const {
  if (narrow_)
    run_narrow(s);
  else
    run_wide(s);
}

void IntegerPlan::run_narrow(Scratch& s) const {
  const auto T = static_cast<std::size_t>(steps_);
  const std::size_t layers = narrow_layers_.size() / 2;
  // One input a step is a group of its own.
  const std::int32_t* x = s.words[1].data();
  std::size_t x_stride = kLanes;
  for (std::size_t t = 0; t < T; ++t)
    kernels_->pack(1, s.input.data() + t * kLanes, s.words[1].data() + t * kLanes);
  for (std::size_t k = 0; k < 2 * layers; ++k) {
    const simd::NarrowGru& layer = narrow_layers_[k];
    const std::size_t words = static_cast<std::size_t>(layer.state_words) * kLanes;
    const std::size_t stride = odd_stride(words), units = static_cast<std::size_t>(layer.units);
    std::int32_t* operands = s.words[k % 2].data();
    if (k < layers) {
      std::fill_n(s.state.data(), units * kLanes, 0);
      kernels_->pack(layer.units, s.state.data(), operands);
    } else {
      std::copy_n(s.final_state[k - layers].data(), units * kLanes, s.state.data());
      std::copy_n(s.final_words[k - layers].data(), words, operands);
    }
    kernels_->narrow_gru(layer, steps_, x, x_stride, operands, stride, s.state.data());
    if (k < layers) {
      std::copy_n(s.state.data(), units * kLanes, s.final_state[k].data());
      std::copy_n(operands + T * stride, words, s.final_words[k].data());
    }
    x = operands + stride;
    x_stride = stride;
  }
  kernels_->narrow_readout(head_, steps_, x, x_stride, s.output.data());
}

void IntegerPlan::run_wide(Scratch& s) const {
  const auto T = static_cast<std::size_t>(steps_);
  const std::size_t layers = wide_layers_.size() / 2;
  std::copy_n(s.input.data(), T * kLanes, s.reals[1].data());
  const double* x = s.reals[1].data();
  std::size_t x_stride = kLanes;
  for (std::size_t k = 0; k < 2 * layers; ++k) {
    const simd::WideGru& layer = wide_layers_[k];
    const std::size_t plane = static_cast<std::size_t>(layer.units) * kLanes;
    const std::size_t stride = odd_stride(plane);
    double *operands = s.reals[k % 2].data(), *states = s.states.data();
    if (k < layers) {
      std::fill_n(operands, plane, 0.0);
      std::fill_n(states, plane, 0.0);
    } else {
      std::copy_n(s.final_operands[k - layers].data(), plane, operands);
      std::copy_n(s.final_states[k - layers].data(), plane, states);
    }
    kernels_->wide_gru(layer, steps_, x, x_stride, operands, states, stride, s.work.data());
    if (k < layers) {
      std::copy_n(operands + T * stride, plane, s.final_operands[k].data());
      std::copy_n(states + T * stride, plane, s.final_states[k].data());
    }
    x = operands + stride;
    x_stride = stride;
  }
  const double* values = head_.reads_state ? s.states.data() + x_stride : x;
  kernels_->wide_readout(head_, steps_, values, x_stride, s.output.data());
}

}  // namespace taugate
