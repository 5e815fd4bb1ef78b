// Quantization-aware training: gradients go straight through the rounding, and stop where something
// has saturated; and it trains.

#include "allocation_trap.h"
#include "quant/noisy_decays.h"
#include "quant/qat/qat_weights.h"
#include "taugate/core/parallel.h"
#include "taugate/quant/qat/qat.h"
#include "taugate/runtime/executor.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

/// d loss / d parameters of the sum of (output * probe).
template <class Network>
Buffer<float> gradient_of(const Network& network, const Parameters& parameters,
                          const Sequence<float>& input, const Sequence<float>& probe) {
  Arena arena;
  Buffer<float> gradients(parameters.size());
  Tape<float> tape(arena, parameters.bind(gradients.data()));
  tape.backward(weighted_sum(tape, network(tape, tape.input(input)), probe));
  return gradients;
}

}  // namespace

TEST_CASE("with fine grids, gradients point where the float network's do") {
  Random rng(42, 0);
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before}) {
    CAPTURE(name_of(form));
    Model model({.gates = 7, .outputs = 2, .hidden = {5, 18}, .form = form});
    fill_normal(model.parameters().data(), model.parameters().size(), rng, 0.4);
    QatOptions fine;
    fine.quantize.widths.operand_frac_bits = fine.quantize.widths.product_frac_bits = 9;
    fine.quantize.widths.weight_bits = 9;
    fine.quantize.widths.gate_frac_bits = 15;
    fine.quantize.widths.preact_bits = 20;
    fine.quantize.widths.gate_preact_frac_bits = fine.quantize.widths.candidate_preact_frac_bits =
        16;
    fine.quantize.widths.state_frac_bits = 20;
    const QatNetwork qat(model, fine);
    const OwnedSequence<float> input(7, 1, 48, rng, 0.2), probe(7, 2, 48, rng);
    const auto a = gradient_of(model, model.parameters(), input.view, probe.view);
    const auto b = gradient_of(qat, qat.parameters(), input.view, probe.view);
    for (const auto& entry : model.parameters().entries()) {
      CAPTURE(entry.name);
      double aa = 0.0, bb = 0.0, ab = 0.0;
      for (std::size_t i = entry.at.offset;
           i < entry.at.offset + static_cast<std::size_t>(entry.at.rows * entry.at.cols); ++i) {
        aa += double{a[i]} * a[i];
        bb += double{b[i]} * b[i];
        ab += double{a[i]} * b[i];
      }
      // Grids of 2^-9 change each value by some 10^-3: the angle is about that much.
      CHECK(ab / std::sqrt(aa * bb) > 0.9995);
      CHECK(std::sqrt(bb / aa) == doctest::Approx(1.0).epsilon(0.02));
    }
  }
}

TEST_CASE("a saturated weight is never pushed further, and can come back") {
  Model model({.gates = 5, .outputs = 1, .hidden = {4}});
  Random rng(43, 0);
  for (std::size_t i = 0; i < model.parameters().size(); ++i)
    model.parameters().data()[i] = static_cast<float>(1.2 * rng.normal());
  QatOptions options;
  options.quantize.scale = WeightScale::fixed_grid;
  const QatNetwork qat(model, options);
  int stopped = 0, returning = 0;
  for (int trial = 0; trial < 20; ++trial) {
    const OwnedSequence<float> input(5, 1, 16, rng, 0.5), probe(5, 1, 16, rng);
    const auto g = gradient_of(qat, qat.parameters(), input.view, probe.view);
    for (const auto& entry : qat.parameters().entries()) {
      if (entry.name.find("weight") == std::string::npos) continue;
      for (int i = 0; i < entry.at.rows * entry.at.cols; ++i) {
        const std::size_t at = entry.at.offset + static_cast<std::size_t>(i);
        const float w = qat.parameters().data()[at];
        if (std::abs(w) <= 127.0f / 128.0f) continue;
        CHECK((g[at] == 0.0f || (g[at] > 0.0f) == (w > 0.0f)));
        ++(g[at] == 0.0f ? stopped : returning);
      }
    }
  }
  CHECK(stopped > 100);
  CHECK(returning > 100);
}

TEST_CASE("nothing passes a flat hard activation or a saturated output") {
  Random rng(44, 0);
  // Biases of 5: every gate is open, every candidate 1, every output at its limit of 2.
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before}) {
    Model model({.gates = 5, .hidden = {4}, .form = form, .activation = Activation::hard});
    model.initialise(3);
    for (const auto& entry : model.parameters().entries())
      if (entry.name.find("bias_ih") != std::string::npos)
        std::fill_n(model.parameters().matrix(entry.at).data, entry.at.rows, 5.0f);
    const OwnedSequence<float> input(5, 1, 16, rng, 0.5), probe(5, 1, 16, rng);
    for (const bool saturate_output : {false, true}) {
      if (saturate_output)
        *model.parameters().matrix(model.parameters().find("head.bias")->at).data = 5.0f;
      const QatNetwork qat(model, {});
      const auto g = gradient_of(qat, qat.parameters(), input.view, probe.view);
      for (const auto& entry : qat.parameters().entries()) {
        if (entry.name == "head.weight") continue;  // open gates keep the state at 0
        CAPTURE(entry.name);
        const bool head = entry.name == "head.bias";
        const auto* first = g.data() + entry.at.offset;
        const bool none = std::all_of(first, first + entry.at.rows * entry.at.cols,
                                      [](float v) { return v == 0.0f; });
        CHECK(none == (!head || saturate_output));
      }
    }
  }
}

TEST_CASE("a learned scale's gradient is Esser et al.'s") {
  // Weights 0.3, -0.9, 2.5 at scale 0.5 and 3 bits: integers 1 (0.6 rounded), -2 (-1.8), 3 (5, and
  // saturated). Each contributes gradient * (integer - exact), or * 3 where it saturates.
  Parameters parameters;
  const ParameterRef w = parameters.add("w", 1, 3), log2_scale = parameters.add("s", 1, 1);
  const float weights[] = {0.3f, -0.9f, 2.5f};
  std::copy_n(weights, 3, parameters.matrix(w).data);
  *parameters.matrix(log2_scale).data = -1.0f;
  Buffer<float> gradients(parameters.size());
  Arena arena;
  Tape<float> tape(arena, parameters.bind(gradients.data()));
  QuantizeOptions options;
  options.widths.weight_bits = 3;
  QatRows rows = qat_rows(arena, 1, {}, tape.weight(w));
  const float bias = 0.0f;
  rows.rows[0] = head_row({parameters.matrix(w).data, 1, 3}, &bias, 0, options.widths);
  rows.weight_bits = 3;
  rows.log2_scales = tape.weight(log2_scale);
  quantize_rows(tape, rows, options, "w");
  const float integers[] = {1.0f, -2.0f, 3.0f}, g[] = {0.25f, 0.5f, -1.0f};
  for (int k = 0; k < 3; ++k) {
    CHECK(rows.recurrent.integers[k] == integers[k]);
    CHECK(rows.recurrent.dequantized.value.data[k] == 0.5f * integers[k]);
    rows.recurrent.dequantized.grad.data[k] = g[k];
  }
  tape.backward(tape.result(1, 1, 1, true));
  CHECK(gradients[w.offset] == 0.25f);
  CHECK(gradients[w.offset + 1] == 0.5f);
  CHECK(gradients[w.offset + 2] == 0.0f);  // would grow further
  const double of_scale = 0.25 * (1.0 - 0.6) + 0.5 * (-2.0 + 1.8) - 1.0 * 3.0;
  CHECK(close(gradients[log2_scale.offset], of_scale * 0.5 * std::log(2.0) / std::sqrt(3.0 * 3.0),
              1e-6));
}

TEST_CASE("training with integers lowers the integer executor's own loss and allocates nothing") {
  const NoisyDecays data;
  Model model({.gates = 24, .hidden = {6}});
  model.initialise(1);
  const int threads = thread_count();
  set_thread_count(2);
  for (const bool learned : {false, true}) {
    QatOptions options;
    options.quantize.widths.weight_bits = 4;
    options.learned_scales = learned;
    QatNetwork qat(model, options);
    TrainingOptions training;
    training.samples = 20000;
    training.validation_samples = 256;
    Trainer trainer(qat.parameters(), least_squares(qat), data, training);
    trainer.step();
    CHECK(allocations_of([&] { trainer.step(); }) == 0);
    const double before = trainer.validate();
    trainer.run();
    CHECK(trainer.validate() < 0.5 * before);

    // The validation loss is the integer executor's, up to the sum's rounding.
    std::vector<float> input, target;
    Random rng(1, 1);
    const OwnedSequence<float> x(24, 1, 256, rng), y(24, 1, 256, rng);
    data.fill(Trainer::kValidationStart, x.view, y.view);
    for (int b = 0; b < 256; ++b)
      for (int t = 0; t < 24; ++t) {
        input.push_back(x.view.at(t, 0, b));
        target.push_back(y.view.at(t, 0, b));
      }
    std::vector<float> output(input.size());
    predict(qat.integers(), input, output);
    double loss = 0.0;
    for (std::size_t i = 0; i < output.size(); ++i)
      loss += std::pow(double{output[i]} - target[i], 2) / static_cast<double>(output.size());
    CHECK(close(trainer.validate(), loss, 0.0, 1e-5));
  }
  set_thread_count(threads);
}

TEST_CASE("what cannot be trained with integers is refused in one line") {
  const Model model(
      {.gates = 5, .hidden = {4}, .form = GruForm::reset_before, .activation = Activation::hard});
  CHECK_THROWS_WITH_AS(QatNetwork(model, {.quantize = {.widths = widths_qkeras()}}),
                       doctest::Contains("sum_bits: found 48, wanted at most 24"), UsageError);
  QatOptions both;
  both.quantize.scale = WeightScale::fixed_grid;
  both.learned_scales = true;
  CHECK_THROWS_AS(QatNetwork(model, both), UsageError);
  Widths narrow_sums = widths_16bit();  // of 12 bits each, so of 24 with their sum's carry at least
  narrow_sums.weight_bits = narrow_sums.operand_frac_bits = narrow_sums.product_frac_bits = 12;
  narrow_sums.accumulator_bits = 32;
  QatNetwork wide(model, {.quantize = {.widths = narrow_sums}});
  std::fill_n(wide.parameters().data(), wide.parameters().size(), 0.5f);
  Random rng(1, 1);
  const OwnedSequence<float> input(5, 1, 16, rng);
  Arena arena;
  Tape<float> tape(arena, wide.parameters().bind());
  CHECK_THROWS_WITH_AS(wide(tape, tape.input(input.view)),
                       doctest::Contains("encoder.0, row 0: its accumulator could reach"), Error);
}
