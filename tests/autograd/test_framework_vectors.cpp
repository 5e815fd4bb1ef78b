// GRU networks with random weights and the outputs that Keras and PyTorch gave for them: the truth
// about gate order, reset form and biases. A wrong order or form is off by 1e-2.

#include <fstream>
#include <nlohmann/json.hpp>

#include "taugate/autograd/gru.h"
#include "taugate/autograd/ops.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;
using Json = nlohmann::json;

namespace {

std::vector<double> read_column(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<double> values;
  for (double v; in >> v;) values.push_back(v);
  return values;
}

Json read_json(const std::filesystem::path& file) {
  std::ifstream in(file);
  return Json::parse(in);
}

/// Weights in the arena, from nested arrays in row-major order, or transposed.
template <class S>
Weight<S> matrix(Arena& arena, const Json& rows, bool transpose = false) {
  const bool vector = !rows[0].is_array();
  const int r = static_cast<int>(rows.size()), c = vector ? 1 : static_cast<int>(rows[0].size());
  auto m = transpose ? arena.matrix<S>(c, r) : arena.matrix<S>(r, c);
  for (int i = 0; i < r; ++i)
    for (int j = 0; j < c; ++j)
      (transpose ? m.at(j, i) : m.at(i, j)) = vector ? rows[i].get<S>() : rows[i][j].get<S>();
  return {m, {}};
}

/// Keras stacks its gates z, r, h along the columns; here they are r, z, n along the rows.
template <class S>
Weight<S> from_keras_gates(Arena& arena, const Json& rows) {
  Weight<S> keras = matrix<S>(arena, rows, true);
  auto m = arena.matrix<S>(keras.value.rows, keras.value.cols);
  const int H = keras.value.rows / 3;
  for (int gate = 0; gate < 3; ++gate) {
    const int from = gate == 0 ? 1 : gate == 1 ? 0 : 2;
    std::copy_n(keras.value.row(from * H), H * keras.value.cols, m.row(gate * H));
  }
  return {m, {}};
}

template <class S>
Var<S> keras_network(Tape<S>& tape, Var<S> x, const Json& layers) {
  Arena& arena = tape.arena();
  for (const auto& layer : layers) {
    const auto& w = layer["weights"];
    const std::string type = layer["type"], activation = layer["activation"];
    if (type == "gru") {
      GruWeights<S> g;
      g.input = from_keras_gates<S>(arena, w[0]);
      g.recurrent = from_keras_gates<S>(arena, w[1]);
      g.input_bias = from_keras_gates<S>(arena, Json::array({w[2][0]}));
      g.recurrent_bias = from_keras_gates<S>(arena, Json::array({w[2][1]}));
      x = gru(tape, x, {}, g);
    } else {
      x = linear(tape, x, matrix<S>(arena, w[0], true), matrix<S>(arena, w[1]));
      if (activation == "tanh") x = tanh(tape, x);
      if (activation == "sigmoid") x = sigmoid(tape, x);
    }
  }
  return x;
}

template <class S>
Var<S> torch_network(Tape<S>& tape, Var<S> x, const Json& state) {
  Arena& arena = tape.arena();
  for (const std::string layer : {"gru.%_l0", "gru2.%_l0", "gru2.%_l1", "gru2.%_l2"}) {
    const auto get = [&](const std::string& name) {
      std::string key = layer;
      return matrix<S>(arena, state.at(key.replace(key.find('%'), 1, name)));
    };
    x = gru(tape, x, {},
            GruWeights<S>{get("weight_ih"), get("weight_hh"), get("bias_ih"), get("bias_hh")});
  }
  return linear(tape, x, matrix<S>(arena, state.at("dense.weight")),
                matrix<S>(arena, state.at("dense.bias")));
}

/// Largest difference from the framework's output.
template <class S>
double error_of(const std::filesystem::path& folder, const std::string& name) {
  const Json json = read_json(folder / (name + ".json"));
  const auto xs = read_column(folder / (name + "_x_python.csv"));
  const auto ys = read_column(folder / (name + "_y_python.csv"));
  REQUIRE(xs.size() == ys.size());
  REQUIRE(xs.size() >= 100);
  Arena arena;
  Tape<S> tape(arena);
  auto x = arena.zero_sequence<S>(static_cast<int>(xs.size()), 1, 1);
  for (std::size_t t = 0; t < xs.size(); ++t)
    x.at(static_cast<int>(t), 0, 0) = static_cast<S>(xs[t]);
  const Var<S> y = json.contains("layers") ? keras_network(tape, tape.input(x), json["layers"])
                                           : torch_network(tape, tape.input(x), json);
  double worst = 0.0;
  for (std::size_t t = 0; t < ys.size(); ++t)
    worst = std::max(worst, std::abs(y.value.at(static_cast<int>(t), 0, 0) - ys[t]));
  return worst;
}

}  // namespace

TEST_CASE("networks of Keras and PyTorch give the outputs that those frameworks gave") {
  const std::filesystem::path data = std::filesystem::path(TAUGATE_SOURCE_DIR) / "tests/data/gru";
  for (const std::string name : {"gru_1d", "gru", "gru_torch"}) {
    CAPTURE(name);
    const double in_double = error_of<double>(data, name);
    const double in_float = error_of<float>(data, name);
    MESSAGE(name << ": largest difference " << in_double << " in double, " << in_float
                 << " in float");
    CHECK(in_double <= 1e-6);
    CHECK(in_float <= 1e-6);
  }
}
