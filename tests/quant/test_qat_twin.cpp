// The readable twin of quantization-aware training: the same network written with plain tape
// operations, and a fake_quant node wherever the integers round or saturate.
//
//     W, U, b   fake_quant, a scale a row                 q   the state as multipliers read it
//     r, z = gate(fake_quant(W x + U q + b))              h' = fake_quant(n + z (h - n))
//     n    = candidate(fake_quant(a + fake_quant(r * s)))     reset_after,
//            a = fake_quant(W_n x + b_n), s = fake_quant(U_n q + c_n)
//     n    = candidate(fake_quant(W_n x + b_n + U_n p))       reset_before, p = r * h on its grid
//     y    = fake_quant(W_y q + b_y)
//
// In doubles, which hold every value exactly: QatNetwork's floats must equal it.

#include <cmath>
#include <numbers>

#include "simd/float/kernels_scalar.h"
#include "taugate/autograd/fake_quant.h"
#include "taugate/autograd/ops.h"
#include "taugate/quant/qat/qat.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;
using D = double;

namespace {

struct Grid {
  D unit;
  IntegerRange range;
};
Grid fraction(int bits) { return {std::ldexp(1.0, -bits), {1 - (1 << bits), (1 << bits) - 1}}; }
Grid word(int bits, int fraction_bits) {
  return {std::ldexp(1.0, -fraction_bits), {-(1 << (bits - 1)), (1 << (bits - 1)) - 1}};
}

Var<D> on(Tape<D>& tape, Var<D> x, const Grid& grid) {
  const Matrix<D> unit = tape.arena().matrix<D>(1, 1);
  unit.data[0] = grid.unit;
  return fake_quant(tape, x, Weight<D>{unit, {}}, grid.range);
}

/// The same without a mask, x + constant: the fused step lets gradients pass where a state, an operand
/// or a product saturates, which is at most half a unit beyond its grid, since |h| < 1.
Var<D> unmasked(Tape<D>& tape, Var<D> x, const Grid& grid) {
  const Var<D> y = on(tape, {x.value, {}}, grid);
  const Sequence<D> moved = tape.arena().sequence<D>(x.steps(), x.features(), x.batch());
  for (std::size_t i = 0; i < moved.size(); ++i) moved.data[i] = y.value.data[i] - x.value.data[i];
  return add(tape, x, tape.input(moved));
}

Weight<D> rows_of(Weight<D> w, int first, int count) {
  const auto part = [&](Matrix<D> m) {
    return m.empty() ? m : Matrix<D>{m.row(first), count, m.cols};
  };
  return {part(w.value), part(w.grad)};
}

Weight<D> add(Tape<D>& tape, Weight<D> a, Weight<D> b) {
  const std::size_t n = a.value.size();
  const Weight<D> y{tape.arena().matrix<D>(a.value.rows, a.value.cols),
                    {tape.arena().allocate_zeroed<D>(n), a.value.rows, a.value.cols}};
  for (std::size_t i = 0; i < n; ++i) y.value.data[i] = a.value.data[i] + b.value.data[i];
  tape.record([=] {
    for (std::size_t i = 0; i < n; ++i) {
      a.grad.data[i] += y.grad.data[i];
      b.grad.data[i] += y.grad.data[i];
    }
  });
  return y;
}

/// An encoder of one layer, a decoder of one layer, a head.
class QatTwin {
 public:
  QatTwin(const QatNetwork& network, const Seq2SeqConfig& config)
      : gradients(network.parameters().size()),
        network_(network),
        config_(config),
        w_(network.options().quantize.widths),
        arithmetic_(w_, config.form, config.activation),
        scales_(network.scales().layers),
        values_(network.parameters().data(),
                network.parameters().data() + network.parameters().size()) {
    scales_.push_back(network.scales().head);
    for (const auto& rows : scales_) scale_gradients.emplace_back(rows.size());
  }

  std::vector<D> gradients;                     ///< laid out as QatNetwork's
  std::vector<std::vector<D>> scale_gradients;  ///< [encoder, decoder, head][row]
  std::vector<Sequence<D>> states;              ///< of each step, encoder first: [1][H][B]
  int sums = 0, saturated = 0;                  ///< before activations

  /// Output [T][C][B] for TPSF [T][1][B], and backwards from the sum of output * probe.
  Sequence<D> run(Arena& arena, const Sequence<D>& tpsf, const Sequence<D>& probe) {
    Tape<D> tape(arena, {values_.data(), gradients.data()});
    const int H = config_.hidden[0], B = tpsf.batch;
    const Layer encoder = layer(tape, 0, "encoder.0"), decoder = layer(tape, 1, "decoder.0");
    const Weight<D> head = weight_on(tape, parameter(tape, "head.weight"), 2, 0);
    const Weight<D> bias = bias_on(tape, parameter(tape, "head.bias"), 2, 0, w_.operand_frac_bits);
    const Var<D> x = on(tape, tape.input(tpsf), fraction(w_.operand_frac_bits));
    const Var<D> nothing = tape.input(arena.zero_sequence<D>(1, 1, B));
    const auto output = arena.sequence<D>(tpsf.steps, config_.outputs, B);
    Var<D> h = tape.input(arena.zero_sequence<D>(1, H, B)), loss;
    for (int t = 0; t < tpsf.steps; ++t)
      h = step(tape, encoder, steps_of(x, t, 1), h, {0, static_cast<std::uint32_t>(t)});
    for (int t = 0; t < tpsf.steps; ++t) {
      h = step(tape, decoder, nothing, h, {1, static_cast<std::uint32_t>(t)});
      const Var<D> y = on(tape, linear(tape, operand(tape, h), head, bias),
                          word(w_.output_bits, w_.output_frac_bits));
      std::copy_n(y.value.data, y.value.size(), output.step(t));
      const Var<D> part = weighted_sum(tape, y, probe.slice(t, 1));
      loss = t == 0 ? part : taugate::add(tape, loss, part);
    }
    tape.backward(loss);
    return output;
  }

 private:
  struct Layer {
    Weight<D> W_rz, W_n, U_rz, U_n, b_rz, b_n, c_n;  // c_n: reset_after
  };

  struct Place {
    std::uint32_t layer, step;
  };

  Var<D> step(Tape<D>& tape, const Layer& l, Var<D> x, Var<D> h, Place at) {
    const int H = h.features();
    const bool feedback = w_.write_back == WriteBack::feedback;
    const Var<D> q = operand(tape, h), held = w_.step_reads_operand || feedback ? q : h;
    const Var<D> rz = activation(
        tape,
        sum(tape, taugate::add(tape, linear(tape, x, l.W_rz, l.b_rz), linear(tape, q, l.U_rz)),
            w_.gate_preact_frac_bits),
        true);
    const Var<D> r = features_of(tape, rz, 0, H), z = features_of(tape, rz, H, H);
    const int F = w_.candidate_preact_frac_bits;
    Var<D> before = linear(tape, x, l.W_n, l.b_n);
    if (config_.form == GruForm::reset_after) {
      const Var<D> s = sum(tape, linear(tape, q, l.U_n, l.c_n), F);
      before = taugate::add(tape, sum(tape, before, F),
                            on(tape, multiply(tape, r, s), word(w_.preact_bits, F)));
    } else {
      const Var<D> p = unmasked(tape, multiply(tape, r, held), fraction(w_.product_frac_bits));
      before = taugate::add(tape, before, linear(tape, p, l.U_n));
    }
    const Var<D> n = activation(tape, sum(tape, before, F), false);
    const Var<D> blend = taugate::add(tape, n, multiply(tape, z, subtract(tape, held, n)));
    const Var<D> next = write_back(tape, blend, h, held, at);
    states.push_back(next.value);
    return next;
  }
  /// The blend on the state's grid, straight through.
  Var<D> write_back(Tape<D>& tape, Var<D> blend, Var<D> h, Var<D> held, Place at) const {
    const Grid grid = fraction(w_.state_frac_bits);
    if (w_.write_back == WriteBack::nearest) return unmasked(tape, blend, grid);
    const Sequence<D> moved = tape.arena().sequence<D>(1, blend.features(), blend.batch());
    const D most = 1.0 - grid.unit;
    for (int u = 0; u < blend.features(); ++u)
      for (int b = 0; b < blend.batch(); ++b) {
        const D exact = blend.value.at(0, u, b);
        D next = 0.0;
        if (w_.write_back == WriteBack::feedback)
          next = grid.unit *
                 std::nearbyint((exact + h.value.at(0, u, b) - held.value.at(0, u, b)) / grid.unit);
        else
          next = grid.unit *
                 std::floor(exact / grid.unit + write_dither(at.layer, at.step, u) * 0x1p-16);
        moved.at(0, u, b) = std::clamp(next, -most, most) - exact;
      }
    return add(tape, blend, tape.input(moved));
  }
  Var<D> operand(Tape<D>& tape, Var<D> h) const {
    return unmasked(tape, h, fraction(w_.read_frac_bits()));
  }
  Var<D> sum(Tape<D>& tape, Var<D> a, int fraction_bits) {
    const Grid grid = word(w_.preact_bits, fraction_bits);
    for (int f = 0; f < a.features(); ++f)
      for (int b = 0; b < a.batch(); ++b, ++sums)
        saturated += std::abs(a.value.at(0, f, b)) > -grid.unit * grid.range.low;
    return on(tape, a, grid);
  }
  /// A gate or a candidate: the integer arithmetic's own function (sigmoid and tanh by its table of
  /// 32 segments), and back by the slope at the value that it gave. A hard candidate that has
  /// levelled off is flat, though its grid ends below 1.
  Var<D> activation(Tape<D>& tape, Var<D> a, bool gate) const {
    const Var<D> y = tape.result(1, a.features(), a.batch(), true);
    const int from = gate ? w_.gate_preact_frac_bits : w_.candidate_preact_frac_bits;
    const int to = gate ? w_.gate_frac_bits : w_.candidate_frac_bits;
    const Activation kind = arithmetic_.activation();
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const auto k = static_cast<std::int64_t>(std::ldexp(a.value.data[i], from));
      const std::int64_t v = gate ? arithmetic_.gate(k) : arithmetic_.candidate(k);
      y.value.data[i] = std::ldexp(static_cast<D>(v), -to);
    }
    tape.record([=] {
      for (std::size_t i = 0; i < y.grad.size(); ++i) {
        const D v = y.value.data[i];
        D slope = gate ? simd::scalar::sigmoid_slope(kind, v) : simd::scalar::tanh_slope(kind, v);
        if (!gate && kind == Activation::hard && std::abs(a.value.data[i]) >= 1.0) slope = 0.0;
        a.grad.data[i] += y.grad.data[i] * slope;
      }
    });
    return y;
  }

  Weight<D> parameter(Tape<D>& tape, const std::string& name) const {
    const auto* entry = network_.parameters().find(name);
    return entry ? tape.weight(entry->at) : Weight<D>{};
  }
  /// Scales of `count` rows, times a power of two.
  Matrix<D> scales_of(Tape<D>& tape, std::size_t k, int first, int count, int exponent) const {
    const Matrix<D> s = tape.arena().matrix<D>(count, 1);
    for (int i = 0; i < count; ++i)
      s.data[i] = std::ldexp(scales_[k][static_cast<std::size_t>(first + i)], exponent);
    return s;
  }
  /// The rows of layer k from `first` on.
  Weight<D> weight_on(Tape<D>& tape, Weight<D> w, std::size_t k, int first) {
    const int most = (1 << (w_.weight_bits - 1)) - 1, rows = w.value.rows;
    return fake_quant(
        tape, w,
        Weight<D>{scales_of(tape, k, first, rows, 0), {&scale_gradients[k][first], rows, 1}},
        {-most, most});
  }
  /// In units of the row's accumulator, whose scale learns from the weights alone.
  Weight<D> bias_on(Tape<D>& tape, Weight<D> b, std::size_t k, int first, int fraction_bits) {
    constexpr int kMost = 1 << 26;
    return fake_quant(tape, b,
                      Weight<D>{scales_of(tape, k, first, b.value.rows, -fraction_bits), {}},
                      {-kMost, kMost});
  }
  Layer layer(Tape<D>& tape, std::size_t k, const std::string& name) {
    const int H = config_.hidden[0];
    const bool after = config_.form == GruForm::reset_after;
    const Weight<D> b = parameter(tape, name + ".bias_ih"), c = parameter(tape, name + ".bias_hh");
    const Weight<D> W = parameter(tape, name + ".weight_ih"),
                    U = parameter(tape, name + ".weight_hh"), b_rz = rows_of(b, 0, 2 * H);
    Layer l;
    if (W.empty()) {  // the decoder reads nothing
      l.W_rz.value = {tape.arena().allocate_zeroed<D>(2 * H), 2 * H, 1};
      l.W_n.value = {tape.arena().allocate_zeroed<D>(H), H, 1};
    } else {
      l.W_rz = weight_on(tape, rows_of(W, 0, 2 * H), k, 0);
      l.W_n = weight_on(tape, rows_of(W, 2 * H, H), k, 2 * H);
    }
    l.U_rz = weight_on(tape, rows_of(U, 0, 2 * H), k, 0);
    l.U_n = weight_on(tape, rows_of(U, 2 * H, H), k, after ? 3 * H : 2 * H);
    l.b_rz = bias_on(tape, after ? ::add(tape, b_rz, rows_of(c, 0, 2 * H)) : b_rz, k, 0,
                     w_.operand_frac_bits);
    l.b_n = bias_on(tape, rows_of(b, 2 * H, H), k, 2 * H,
                    after ? w_.operand_frac_bits : w_.product_frac_bits);
    if (after) l.c_n = bias_on(tape, rows_of(c, 2 * H, H), k, 3 * H, w_.operand_frac_bits);
    return l;
  }

  const QatNetwork& network_;
  Seq2SeqConfig config_;
  Widths w_;
  Arithmetic arithmetic_;
  std::vector<std::vector<double>> scales_;
  std::vector<D> values_;
};

struct Setting {
  GruForm form;
  Activation activation;
  double mean_stddev;  ///< deviation of the weights
  QatOptions options;
};

/// d loss / d log2(scale) of each row: ln 2 times the scale times d loss / d scale, as slow as the
/// fused step makes it (Esser et al., section 2.2). Left out are rows with a weight in the last half
/// unit below saturation, where fake_quant follows the rounded value and Esser et al. the exact one.
void compare_scales(const QatNetwork& fused, const QatTwin& twin, const Buffer<float>& gradients) {
  const double most = std::ldexp(1.0, fused.options().quantize.widths.weight_bits - 1) - 1.0;
  const auto& p = fused.parameters();
  const WeightScales scales = fused.scales();
  int compared = 0, saturated = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    const std::string name = k == 0 ? "encoder.0" : "decoder.0";
    const std::size_t at = p.find(name + ".log2_scale")->at.offset;
    const auto *W = p.find(name + ".weight_ih"), *U = p.find(name + ".weight_hh");
    for (std::size_t row = 0; row < scales.layers[k].size(); ++row) {
      std::vector<double> exact;  // of the row's weights, in units of its scale
      const auto take = [&](const Parameters::Entry* m, std::size_t r) {
        if (!m) return;
        const auto cols = static_cast<std::size_t>(m->at.cols);
        for (std::size_t i = 0; i < cols; ++i)
          exact.push_back(p.data()[m->at.offset + r * cols + i] / scales.layers[k][row]);
      };
      if (row < 15) take(W, row);
      if (row < 10 || row >= 15) take(U, row < 10 ? row : row - 5);
      const bool between = std::any_of(exact.begin(), exact.end(), [&](double e) {
        return std::abs(e) > most && std::abs(e) <= most + 0.5;
      });
      if (between || exact.empty()) continue;
      ++compared;
      for (const double e : exact) saturated += std::abs(e) > most;
      const double expected = twin.scale_gradients[k][row] * scales.layers[k][row] *
                              std::numbers::ln2 /
                              std::sqrt(static_cast<double>(exact.size()) * most);
      CHECK(close(gradients[at + row], expected, 1e-5, 1e-4));
    }
  }
  CHECK(compared > 15);
  CHECK(saturated > 0);
}

/// Both passes of both networks. Returns the share of sums that saturated.
double compare(const Setting& s, std::uint64_t seed) {
  const Seq2SeqConfig config{
      .gates = 6, .outputs = 2, .hidden = {5}, .form = s.form, .activation = s.activation};
  Random rng(61, seed);
  Model model(config);
  fill_normal(model.parameters().data(), model.parameters().size(), rng, s.mean_stddev);
  QatNetwork fused(model, s.options);
  if (s.options.learned_scales)  // as if training had made them finer: the largest weights saturate
    for (const auto& entry : fused.parameters().entries())
      if (entry.name.find("scale") != std::string::npos)
        for (int i = 0; i < entry.at.rows; ++i) fused.parameters().matrix(entry.at).data[i] -= 0.7f;
  const OwnedSequence<float> input(6, 1, 19, rng, 0.4), probe(6, 2, 19, rng);
  Arena twin_arena, arena;
  const auto as_double = [&](const Sequence<float>& from) {
    const auto to = twin_arena.sequence<D>(from.steps, from.features, from.batch);
    for (std::size_t i = 0; i < to.size(); ++i) to.data[i] = from.data[i];
    return to;
  };

  QatRecord record;
  Buffer<float> gradients(fused.parameters().size());
  Tape<float> tape(arena, fused.parameters().bind(gradients.data()));
  const Var<float> sfd = fused.run(tape, tape.input(input.view), &record).output;
  int different = 0;
  QatTwin twin(fused, config);
  const Sequence<D> output = twin.run(twin_arena, as_double(input.view), as_double(probe.view));
  for (int b = 0; b < 19; ++b)
    for (int t = 0; t < 6; ++t) {
      for (int c = 0; c < 2; ++c) different += sfd.value.at(t, c, b) != output.at(t, c, b);
      for (int k = 0; k < 2; ++k)
        for (int u = 0; u < 5; ++u)
          different += record.layers[k].states.at(t + 1, u, b) !=
                       twin.states[static_cast<std::size_t>(6 * k + t)].at(0, u, b);
    }
  CHECK(different == 0);

  tape.backward(weighted_sum(tape, sfd, probe.view));
  for (const auto& entry : fused.parameters().entries()) {
    if (entry.name.find("scale") != std::string::npos) continue;
    CAPTURE(entry.name);
    const auto n = static_cast<std::size_t>(entry.at.rows * entry.at.cols);
    double largest = 0.0;
    for (std::size_t i = 0; i < n; ++i)
      largest = std::max(largest, std::abs(twin.gradients[entry.at.offset + i]));
    CHECK((largest > 0.0 || s.activation == Activation::hard));
    for (std::size_t i = 0; i < n; ++i) {
      const D of_twin = twin.gradients[entry.at.offset + i];
      // A learned scale lets weights saturate; the fused step then lets them come back.
      if (s.options.learned_scales && of_twin == 0.0) continue;
      CHECK(close(gradients[entry.at.offset + i], of_twin, 1e-5 * largest, 1e-5));
    }
  }
  if (s.options.learned_scales) compare_scales(fused, twin, gradients);
  return static_cast<double>(twin.saturated) / twin.sums;
}

}  // namespace

TEST_CASE("plain operations and fake_quant nodes make the fused network: values and gradients") {
  Widths fine;
  fine.weight_bits = 6;
  fine.operand_frac_bits = fine.product_frac_bits = 6;
  fine.gate_frac_bits = 11;
  fine.candidate_frac_bits = 13;
  fine.state_frac_bits = 17;
  fine.preact_bits = 18;
  fine.gate_preact_frac_bits = fine.candidate_preact_frac_bits = 13;
  Widths entry;  // the state is rounded on entry to a step
  entry.step_reads_operand = true;
  entry.state_frac_bits = 12;
  Widths feedback;  // a state of 4 bits and a residual of 3
  feedback.write_back = WriteBack::feedback;
  feedback.state_frac_bits = 6;
  feedback.residual_bits = 3;
  Widths stochastic = fine;
  stochastic.write_back = WriteBack::stochastic;
  stochastic.state_frac_bits = 5;
  Widths narrow;  // the state is coarser than its operand
  narrow.state_frac_bits = 4;
  narrow.residual_bits = 1;
  std::vector<QatOptions> options{
      {}, {.quantize = {.widths = fine}}, {.quantize = {.widths = entry, .per_row = false}}};
  for (const Widths& w : {feedback, stochastic, narrow})
    options.push_back({.quantize = {.widths = w}});
  for (std::size_t o = 0; o < options.size(); ++o)
    for (GruForm form : {GruForm::reset_after, GruForm::reset_before})
      for (Activation activation : {Activation::smooth, Activation::hard})
        for (const double mean_stddev : {0.5, 4.0}) {
          CAPTURE(o);
          CAPTURE(name_of(form));
          CAPTURE(name_of(activation));
          CAPTURE(mean_stddev);
          const double share = compare({form, activation, mean_stddev, options[o]}, o % 3);
          CHECK((share > 0.02) == (mean_stddev > 1.0));
        }
}

TEST_CASE("the same with learned scales, and their gradients") {
  QatOptions learned{.quantize = {}, .learned_scales = true};
  learned.quantize.widths.weight_bits = 4;
  for (Activation activation : {Activation::smooth, Activation::hard})
    compare({GruForm::reset_after, activation, 0.5, learned}, 7);
}
