#include "runtime/integer_packing.h"

#include <algorithm>
#include <cmath>

namespace taugate {
namespace {

/// The table of tanh as the kernels read it.
constexpr simd::TanhSegments segments() {
  simd::TanhSegments t{};
  for (int i = 0; i < kTableSegments; ++i) {
    t.words[i] = kTanhBase[i] * 65536 + kTanhSlope[i];
    t.bases[i] = kTanhBase[i];
    t.slopes[i] = static_cast<std::uint16_t>(kTanhSlope[i] << 4);
    t.base_low[i] = kTanhBase[i] & 0xff;
    t.base_high[i] = kTanhBase[i] >> 8;
    t.slope_bytes[i] = kTanhSlope[i];
  }
  return t;
}
constexpr simd::TanhSegments kSegments = segments();

/// Of simd::FloatRequantizers; exact in doubles for scales with up to 48 fraction bits.
double offset_of(double scale) { return simd::FloatRequantizers::kOneAndAHalf * (1.0 - scale); }

/// The k-th word of a row: `per` weights, zeros beyond the row's end.
std::int32_t word_of(const IntegerRows& rows, int row, int k, int per) {
  const int bits = 32 / per;
  std::uint32_t word = 0;
  for (int i = 0; i < per && k * per + i < rows.cols; ++i)
    word |= (static_cast<std::uint32_t>(rows.row(row)[k * per + i]) & (0xffffffffu >> (32 - bits)))
            << (bits * i);
  return static_cast<std::int32_t>(word);
}

std::int64_t sum_of(const IntegerRows& rows, int row) {
  std::int64_t sum = 0;
  for (int k = 0; k < rows.cols; ++k) sum += rows.row(row)[k];
  return sum;
}

/// What a kernel adds to every operand.
std::int64_t operand_offset(const simd::IntegerKernels& kernels) {
  return kernels.offset_operands ? 128 : 0;
}

/// An accumulator's start, the operands' offset taken out of it; gates r, z, n, s.
std::int64_t start_of(const IntegerLayer& layer, int gate, int unit, std::int64_t offset) {
  const int row = std::min(gate, 2) * layer.hidden + unit;
  std::int64_t weights = 0;
  if (gate != 3) weights += sum_of(layer.input, row);
  if (gate != 2) weights += sum_of(layer.recurrent, row);
  const std::int64_t bias = gate < 3 ? layer.bias[static_cast<std::size_t>(row)]
                                     : layer.recurrent_bias[static_cast<std::size_t>(unit)];
  return bias - offset * weights;
}

/// The unit in a lane of a group.
int unit_in(UnitOrder order, int lane) {
  return order.lane_words > 0 ? simd::single_unit(lane, order.lane_words) : lane;
}

}  // namespace

simd::ElementwiseParams elementwise_of(const IntegerModel& model) {
  const Widths& w = model.widths;
  return {.form = model.form(),
          .activation = model.activation(),
          .preact_bits = w.preact_bits,
          .gate_preact_frac_bits = w.gate_preact_frac_bits,
          .candidate_preact_frac_bits = w.candidate_preact_frac_bits,
          .gate_frac_bits = w.gate_frac_bits,
          .candidate_frac_bits = w.candidate_frac_bits,
          .operand_frac_bits = w.operand_frac_bits,
          .product_frac_bits = w.product_frac_bits,
          .state_frac_bits = w.state_frac_bits,
          .read_frac_bits = w.read_frac_bits(),
          .blends_operand = w.blends_operand(),
          .feedback = w.write_back == WriteBack::feedback,
          .segments = &kSegments};
}

int elementwise_bits(const IntegerModel& model) {
  const Widths& w = model.widths;
  const int held = w.blends_operand() ? w.operand_frac_bits : w.state_frac_bits;
  const int blend = w.gate_frac_bits + std::max(w.candidate_frac_bits, held) + 1;
  const int product = model.form() == GruForm::reset_after ? w.gate_frac_bits + w.preact_bits - 1
                                                           : w.gate_frac_bits + held;
  // A residual that is fed back joins the blend at the finer of both grids.
  const int more = w.write_back == WriteBack::feedback ? 1 : 0;
  return std::max({blend + more, product, w.preact_bits, w.state_frac_bits + 2 * more});
}

double scale_of(Requantizer by) { return std::ldexp(by.multiplier, -by.shift); }

bool floats_fit(const IntegerModel& model) {
  for (const AccumulatorBound& bound : accumulator_bounds(model)) {
    if (bound.gate == 'y') continue;
    const auto most = static_cast<double>(bound.most);
    const double scale = scale_of(bound.requantizer), offset = offset_of(scale);
    if (bound.requantizer.shift > 48 || most >= 0x1p22 || most * scale >= 0x1p22 - 1.0 ||
        static_cast<double>(static_cast<float>(offset)) != offset)
      return false;
  }
  return true;
}

simd::Int32Gru pack_int32(Arena& memory, const IntegerModel& model, const IntegerLayer& layer,
                          const simd::IntegerKernels& kernels, UnitOrder order, bool floats) {
  const int H = layer.hidden, per = kernels.operands_per_word;
  simd::Int32Gru gru{.elementwise = elementwise_of(model),
                     .units = (H + order.multiple - 1) / order.multiple * order.multiple,
                     .state_words = (H + per - 1) / per,
                     .input_words = (layer.inputs + per - 1) / per};
  const auto units = static_cast<std::size_t>(gru.units);
  auto* weights = memory.allocate_zeroed<std::int32_t>(
      3 * units * static_cast<std::size_t>(gru.state_words + gru.input_words));
  auto* bias = memory.allocate<std::int32_t>(4 * units);
  auto* scale = memory.allocate<double>(4 * units);
  auto* gain = memory.allocate<float>(4 * units);
  auto* offset = memory.allocate_zeroed<float>(4 * units);
  // As units beyond the last one have it: sums of 0, so that states stay 0.
  const std::int32_t start = floats ? simd::FloatRequantizers::kStart : 0;
  std::fill_n(bias, 4 * units, start);
  std::fill_n(scale, 4 * units, 1.0);
  std::fill_n(gain, 4 * units, 1.0f);
  std::int32_t* w = weights;
  for (int first = 0; first < gru.units; first += order.group) {
    for (const auto& [rows, words] :
         {std::pair{&layer.input, gru.input_words}, std::pair{&layer.recurrent, gru.state_words}})
      for (int k = 0; k < words; ++k)
        for (int gate = 0; gate < 3; ++gate)
          for (int lane = 0; lane < order.group; ++lane, ++w)
            if (const int unit = first + unit_in(order, lane); unit < H)
              *w = word_of(*rows, gate * H + unit, k, per);
    for (int gate = 0; gate < 4; ++gate)
      for (int lane = 0; lane < order.group; ++lane) {
        const int unit = first + unit_in(order, lane), at = 4 * first + gate * order.group + lane;
        if (unit >= H) continue;
        // Within 32 bits again once the kernel has added the products.
        bias[at] = static_cast<std::int32_t>(static_cast<std::uint32_t>(
            start_of(layer, gate, unit, operand_offset(kernels)) + start));
        scale[at] = scale_of(layer.requantizers[static_cast<std::size_t>(gate * H + unit)]);
        gain[at] = static_cast<float>(scale[at]);
        offset[at] = static_cast<float>(offset_of(scale[at]));
      }
  }
  gru.weights = weights;
  gru.bias = bias;
  gru.scale = scale;
  if (floats) gru.floats = {gain, offset};
  return gru;
}

simd::Float64Gru pack_float64(Arena& memory, const IntegerModel& model, std::size_t k) {
  const IntegerLayer& layer = model.layers[k];
  const int H = layer.hidden, I = layer.inputs;
  const bool after = model.form() == GruForm::reset_after;
  auto* weights = memory.allocate<double>(3 * static_cast<std::size_t>(H) * (H + I));
  auto* bias = memory.allocate_zeroed<double>(4 * static_cast<std::size_t>(H));
  auto* scale = memory.allocate_zeroed<double>(4 * static_cast<std::size_t>(H));
  const Widths& widths = model.widths;
  const int extra = model.input_extra(k);
  double* w = weights;
  for (int u = 0; u < H; ++u) {
    for (const IntegerRows* rows : {&layer.recurrent, &layer.input})
      for (int i = 0; i < rows->cols; ++i)
        for (int gate = 0; gate < 3; ++gate)  // r and z add up in the finer unit of the two
          *w++ = std::ldexp(rows->row(gate * H + u)[i],
                            rows == &layer.recurrent && gate < 2 ? extra : 0);
    for (int gate = 0; gate < (after ? 4 : 3); ++gate) {
      const auto row = static_cast<std::size_t>(gate * H + u);
      const auto at = static_cast<std::size_t>(4 * u + gate);
      bias[at] = static_cast<double>(gate < 3 ? layer.bias[row]
                                              : layer.recurrent_bias[static_cast<std::size_t>(u)]);
      scale[at] = scale_of(layer.requantizers[row]);
    }
  }
  const double gain =
      after ? 1.0 : std::ldexp(1.0, widths.product_frac_bits - widths.operand_frac_bits - extra);
  return {elementwise_of(model), H, I, weights, bias, scale, gain};
}

namespace {

/// What both kinds of head share; `offset` is what a kernel adds to every operand.
simd::IntegerReadout pack_head(Arena& memory, const IntegerModel& model, int words,
                               std::int64_t offset) {
  const int C = model.outputs();
  const double highest = std::ldexp(1.0, model.widths.output_bits - 1) - 1.0;
  auto* bias = memory.allocate<double>(static_cast<std::size_t>(C));
  auto* scale = memory.allocate<double>(static_cast<std::size_t>(C));
  for (int c = 0; c < C; ++c) {
    const auto at = static_cast<std::size_t>(c);
    bias[c] = static_cast<double>(model.head_bias[at] - offset * sum_of(model.head, c));
    scale[c] = scale_of(model.head_requantizers[at]);
  }
  return {.rows = C,
          .words = words,
          .lowest = -highest - 1.0,
          .highest = highest,
          .bias = bias,
          .scale = scale,
          .reads_state = model.widths.head_reads_state};
}

}  // namespace

simd::IntegerReadout pack_int32_head(Arena& memory, const IntegerModel& model,
                                     const simd::IntegerKernels& kernels, int words) {
  simd::IntegerReadout head = pack_head(memory, model, words, operand_offset(kernels));
  auto* weights = memory.allocate<std::int32_t>(static_cast<std::size_t>(head.rows) * words);
  for (int c = 0; c < head.rows; ++c)
    for (int k = 0; k < words; ++k)
      weights[c * words + k] = word_of(model.head, c, k, kernels.operands_per_word);
  head.int32_weights = weights;
  return head;
}

simd::IntegerReadout pack_float64_head(Arena& memory, const IntegerModel& model) {
  simd::IntegerReadout head = pack_head(memory, model, model.head.cols, 0);
  auto* weights = memory.allocate<double>(model.head.weights.size());
  std::copy(model.head.weights.begin(), model.head.weights.end(), weights);
  head.float64_weights = weights;
  return head;
}

}  // namespace taugate
