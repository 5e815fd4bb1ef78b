// Quantization-aware training: what it computes is what the integers compute, value by value.

#include <map>

#include "quant/integer/reference_executor.h"
#include "quant/quant_testing.h"
#include "taugate/quant/integer/integer_step.h"
#include "taugate/quant/qat/qat.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

struct Setting {
  std::string name;
  GruForm form = GruForm::reset_after;
  Activation activation = Activation::smooth;
  QatOptions options{};
  double mean_stddev = 1.0;  ///< what the initial weights are multiplied by
};

Widths with_weight_bits(Widths w, int bits) {
  w.weight_bits = bits;
  return w;
}

/// reset_before with r*h and the candidate of more bits than the default.
Widths odd_widths() {
  Widths w;
  w.weight_bits = 6;
  w.operand_frac_bits = 6;
  w.product_frac_bits = 9;
  w.gate_frac_bits = 11;
  w.candidate_frac_bits = 13;
  w.state_frac_bits = 17;
  w.preact_bits = 18;
  w.gate_preact_frac_bits = 13;
  w.candidate_preact_frac_bits = 14;
  return w;
}

Widths entry_quantized() {  // the state is quantized on entry to a step, the head reads it whole
  Widths w;
  w.step_reads_operand = w.head_reads_state = true;
  w.operand_frac_bits = 5;
  w.product_frac_bits = 6;
  w.state_frac_bits = 12;
  w.weight_bits = 5;
  return w;
}

Widths written_back(WriteBack how, int state, int residual, int candidate = 15) {
  Widths w;
  w.write_back = how;
  w.state_frac_bits = state;
  w.residual_bits = residual;
  w.candidate_frac_bits = candidate;
  return w;
}

std::vector<Setting> settings() {
  std::vector<std::pair<std::string, QatOptions>> options{{"8 bits", {}}};
  const auto add = [&](const std::string& name, const QuantizeOptions& q, bool learned = false) {
    options.push_back({name, {q, learned}});
  };
  add("4-bit weights", {.widths = with_weight_bits({}, 4)});
  add("one scale a layer", {.per_row = false});
  add("powers of two", {.powers_of_two = true});
  add("fixed grid", {.scale = WeightScale::fixed_grid});
  add("fixed grid of 4 bits",
      {.widths = with_weight_bits({}, 4), .scale = WeightScale::fixed_grid});
  add("the paper's scale", {.scale = WeightScale::paper});
  add("learned", {.widths = with_weight_bits({}, 3)}, true);
  add("learned, one a layer", {.per_row = false, .powers_of_two = true}, true);
  add("odd widths", {.widths = odd_widths()});
  add("quantized on entry", {.widths = entry_quantized()});
  add("stochastic", {.widths = written_back(WriteBack::stochastic, 7, 0)});
  add("stochastic, of few dropped bits", {.widths = written_back(WriteBack::stochastic, 12, 2, 9)});
  add("error feedback", {.widths = written_back(WriteBack::feedback, 15, 12)});
  add("feedback of 2 bits", {.widths = written_back(WriteBack::feedback, 5, 2)});
  add("feedback of 4 bits", {.widths = written_back(WriteBack::feedback, 11, 4, 7)});
  add("carried 4 bits wider than read", {.widths = written_back(WriteBack::nearest, 7, 4)});
  add("a state of 4 bits", {.widths = written_back(WriteBack::nearest, 3, 0)});
  std::vector<Setting> all;
  for (const auto& [name, o] : options)
    for (GruForm form : {GruForm::reset_after, GruForm::reset_before})
      for (Activation activation : {Activation::smooth, Activation::hard})
        for (double mean_stddev : {1.0, 9.0})
          all.push_back(
              {concat(name, ", ", name_of(form), ", ", name_of(activation), ", x", mean_stddev),
               form, activation, o, mean_stddev});
  return all;
}

/// Random weights and biases.
Model random_network(const Setting& s, Random& rng) {
  Model model(
      {.gates = 7, .outputs = 2, .hidden = {5, 18}, .form = s.form, .activation = s.activation});
  for (const auto& entry : model.parameters().entries()) {
    const Matrix<float> m = model.parameters().matrix(entry.at);
    const double size = s.mean_stddev * (entry.name.find("bias") == std::string::npos ? 0.5 : 0.2);
    for (std::size_t i = 0; i < m.size(); ++i) m.data[i] = static_cast<float>(size * rng.normal());
  }
  return model;
}

/// Compares a plane's values, times 2^fraction, with integers.
struct Comparison {
  int differences = 0, values = 0;
  void operator()(float value, int fraction, std::int64_t integer) {
    ++values;
    differences += std::ldexp(double{value}, fraction) != static_cast<double>(integer);
  }
};

int sum_plane(TensorId node, GruForm form) {
  switch (node) {
    case TensorId::reset_preact:
      return 0;
    case TensorId::update_preact:
      return 1;
    case TensorId::input_preact:
      return 2;
    case TensorId::candidate_preact:
      return 3;
    default:
      return form == GruForm::reset_after && node == TensorId::recurrent_preact ? 4 : -1;
  }
}

/// Runs the integers for trace b beside the record.
void compare_trace(const IntegerModel& model, const QatRecord& record, const Sequence<float>& input,
                   const Sequence<float>& sfd, int b, std::map<TensorId, Comparison>& seen) {
  const Widths& w = model.widths;
  const Arithmetic arithmetic(w, model.form(), model.activation());
  const std::size_t side = model.layers.size() / 2;
  std::vector<std::vector<std::int32_t>> states(side), below;
  for (int t = 0; t < input.steps; ++t)
    below.push_back({static_cast<std::int32_t>(arithmetic.input(input.at(t, 0, b)))});
  StepScratch scratch(64);
  for (std::size_t k = 0; k < 2 * side; ++k) {
    const IntegerLayer& layer = model.layers[k];
    const QatRecord::Layer& qat = record.layers[k];
    const int H = layer.hidden;
    auto& state = states[k % side];
    if (k < side) state.assign(static_cast<std::size_t>(H), 0);
    for (int t = 0; t < input.steps; ++t) {
      const auto observe = [&](TensorId node, int u, std::int64_t value) {
        Comparison& compare = seen[node];
        const int plane = sum_plane(node, model.form());
        if (plane == 4)
          compare(qat.gates.at(t, 3 * H + u, b), w.candidate_preact_frac_bits, value);
        else if (plane >= 0)
          compare(qat.preacts.at(t, plane * H + u, b),
                  plane < 2 ? w.gate_preact_frac_bits : w.candidate_preact_frac_bits, value);
        else if (node == TensorId::operand)
          compare(qat.operands.at(t, u, b), w.operand_frac_bits, value);
        else if (node == TensorId::reset_gate)
          compare(qat.gates.at(t, u, b), w.gate_frac_bits, value);
        else if (node == TensorId::update_gate)
          compare(qat.gates.at(t, H + u, b), w.gate_frac_bits, value);
        else if (node == TensorId::candidate)
          compare(qat.gates.at(t, 2 * H + u, b), w.candidate_frac_bits, value);
        else if (node == TensorId::product)
          compare(qat.gates.at(t, 3 * H + u, b), w.product_frac_bits, value);
        else if (node == TensorId::state)
          compare(qat.states.at(t + 1, u, b), w.state_frac_bits, value);
      };
      gru_step(arithmetic, layer, layer.inputs > 0 ? below[t].data() : nullptr, state.data(),
               scratch, observe, 0, {k, static_cast<std::size_t>(t)});
      below[t].clear();
      for (auto h : state) below[t].push_back(static_cast<std::int32_t>(arithmetic.operand(h)));
      if (k + 1 == 2 * side) {
        std::vector<std::int64_t> y(static_cast<std::size_t>(model.outputs()));
        head_step(arithmetic, model, state.data(), y.data(), scratch,
                  [&](TensorId node, int c, std::int64_t value) {
                    seen[node](sfd.at(t, c, b), w.output_frac_bits, value);
                  });
      }
    }
  }
}

}  // namespace

TEST_CASE("every value of the forward pass equals the integers'") {
  Random rng(41, 0);
  for (const Setting& s : settings()) {
    CAPTURE(s.name);
    const Model model = random_network(s, rng);
    QatNetwork qat(model, s.options);
    if (s.options.learned_scales)  // scales that made some weights saturate, as training would
      for (const auto& entry : qat.parameters().entries())
        if (entry.name.ends_with("log2_scale"))
          for (int i = 0; i < entry.at.rows; ++i)
            qat.parameters().matrix(entry.at).data[i] -= static_cast<float>(rng.uniform(0.0, 1.2));
    const IntegerModel integers = qat.integers();

    constexpr int kBatch = 19;  // a second block of lanes, and padding
    Arena arena;
    Buffer<float> gradients(qat.parameters().size());
    Tape<float> tape(arena, qat.parameters().bind(gradients.data()));
    const auto input = arena.zero_sequence<float>(7, 1, kBatch);
    for (int t = 0; t < 7; ++t)
      for (int b = 0; b < kBatch; ++b)
        input.at(t, 0, b) = static_cast<float>(b == 0   ? 1e30 * (t % 2 ? 1 : -1)
                                               : b == 1 ? 1.0
                                                        : rng.uniform(-1.1, 1.1));
    QatRecord record;
    const auto output = qat.run(tape, tape.input(input), &record);
    REQUIRE(record.layers.size() == 4);

    std::map<TensorId, Comparison> seen;
    for (int b = 0; b < kBatch; ++b)
      compare_trace(integers, record, input, output.output.value, b, seen);
    CHECK(seen.size() == (s.form == GruForm::reset_after ? 11u : 10u));
    for (const auto& [node, compared] : seen) {
      const int number = static_cast<int>(node);  // clang 14 captures no binding
      CAPTURE(number);
      CHECK(compared.values > 0);
      CHECK(compared.differences == 0);
    }
  }
}

TEST_CASE(
    "with 16-bit operands training computes what the integers do but for the rounding of sums") {
  Random rng(6, 1);
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before}) {
    QatOptions options{.quantize = {.widths = widths_16bit()}};
    const Setting setting{"16 bits", form, Activation::smooth, options, 1.0};
    QatNetwork qat(random_network(setting, rng), options);
    const IntegerModel integers = qat.integers();
    constexpr int kBatch = 32;
    Arena arena;
    Tape<float> tape(arena, qat.parameters().bind());
    const auto input = arena.zero_sequence<float>(7, 1, kBatch);
    for (int t = 0; t < 7; ++t)
      for (int b = 0; b < kBatch; ++b)
        input.at(t, 0, b) = static_cast<float>(rng.uniform(0.0, 1.0));
    const auto y = qat.run(tape, tape.input(input)).output.value;
    const ReferenceExecutor reference(integers);
    auto scratch = reference.make_scratch();
    double most = 0.0, sum = 0.0, largest = 0.0;
    for (int b = 0; b < kBatch; ++b) {
      for (int t = 0; t < 7; ++t)
        scratch.input[static_cast<std::size_t>(t)] = reference.input_word(input.at(t, 0, b));
      reference.run(scratch);
      for (int t = 0; t < 7; ++t)
        for (int c = 0; c < 2; ++c) {
          const double unit = std::ldexp(1.0, -integers.widths.output_frac_bits);
          const double exact =
              static_cast<double>(scratch.output[static_cast<std::size_t>(t * 2 + c)]) * unit;
          const double difference = std::abs(y.at(t, c, b) - exact) / unit;
          most = std::max(most, difference);
          sum += difference / (kBatch * 7 * 2);
          largest = std::max(largest, std::abs(exact));
        }
    }
    CHECK(largest > 0.1);
    // In units of 2^-14: a sum that rounds the other way moves a pre-activation by 4 of them.
    CHECK(most <= 16.0);
    CHECK(sum < 0.5);
  }
}
