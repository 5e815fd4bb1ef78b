// From float networks to integers: which integers, and how near their outputs stay.

#include <bit>

#include "fli/io_testing.h"
#include "quant/noisy_decays.h"
#include "quant/quant_testing.h"
#include "taugate/nn/trainer.h"
#include "taugate/quant/ptq/quantize.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

Model trained_student(GruForm form, Activation activation) {
  Model model({.gates = 24, .hidden = {14}, .form = form, .activation = activation});
  model.initialise(1);
  const NoisyDecays data;
  TrainingOptions options;
  options.samples = 60000;
  options.validation_samples = 512;
  options.validations = 4;
  Trainer(model.parameters(), least_squares(model), data, options).run();
  return model;
}

struct Traces {
  std::vector<float> input, target;
  explicit Traces(int count) {
    const NoisyDecays data;
    Random rng(1, 1);
    OwnedSequence<float> x(24, 1, count, rng), y(24, 1, count, rng);
    data.fill(std::uint64_t{1} << 40, x.view, y.view);
    for (int b = 0; b < count; ++b)
      for (int t = 0; t < 24; ++t) {
        input.push_back(x.view.at(t, 0, b));
        target.push_back(y.view.at(t, 0, b));
      }
  }
  double rmse(const std::vector<float>& output) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < output.size(); ++i) sum += std::pow(output[i] - target[i], 2);
    return std::sqrt(sum / static_cast<double>(output.size()));
  }
  double float_rmse(const Model& model) const {
    std::vector<float> output(input.size());
    predict(model, input, output);
    return rmse(output);
  }
  double integer_rmse(const Model& model, const QuantizeOptions& options) const {
    std::vector<float> output(input.size());
    predict(quantize(model, options), input, output);
    return rmse(output);
  }
};

QuantizeOptions with_widths(Widths widths) {
  QuantizeOptions options;
  options.widths = widths;
  return options;
}

Model random_network(GruForm form, Activation activation, std::uint64_t seed) {
  Model model(
      {.gates = 17, .outputs = 2, .hidden = {5, 3}, .form = form, .activation = activation});
  Random rng(seed, 0);
  fill_normal(model.parameters().data(), model.parameters().size(), rng, 0.5);
  return model;
}

Matrix<float> parameter(Model& model, const std::string& name) {
  for (const auto& entry : model.parameters().entries())
    if (entry.name == name) return model.parameters().matrix(entry.at);
  FAIL("no parameter ", name);
  return {};
}

}  // namespace

TEST_CASE("a trained student keeps its error in integers, and needs its wide state") {
  const Traces traces(600);
  double wide = 0.0, narrow = 0.0;
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before})
    for (Activation activation : {Activation::smooth, Activation::hard}) {
      CAPTURE(name_of(form) + " " + name_of(activation));
      const Model model = trained_student(form, activation);
      Widths int32_state = widths_8bit();
      int32_state.state_frac_bits = int32_state.candidate_frac_bits = 7;
      const double in_floats = traces.float_rmse(model);
      const double in_16 = traces.integer_rmse(model, with_widths(widths_16bit())) / in_floats;
      const double in_8 = traces.integer_rmse(model, with_widths(widths_8bit())) / in_floats;
      wide += in_8;
      narrow += traces.integer_rmse(model, with_widths(int32_state)) / in_floats;
      CHECK(in_floats < 0.02);
      CHECK(in_16 < 1.01);
      CHECK(in_8 < 1.4);
    }
  CHECK(narrow > 1.2 * wide);
}

TEST_CASE("weights become round(w / scale), biases units of their accumulator") {
  Model model = random_network(GruForm::reset_after, Activation::smooth, 1);
  // Row 7 of the second encoder layer is of n: W_n and U_n have scales of their own there.
  const Matrix<float> w = parameter(model, "encoder.1.weight_ih");
  const Matrix<float> u = parameter(model, "encoder.1.weight_hh");
  const Matrix<float> c = parameter(model, "encoder.1.bias_hh");
  const Matrix<float> b = parameter(model, "encoder.1.bias_ih");
  for (int row : {2, 7})
    for (int k = 0; k < 5; ++k) w.at(row, k) = static_cast<float>(k - 2);  // -2 .. 2
  for (int row : {2, 7})
    for (int k = 0; k < 3; ++k) u.at(row, k) = static_cast<float>(4 * k - 4);  // -4, 0, 4
  b.at(2, 0) = b.at(7, 0) = 0.75f;
  c.at(2, 0) = c.at(7, 0) = -0.5f;

  QuantizeOptions options;
  options.multiplier_bits = 0;  // the scales as they are
  const WeightScales scales = weight_scales(model, options);
  REQUIRE(scales.layers.size() == 4);
  REQUIRE(scales.layers[1].size() == 12);
  CHECK(scales.layers[1][2] == 4.0 / 127);
  CHECK(scales.layers[1][7] == 2.0 / 127);
  CHECK(scales.layers[1][10] == 4.0 / 127);
  const IntegerModel out = quantize(model, options);
  const IntegerLayer& layer = out.layers[1];
  const auto row_of = [](const IntegerRows& m, int row) {
    return std::vector<std::int16_t>(m.row(row), m.row(row) + m.cols);
  };
  CHECK(row_of(layer.input, 2) ==
        std::vector<std::int16_t>{-64, -32, 0, 32, 64});  // 63.5 is even 64
  CHECK(row_of(layer.recurrent, 2) == std::vector<std::int16_t>{-127, 0, 127});
  CHECK(row_of(layer.input, 7) == std::vector<std::int16_t>{-127, -64, 0, 64, 127});
  CHECK(row_of(layer.recurrent, 7) == std::vector<std::int16_t>{-127, 0, 127});
  CHECK(layer.bias[2] == 1016);             // (0.75 - 0.5) * 127/4 * 128
  CHECK(layer.bias[7] == 6096);             // 0.75 * 127/2 * 128
  CHECK(layer.recurrent_bias[1] == -2032);  // -0.5 * 127/4 * 128
  CHECK(layer.requantizers[2] == nearest_requantizer(4.0 / 127 * 32));  // 2^12 / 2^7

  options.per_row = false;
  const WeightScales together = weight_scales(model, options);
  for (double scale : together.layers[1]) CHECK(scale == 4.0 / 127);

  options.powers_of_two = true;
  const WeightScales powers = weight_scales(model, options);
  for (const auto& rows : powers.layers)
    for (double scale : rows) CHECK(std::exp2(std::round(std::log2(scale))) == scale);
  const IntegerModel shifting = quantize(model, options);
  for (const Requantizer& r : shifting.layers[1].requantizers)
    CHECK(std::has_single_bit(r.multiplier));

  options = {};  // 4/127 is 0.5039 / 2^4; rounded up to 8 bits, 130 / 2^12
  CHECK(weight_scales(model, options).layers[1][10] == std::ldexp(130, -12));
  const IntegerModel short_multipliers = quantize(model, options);
  for (const Requantizer& r : short_multipliers.layers[1].requantizers) CHECK(r.multiplier < 256);

  options.scale = WeightScale::paper;  // its largest weights are 255 units, and saturate
  CHECK(weight_scales(model, options).layers[1][10] == 4.0 / 255);
  CHECK(row_of(quantize(model, options).layers[1].recurrent, 2) ==
        std::vector<std::int16_t>{-127, 0, 127});

  options.scale = WeightScale::fixed_grid;
  CHECK(weight_scales(model, options).layers[1][10] == 1.0 / 128);
  CHECK(quantize(model, options).layers[1].requantizers[2] == Requantizer{1, 2});
}

TEST_CASE("rows of zeros and large biases still have a scale") {
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before})
    for (const Widths& widths : {widths_8bit(), widths_16bit()}) {
      Model model = random_network(form, Activation::smooth, 2);
      const Matrix<float> u = parameter(model, "decoder.0.weight_hh");
      std::fill_n(u.data, u.size(), 0.0f);
      const Matrix<float> w = parameter(model, "encoder.0.weight_ih");
      for (std::size_t i = 0; i < w.size(); ++i) w.data[i] *= 1e-9f;
      parameter(model, "encoder.0.bias_ih").at(13, 0) = 300.0f;
      const IntegerModel out = quantize(model, with_widths(widths));
      CHECK(out.layers[out.layers.size() / 2].recurrent.weights ==
            std::vector<std::int16_t>(75, 0));
      // Without weights a sum is its bias, to within one unit.
      const Arithmetic a(out.widths, out.form(), out.activation());
      std::vector<std::int32_t> state(5, 0);
      StepScratch scratch(5);
      const Matrix<float> b = parameter(model, "decoder.0.bias_ih");
      gru_step(a, out.layers[out.layers.size() / 2], nullptr, state.data(), scratch,
               [&](TensorId node, int unit, std::int64_t value) {
                 if (node != (form == GruForm::reset_after ? TensorId::input_preact
                                                           : TensorId::candidate_preact))
                   return;
                 CHECK(std::abs(static_cast<double>(value) - 4096.0 * b.at(10 + unit, 0)) <= 1.0);
               });
    }
}

TEST_CASE("at 16 bits the integers follow the float engine") {
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before}) {
    const Model model = random_network(form, Activation::hard, 3);
    Random rng(4, 0);
    std::vector<float> input(20 * 17), in_floats(20 * 17 * 2), in_integers(in_floats.size());
    for (float& x : input) x = static_cast<float>(rng.uniform());
    predict(model, input, in_floats);
    predict(quantize(model, with_widths(widths_16bit())), input, in_integers);
    // Sums are rounded to 2^-12, gates to 2^-14; 34 steps forget most of what was before.
    double most = 0.0;
    for (std::size_t i = 0; i < in_floats.size(); ++i)
      most = std::max(most, std::abs(double{in_floats[i]} - in_integers[i]));
    CHECK(most < 4e-3);
  }
}

TEST_CASE("ranges set the fractions of pre-activations and outputs") {
  const Widths w =
      with_ranges(widths_8bit(), {.gate_preact = 8.1, .candidate_preact = 4.0, .output = 1.0});
  CHECK(w.gate_preact_frac_bits == 11);
  CHECK(w.candidate_preact_frac_bits == 13);
  CHECK(w.output_frac_bits == 15);
  CHECK(with_ranges(widths_8bit(), {}) == widths_8bit());
  CHECK(contains(error_of([] { with_ranges({}, {.gate_preact = 0.0}); }),
                 "found a range of 0 for pre-activations of gates"));
}

TEST_CASE("what cannot be quantized is refused") {
  Model model = random_network(GruForm::reset_after, Activation::smooth, 5);
  CHECK(contains(error_of([&] { quantize(model, with_widths(widths_qkeras())); }), "[arithmetic]"));
  QuantizeOptions options;
  options.widths.weight_bits = 1;
  CHECK(
      contains(error_of([&] { quantize(model, options); }), "weight_bits: found 1, wanted 2..16"));
  WeightScales scales = weight_scales(model, {});
  scales.layers[2][1] = 0.0;
  CHECK(error_of([&] { quantize(model, Widths{}, scales); }) ==
        "[quantize] decoder.0: found a scale of 0, wanted a positive number");
  scales.layers[2].pop_back();
  CHECK(
      contains(error_of([&] { quantize(model, Widths{}, scales); }), "found 19 scales, wanted 20"));
  options = with_widths(widths_16bit());
  options.widths.accumulator_bits = 32;
  CHECK(contains(error_of([&] { quantize(model, options); }), "its accumulator could reach"));
  parameter(model, "decoder.1.weight_hh").data[4] = std::nanf("");
  CHECK(error_of([&] { quantize(model); }) ==
        "[quantize] decoder.1.weight_hh: value 4 is not finite");
}
