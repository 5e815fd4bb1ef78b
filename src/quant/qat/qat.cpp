#include "taugate/quant/qat/qat.h"

#include <algorithm>
#include <cmath>

#include "autograd/gru_sequence.h"
#include "quant/qat/qat_weights.h"

namespace taugate {
namespace {

constexpr int kFloatBits = 24;  // integers of up to 2^24 are floats

QatGrid grid(int fraction, double low, double high) {
  return {low, high, std::ldexp(1.5, 52 - fraction),
          static_cast<float>(std::ldexp(1.5, 23 - fraction))};
}
QatGrid fraction_grid(int fraction) {
  const double most = 1.0 - std::ldexp(1.0, -fraction);
  return grid(fraction, -most, most);
}
QatGrid word_grid(int bits, int fraction) {
  const double most = std::ldexp(1.0, bits - 1 - fraction);
  return grid(fraction, -most, most - std::ldexp(1.0, -fraction));
}

void check_float(const char* field, int found, int most) {
  if (found > most)
    fail_usage("[quantization-aware training] ", field, ": found ", found, ", wanted at most ",
               most, ", so that floats hold every value");
}

Sequence<float> on_grid(Arena& arena, const Sequence<float>& s, const QatGrid& grid) {
  const auto out = arena.sequence<float>(s.steps, s.features, s.batch);
  std::copy_n(s.data, s.size(), out.data);
  qat_kernels().requantize(grid, 1.0, s.size(), out.data);
  return out;
}

Weight<float> weight_of(const Tape<float>& tape, const ParameterRef& ref) {
  return ref.rows > 0 ? tape.weight(ref) : Weight<float>{};
}

Matrix<const float> constant(const Matrix<float>& m) { return {m.data, m.rows, m.cols}; }

/// A layer's weights in the kernels' order; the recurrent step that fills one step of a sequence.
struct IntegerPanels {
  const GruSequence<float>& s;
  const QatRows& rows;
  simd::Packed<float> rz, n, recurrent_n;

  IntegerPanels(Arena& arena, const GruSequence<float>& sequence, const QatRows& r)
      : s(sequence), rows(r) {
    const int H = s.H, I = s.I;
    const auto W = [&](int first, int count) {
      return I ? simd::strided<float>(r.input.integers + first * I, count, I, I)
               : simd::Strided<float>{nullptr, count};
    };
    const auto U = [&](int first, int count) {
      return simd::strided<float>(r.recurrent.integers + first * H, count, H, H);
    };
    rz = simd::pack(arena, W(0, 2 * H), U(0, 2 * H));
    if (s.form == GruForm::reset_after) {
      n = simd::pack(arena, W(2 * H, H));
      recurrent_n = simd::pack(arena, U(2 * H, H));
    } else {
      n = simd::pack(arena, W(2 * H, H), U(2 * H, H));
    }
  }

  void step(int t, const QatStep& step) const {
    const auto& kernel = simd::kernels<float>();
    const auto& element = qat_kernels();
    const float* x = s.I ? s.x.value.step(t) : nullptr;
    const float* q = s.operands.step(t);
    float *g = s.gates_at(t), *fourth = g + 3 * s.plane;
    const auto product = [&](const simd::Packed<float>& weights, const float* first, int first_rows,
                             const float* second, int second_rows, int row, float* out) {
      kernel.matmul({.weights = weights,
                     .first = first,
                     .first_rows = first_rows,
                     .second = second,
                     .second_rows = second_rows,
                     .bias = rows.biases + row,
                     .out = out,
                     .lanes = s.lanes});
    };
    product(rz, x, s.I, q, s.H, 0, g);
    if (s.form == GruForm::reset_after) {
      product(n, x, s.I, nullptr, 0, 2 * s.H, g + 2 * s.plane);
      product(recurrent_n, q, s.H, nullptr, 0, 3 * s.H, fourth);
      element.after(step);
    } else {
      element.before_product(step);
      product(n, x, s.I, fourth, s.H, 2 * s.H, g + 2 * s.plane);
      element.before_blend(step);
    }
  }
};

}  // namespace

QatGrids qat_grids(const Widths& w, GruForm form, Activation activation) {
  QatGrids g;
  g.form = form;
  g.activation = activation;
  g.write_back = w.write_back;
  g.gate_preact = word_grid(w.preact_bits, w.gate_preact_frac_bits);
  g.candidate_preact = word_grid(w.preact_bits, w.candidate_preact_frac_bits);
  g.gate = grid(w.gate_frac_bits, 0.0, 1.0);
  g.candidate = fraction_grid(w.candidate_frac_bits);
  g.product = fraction_grid(w.product_frac_bits);
  g.state = fraction_grid(w.state_frac_bits);
  g.input = fraction_grid(w.operand_frac_bits);
  g.operand = fraction_grid(w.read_frac_bits());
  g.output = word_grid(w.output_bits, w.output_frac_bits);
  g.gate_last = 4.0 - std::ldexp(1.0, -w.gate_preact_frac_bits - 1);
  g.candidate_last = 4.0 - std::ldexp(1.0, -w.candidate_preact_frac_bits);
  // Products of a gate with a sum, and with a difference of states.
  const int held = w.blends_operand() ? w.operand_frac_bits : w.state_frac_bits;
  g.narrow = w.write_back != WriteBack::stochastic &&  // dither lies far below the state's unit
             w.gate_frac_bits + w.preact_bits <= kFloatBits &&
             w.gate_frac_bits + std::max(w.candidate_frac_bits, held) + 1 <= kFloatBits - 1 &&
             w.state_frac_bits <= 21 && w.candidate_frac_bits <= 21;
  return g;
}

QatNetwork::QatNetwork(const Model& model, const QatOptions& options)
    : description_(model.description()), options_(options) {
  const Widths& w = options.quantize.widths;
  form_ = description_.form();
  activation_ = description_.activation();
  w.validate(form_, activation_);
  check_float("input_extra", w.input_extra, 0);
  check_float("sum_bits", w.preact_bits, kFloatBits);
  check_float("state_fraction", w.state_frac_bits, kFloatBits);
  check_float("output_bits", w.output_bits, kFloatBits);
  if (form_ == GruForm::reset_before)
    check_float("product_fraction", w.product_frac_bits, kFloatBits);
  if (options.learned_scales && options.quantize.scale == WeightScale::fixed_grid)
    fail_usage("[quantization-aware training] found learned scales on a fixed grid, wanted one");
  grids_ = qat_grids(w, form_, activation_);

  parameters_ = model.parameters().clone();
  WeightScales initial;
  if (options.learned_scales) initial = weight_scales(model, options.quantize);
  for (std::size_t k = 0; k < description_.layers.size(); ++k) {
    layers_.push_back({model.layers()[k].parameters(), {}});
    if (options.learned_scales)
      layers_.back().log2_scales = add_scales(description_.layers[k].name, initial.layers[k]);
  }
  head_ = {{{}, model.head().weight(), model.head().bias(), {}}, {}};
  if (options.learned_scales) head_.log2_scales = add_scales(description_.head.name, initial.head);
  if (const auto& second = model.encoder_head()) {
    encoder_head_ = {{{}, second->weight(), second->bias(), {}}, {}};
    if (options.learned_scales)
      encoder_head_.log2_scales = add_scales(kEncoderHead, initial.encoder_head);
  }
}

ParameterRef QatNetwork::add_scales(const std::string& name, const std::vector<double>& initial) {
  const auto count = options_.quantize.per_row ? initial.size() : std::size_t{1};
  const ParameterRef at = parameters_.add(name + ".log2_scale", static_cast<int>(count), 1);
  for (std::size_t i = 0; i < count; ++i)
    parameters_.matrix(at).data[i] = static_cast<float>(std::log2(initial[i]));
  return at;
}

NetworkOutput<float> QatNetwork::run(Tape<float>& tape, Var<float> tpsf, QatRecord* record) const {
  require(tpsf.features() == description_.features, "[quantization-aware training] found an input ",
          shape_of(tpsf.value), ", wanted ", description_.features, " features");
  if (record) record->layers.clear();
  const Var<float> trace{on_grid(tape.arena(), tpsf.value, grids_.input), tpsf.grad};
  const Widths& widths = options_.quantize.widths;
  LayerOutput y;
  Var<float> final_states[Network::kMostLayers], encoder_output;
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    const GruSpec& spec = description_.layers[k];
    const Var<float> x = spec.reads == GruSpec::Reads::trace   ? trace
                         : spec.reads == GruSpec::Reads::zeros ? Var<float>{}
                                                               : y.operands;
    y = run_layer(tape, k, x, spec.starts_from < 0 ? Var<float>{} : final_states[spec.starts_from],
                  tpsf.steps(), record);
    final_states[k] = last_step(y.states);
    if (description_.encoder_outputs > 0 && k + 1 == description_.encoder_layers())
      encoder_output =
          run_head(tape, encoder_head_, reading_operands(widths), last_step(y.operands));
  }
  const Var<float> features = widths.head_reads_state ? y.states : y.operands;
  const bool every_step = description_.head.at == HeadSpec::At::every_step;
  return {run_head(tape, head_, widths, every_step ? features : last_step(features)), features,
          encoder_output};
}

QatNetwork::LayerOutput QatNetwork::run_layer(Tape<float>& tape, std::size_t k, Var<float> x,
                                              Var<float> h0, int steps, QatRecord* record) const {
  Arena& arena = tape.arena();
  const QuantizeOptions& options = options_.quantize;
  const Layer& layer = layers_[k];
  const Weight<float> bias = tape.weight(layer.at.input_bias),
                      c = weight_of(tape, layer.at.recurrent_bias);
  const Weight<float> input = weight_of(tape, layer.at.input), U = tape.weight(layer.at.recurrent);
  const LayerWeights weights{constant(input.value), constant(U.value), bias.value.data,
                             c.value.data};
  QatRows rows = qat_rows(arena, weights.row_count(form_), input, U);
  rows.weight_bits = options.widths.weight_bits;
  rows.log2_scales = weight_of(tape, layer.log2_scales);
  for (int i = 0; i < rows.count; ++i) rows.rows[i] = weights.row(i, form_, options.widths);
  quantize_rows(tape, rows, options, description_.layers[k].name.c_str());

  GruSequence<float> s;
  s.x = x;
  s.h0 = h0;
  s.w = {rows.input.dequantized, rows.recurrent.dequantized, bias, c};
  s.form = form_;
  s.activation = activation_;
  s.prepare(arena, steps);
  const int batch = s.batch();
  const auto states = arena.sequence<float>(steps + 1, s.H, batch);
  s.operands = arena.sequence<float>(steps + 1, s.H, batch);
  s.states = options.widths.blends_operand() ? s.operands : states;
  if (h0.empty())
    std::fill_n(states.data, s.plane, 0.0f);
  else
    std::copy_n(h0.value.data, s.plane, states.data);
  std::copy_n(states.data, s.plane, s.operands.data);
  qat_kernels().requantize(grids_.operand, 1.0, s.plane, s.operands.data);
  std::uint8_t* saturation_mask =
      s.keep ? arena.allocate<std::uint8_t>(s.plane * static_cast<std::size_t>(steps)) : nullptr;
  s.saturation_mask = saturation_mask;
  Sequence<float> preacts;
  if (record) {
    preacts = arena.sequence<float>(steps, 4 * s.H, batch);
    record->layers.push_back(
        {preacts, {s.gates, s.keep ? steps : 1, 4 * s.H, batch}, states, s.operands});
  }

  const Arithmetic arithmetic(options.widths, form_, activation_);
  const bool dithers = grids_.write_back == WriteBack::stochastic;
  float* dither = dithers ? arena.allocate<float>(static_cast<std::size_t>(s.H)) : nullptr;
  const IntegerPanels panels(arena, s, rows);
  for (int t = 0; t < steps; ++t) {
    for (int u = 0; dithers && u < s.H; ++u)
      dither[u] = static_cast<float>(
          std::ldexp(static_cast<double>(arithmetic.dither(k, static_cast<std::size_t>(t),
                                                           static_cast<std::size_t>(u))),
                     -arithmetic.exact_frac_bits()));
    panels.step(
        t, {.grids = &grids_,
            .hidden = s.H,
            .lanes = s.lanes,
            .row_scale = rows.row_scale,
            .gates = s.gates_at(t),
            .held = s.states.step(t),
            .carried = states.step(t),
            .dither = dither,
            .state = states.step(t + 1),
            .operand = s.operands.step(t + 1),
            .saturation_mask =
                saturation_mask ? saturation_mask + s.plane * static_cast<std::size_t>(t) : nullptr,
            .preacts = record ? preacts.step(t) : nullptr});
  }
  // The step's rounding to the operand passes gradients straight through, so both share one.
  if (s.keep) {
    s.y.grad = arena.zero_sequence<float>(steps, s.H, batch);
    tape.record([s, &arena] { s.backward(arena); });
  }
  return {{s.operands.slice(1, steps), s.y.grad}, {states.slice(1, steps), s.y.grad}};
}

Var<float> QatNetwork::run_head(Tape<float>& tape, const Layer& head, const Widths& widths,
                                Var<float> x) const {
  Arena& arena = tape.arena();
  const Weight<float> weight = tape.weight(head.at.recurrent),
                      bias = tape.weight(head.at.input_bias);
  QatRows rows = qat_rows(arena, weight.value.rows, {}, weight);
  rows.weight_bits = widths.weight_bits;
  rows.log2_scales = weight_of(tape, head.log2_scales);
  for (int c = 0; c < rows.count; ++c)
    rows.rows[c] = head_row(constant(weight.value), bias.value.data, c, widths);
  quantize_rows(tape, rows, options_.quantize, "head");

  // linear() for the way back; its values are then replaced by the integers'.
  const Var<float> y = linear(tape, x, rows.recurrent.dequantized, bias);
  const int C = rows.count, H = weight.value.cols;
  const auto packed = simd::pack(arena, simd::strided<float>(rows.recurrent.integers, C, H, H));
  for (int t = 0; t < y.steps(); ++t) {
    simd::kernels<float>().matmul({.weights = packed,
                                   .first = x.value.step(t),
                                   .first_rows = H,
                                   .bias = rows.biases,
                                   .out = y.value.step(t),
                                   .lanes = y.value.lanes()});
    for (int c = 0; c < C; ++c)
      qat_kernels().requantize(grids_.output, rows.row_scale[c],
                               static_cast<std::size_t>(y.value.lanes()), y.value.row(t, c));
  }
  const auto low = static_cast<float>(grids_.output.low);
  const auto high = static_cast<float>(grids_.output.high);
  if (y.wants_gradient())
    tape.record([y, low, high] {
      for (std::size_t i = 0; i < y.grad.size(); ++i)
        if (y.value.data[i] <= low || y.value.data[i] >= high) y.grad.data[i] = 0.0f;
    });
  return y;
}

Model QatNetwork::master() const {
  Model model(description_);
  model.parameters().take_from(parameters_);
  return model;
}

WeightScales QatNetwork::scales() const {
  const Model model = master();
  if (!options_.learned_scales) return weight_scales(model, options_.quantize);
  const auto learned = [&](const std::vector<WeightRow>& rows, const ParameterRef& at) {
    std::vector<double> scales(rows.size());
    learned_scales(rows, parameters_.data() + at.offset, at.rows == static_cast<int>(rows.size()),
                   options_.quantize, scales);
    return scales;
  };
  const Widths& w = options_.quantize.widths;
  WeightScales all;
  for (std::size_t k = 0; k < layers_.size(); ++k)
    all.layers.push_back(learned(layer_rows(model, k, w), layers_[k].log2_scales));
  all.head = learned(head_rows(model, w), head_.log2_scales);
  if (model.encoder_head())
    all.encoder_head = learned(encoder_head_rows(model, w), encoder_head_.log2_scales);
  return all;
}

}  // namespace taugate
