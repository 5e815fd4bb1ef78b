// The step that docs/fixed-point.md works out in numbers: its lines are made here and must stand
// there.

#include <cstdio>

#include "fli/io_testing.h"
#include "quant/quant_testing.h"
#include "taugate/nn/model.h"
#include "taugate/quant/ptq/quantize.h"

using namespace taugate;

namespace {

template <class... Values>
std::string text(const char* format, Values... values) {
  char line[200];
  std::snprintf(line, sizeof line, format, values...);
  return line;
}

/// One unit: W = (0.5, -0.8, 1.2), U = (0.3, 1.1, -0.7), b = (0.1, 0.4, -0.2), c = (0, 0.2, 0.3).
Model one_unit() {
  Model model({.gates = 1, .hidden = {1}});
  const auto set = [&](const std::string& name, std::vector<float> values) {
    for (const auto& entry : model.parameters().entries())
      if (entry.name == "encoder.0." + name)
        std::copy(values.begin(), values.end(), model.parameters().matrix(entry.at).data);
  };
  set("weight_ih", {0.5f, -0.8f, 1.2f});
  set("weight_hh", {0.3f, 1.1f, -0.7f});
  set("bias_ih", {0.1f, 0.4f, -0.2f});
  set("bias_hh", {0.0f, 0.2f, 0.3f});
  return model;
}

std::string scale_line(const IntegerLayer& layer, const WeightScales& scales, int row) {
  const char* names[]{"r", "z", "W_n", "U_n"};
  const int i = row % 3 + (row == 3 ? 2 : 0);
  const bool has_w = row != 3, has_u = row != 2;
  const auto at = static_cast<std::size_t>(row);
  return text("| %s | %.6f | %s | %s | %lld | %d / 2^%d |", names[row], scales.layers[0][at],
              has_w ? text("%d", layer.input.row(i)[0]).c_str() : "",
              has_u ? text("%d", layer.recurrent.row(i)[0]).c_str() : "",
              static_cast<long long>(row == 3 ? layer.recurrent_bias[0] : layer.bias[at]),
              int{layer.requantizers[at].multiplier}, int{layer.requantizers[at].shift});
}

}  // namespace

TEST_CASE("docs/fixed-point.md: the worked step") {
  const std::string page =
      read_file(std::filesystem::path(TAUGATE_SOURCE_DIR) / "docs/fixed-point.md");
  const auto stands_there = [&](const std::string& line) {
    INFO("docs/fixed-point.md lacks the line\n", line);
    CHECK(contains(page, line + "\n"));
  };
  const Model model = one_unit();
  const WeightScales scales = weight_scales(model, {});
  const IntegerModel integers = quantize(model);
  const IntegerLayer& layer = integers.layers[0];
  for (int row = 0; row < 4; ++row) stands_there(scale_line(layer, scales, row));

  const Arithmetic a(integers.widths, integers.form(), integers.activation());
  const std::int32_t x = static_cast<std::int32_t>(a.input(0.75f));
  std::int32_t state = 13107;
  stands_there(text("| `x` | 0.75 * 128 | %d | 0.75000 |", x));
  stands_there(text("| `h` | | %d | %.5f |", state, state / 32768.0));
  const auto q = static_cast<int>(a.operand(state));
  const auto accumulator = [&](const char* name, int row, bool has_x, bool has_h) {
    const int at = row == 3 ? 2 : row;
    const std::int64_t bias = row == 3 ? layer.recurrent_bias[0] : layer.bias[at];
    const std::int64_t sum =
        bias + (has_x ? dot(layer.input, at, &x) : 0) + (has_h ? dot(layer.recurrent, at, &q) : 0);
    const double value = static_cast<double>(sum) * scales.layers[0][row] / 128.0;
    stands_there(text("| %s | %lld%s%s | %lld | %.5f |", name, static_cast<long long>(bias),
                      has_x ? text(" + (%d)*%d", layer.input.row(at)[0], x).c_str() : "",
                      has_h ? text(" + (%d)*%d", layer.recurrent.row(at)[0], q).c_str() : "",
                      static_cast<long long>(sum), value));
  };
  StepScratch scratch(1);
  gru_step(a, layer, &x, &state, scratch, [&](TensorId node, int, std::int64_t value) {
    const auto line = [&](const char* name, int fraction) {
      stands_there(text("| %s | %lld | %.5f |", name, static_cast<long long>(value),
                        std::ldexp(static_cast<double>(value), -fraction)));
    };
    switch (node) {
      case TensorId::operand:
        line("`q` | 13107 / 2^8", 7);
        break;
      case TensorId::reset_preact:
        accumulator("accumulator of r", 0, true, true);
        line("r before its function | requantized", 12);
        break;
      case TensorId::update_preact:
        accumulator("accumulator of z", 1, true, true);
        line("z before its function | requantized", 12);
        break;
      case TensorId::reset_gate:
        line("`r` | 64 + tanh's table / 2^9", 7);
        break;
      case TensorId::update_gate:
        line("`z` | 64 + tanh's table / 2^9", 7);
        break;
      case TensorId::input_preact:
        accumulator("accumulator of `W_n x + b_n`", 2, true, false);
        line("`W_n x + b_n` | requantized", 12);
        break;
      case TensorId::recurrent_preact:
        accumulator("accumulator of `s`", 3, false, true);
        line("`s = U_n h + c_n` | requantized", 12);
        break;
      case TensorId::candidate_preact:
        line("n before its function | `W_n x + b_n` + r s / 2^7", 12);
        break;
      case TensorId::candidate:
        line("`n` | tanh's table", 15);
        break;
      case TensorId::state:
        line("`h'` | (2^7 n + z (h - n)) / 2^7", 15);
        break;
      default:
        break;
    }
  });
}
