// Integer models: what was saved comes back; an accumulator that could overflow is refused; so is
// everything else that does not fit.

#include <nlohmann/json.hpp>

#include "fli/io_testing.h"
#include "quant/quant_testing.h"
#include "taugate/quant/integer/integer_model_file.h"

using namespace taugate;
using namespace taugate::testing;
using nlohmann::json;

namespace {

bool same(const IntegerRows& a, const IntegerRows& b) {
  return a.rows == b.rows && a.cols == b.cols && a.weights == b.weights;
}
bool same(const IntegerLayer& a, const IntegerLayer& b) {
  return a.inputs == b.inputs && a.hidden == b.hidden && same(a.input, b.input) &&
         same(a.recurrent, b.recurrent) && a.bias == b.bias &&
         a.recurrent_bias == b.recurrent_bias && a.requantizers == b.requantizers;
}
bool same(const IntegerModel& a, const IntegerModel& b) {
  bool layers = a.layers.size() == b.layers.size();
  for (std::size_t k = 0; layers && k < a.layers.size(); ++k)
    layers = same(a.layers[k], b.layers[k]);
  return layers && a.description == b.description && a.widths == b.widths && same(a.head, b.head) &&
         a.head_bias == b.head_bias && a.head_requantizers == b.head_requantizers &&
         a.notes == b.notes;
}

StoredTensor& tensor(Safetensors& content, const std::string& name) {
  for (auto& t : content.tensors)
    if (t.name == name) return t;
  FAIL("no tensor ", name);
  return content.tensors.front();
}

struct Stored {
  Folder folder;
  std::filesystem::path path = folder.path / "student.safetensors";

  explicit Stored(const IntegerModel& model) { save_integer_model(path, model); }
  std::string error() const {
    return error_of([&] { load_integer_model(path); });
  }
  /// The message after a change to the file.
  template <class Change>
  std::string after(Change change) const {
    Safetensors content = read_safetensors(path);
    const std::string bytes = read_file(path);
    change(content);
    write_safetensors(path, content);
    const std::string message = error();
    write_file(path, bytes);
    return message;
  }
  /// The message after a flip of one bit of the last tensor.
  std::string flipped() const {
    const std::string bytes = read_file(path);
    std::string damaged = bytes;
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    write_file(path, damaged);
    const std::string message = error();
    write_file(path, bytes);
    return message;
  }
  template <class Change>
  std::string configured(Change change) const {
    return after([&](Safetensors& c) {
      json entry = json::parse(c.metadata.at("taugate.integer_model"));
      change(entry);
      c.metadata["taugate.integer_model"] = entry.dump();
    });
  }
};

IntegerModel small_model(std::vector<int> hidden = {3, 5}) {
  Random rng(1, 0);
  return random_model({.hidden = std::move(hidden)}, rng);
}

}  // namespace

TEST_CASE("an integer model comes back, whatever its weights' bits") {
  for (int bits = 2; bits <= 16; ++bits)
    for (GruForm form : {GruForm::reset_after, GruForm::reset_before}) {
      Random rng(static_cast<std::uint64_t>(bits), 0);
      Widths widths;
      widths.weight_bits = bits;
      widths.accumulator_bits = bits > 12 ? 64 : 32;
      IntegerModel model =
          random_model({.form = form,
                        .activation = bits % 2 ? Activation::hard : Activation::smooth,
                        .widths = widths,
                        .outputs = 3},
                       rng);
      model.notes = {{"simulator", "{}"}, {"first_gate_ns", "1.5"}};
      CHECK(same(load_integer_model(Stored(model).path), model));
    }
}

TEST_CASE("how the state is written back is in the file, for programs that know of it") {
  Widths widths;
  const auto version_of = [&] {
    Random rng(4, 0);
    const IntegerModel model = random_model({.widths = widths}, rng);
    const Stored stored(model);
    CHECK(load_integer_model(stored.path).widths == widths);
    return json::parse(read_safetensors(stored.path).metadata.at("taugate.integer_model"))
        .at("arithmetic")
        .get<int>();
  };
  CHECK(version_of() == 1);
  widths.write_back = WriteBack::stochastic;
  CHECK(version_of() == 2);
  widths = {};
  widths.residual_bits = 10;
  CHECK(version_of() == 2);
  widths.write_back = WriteBack::feedback;
  CHECK(version_of() == 2);
  widths = {};
  widths.state_frac_bits = 3;  // fewer than the operand's
  CHECK(version_of() == 2);
}

TEST_CASE("the 32-unit student takes 12 KB with 8-bit weights, 8 KB with 4-bit ones") {
  for (const auto& [bits, most] : {std::pair{8, 12000u}, std::pair{4, 8000u}}) {
    Random rng(2, 0);
    Widths widths;
    widths.weight_bits = bits;
    const IntegerModel model =
        random_model({.widths = widths, .hidden = {32}, .gates = 70, .outputs = 1}, rng);
    CHECK(std::filesystem::file_size(Stored(model).path) <= most);
    CHECK(multiply_accumulates(model) == 70 * (96 * 33 + 96 * 32 + 32));
  }
}

TEST_CASE("accumulators: the bound is reached, and one more is refused by name") {
  IntegerModel model = small_model();
  IntegerLayer& layer = model.layers[3];
  const int row = 2 * layer.hidden + 4;  // n of the last unit
  std::int64_t products = 0;
  for (int k = 0; k < layer.inputs; ++k) products += 127 * std::abs(layer.input.row(row)[k]);
  layer.requantizers[static_cast<std::size_t>(row)] = {1, 20};
  for (int sign : {-1, 1}) {
    layer.bias[static_cast<std::size_t>(row)] = sign * (2147483647 - products);
    CHECK_NOTHROW(model.validate());
    layer.bias[static_cast<std::size_t>(row)] += sign;
    CHECK(error_of([&] { model.validate(); }) ==
          "[integer model] decoder.1: gate n, row 4: its accumulator could reach 2147483648, "
          "wanted at most 2147483647 (32 bits)");
  }
  layer.bias[static_cast<std::size_t>(row)] = 0;
  layer.recurrent_bias[2] = std::numeric_limits<std::int64_t>::min();
  CHECK(contains(error_of([&] { model.validate(); }), "decoder.1: gate s, row 2"));
  layer.recurrent_bias[2] = 0;
  model.widths.accumulator_bits = 64;
  model.head_bias[1] = power_of_two(60);
  model.head_requantizers[1] = {9, 0};
  CHECK(contains(error_of([&] { model.validate(); }),
                 "[integer model] head: gate y, row 1: an accumulator of up to"));
}

TEST_CASE("accumulator bounds are what the worst operands give") {
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before}) {
    Random rng(3, 0);
    Widths widths;
    widths.product_frac_bits = 10;
    const IntegerModel model = random_model({.form = form, .widths = widths}, rng);
    const IntegerLayer& layer = model.layers[1];
    const int H = layer.hidden;
    // Operands of the sign of the weights and of the bias, at their corners.
    const auto worst = [](const IntegerRows& m, int row, std::int64_t bias, int most) {
      std::vector<std::int32_t> x;
      for (int k = 0; k < m.cols; ++k)
        x.push_back((m.row(row)[k] < 0) == (bias < 0) ? most : -most);
      return dot(m, row, x.data());
    };
    int seen = 0;
    for (const AccumulatorBound& b : accumulator_bounds(model)) {
      if (b.layer != "encoder.1") continue;
      ++seen;
      const int row = (b.gate == 'r' ? 0 : b.gate == 'z' ? H : 2 * H) + b.row;
      std::int64_t bias = layer.bias[static_cast<std::size_t>(row)];
      std::int64_t reached = 0;
      if (b.gate == 's') {
        bias = layer.recurrent_bias[static_cast<std::size_t>(b.row)];
        reached = bias + worst(layer.recurrent, row, bias, 127);
      } else {
        const bool product = b.gate == 'n' && form == GruForm::reset_before;
        reached = bias + worst(layer.input, row, bias, 127) * (product ? 8 : 1);
        if (b.gate != 'n' || product)
          reached += worst(layer.recurrent, row, bias, product ? 1023 : 127);
      }
      CHECK(std::abs(reached) == b.most);
    }
    CHECK(seen == (form == GruForm::reset_after ? 4 : 3) * H);
  }
}

TEST_CASE("a model whose parts do not fit together is refused") {
  const auto message = [](auto change) {
    IntegerModel model = small_model();
    change(model);
    return error_of([&] { model.validate(); });
  };
  CHECK(message([](IntegerModel&) {}).empty());
  CHECK(contains(message([](auto& m) { m.description.gates = 0; }), "gates: found 0"));
  CHECK(contains(message([](auto& m) { m.layers.pop_back(); }), "found 3 layers, wanted 4"));
  CHECK(contains(message([](auto& m) { m.layers[1].inputs = 4; }), "encoder.1: found 4 inputs"));
  CHECK(contains(message([](auto& m) { m.layers[1].hidden = 4; }), "encoder.1"));
  CHECK(contains(message([](auto& m) { m.layers[2].hidden = 4; }),
                 "decoder.0: found 4 units, wanted 3"));
  CHECK(contains(message([](auto& m) { m.layers[0].recurrent.weights.pop_back(); }), "encoder.0"));
  CHECK(contains(message([](auto& m) { m.head.weights[3] = 128; }),
                 "head: weight 3: found 128, wanted 8 bits"));
  CHECK(contains(message([](auto& m) { m.layers[3].bias.pop_back(); }),
                 "decoder.1: found 14 biases"));
  CHECK(contains(message([](auto& m) { m.layers[3].recurrent_bias.clear(); }), "recurrent biases"));
  CHECK(contains(message([](auto& m) { m.layers[0].requantizers.pop_back(); }),
                 "encoder.0: found 11 multipliers, wanted 12"));
  CHECK(contains(message([](auto& m) { m.layers[0].requantizers[0].multiplier = 0; }),
                 "found multiplier 0"));
  CHECK(contains(message([](auto& m) { m.head_requantizers[0].shift = 63; }), "shift 63"));
  CHECK(contains(message([](auto& m) { m.widths.weight_bits = 17; }), "weight_bits: found 17"));
}

TEST_CASE("a damaged or foreign file is refused in one line") {
  const Stored stored(small_model());
  CHECK(contains(stored.flipped(), "is damaged: its content has the checksum"));
  CHECK(stored.error().empty());
  CHECK(contains(stored.configured([](json& j) { j["arithmetic"] = 3; }),
                 "found a model for version 3 of the integer arithmetic, wanted version 1 or 2"));
  CHECK(contains(stored.configured([](json& j) { j["arithmetic"] = 2; }), "damaged"));
  CHECK(contains(stored.configured([](json& j) {
    j["arithmetic"] = 2, j["widths"]["residual_bits"] = 0, j["widths"]["write_back"] = "up";
  }),
                 "write-back: found 'up', wanted nearest"));
  CHECK(contains(stored.configured([](json& j) { j["widths"]["weight_bits"] = 1; }),
                 "weight_bits: found 1, wanted 2..16"));
  CHECK(contains(stored.configured([](json& j) { j["widths"]["weight_bits"] = 8.5; }),
                 "found 8.5, wanted a whole number"));
  CHECK(
      contains(stored.configured([](json& j) { j["widths"].erase("state_fraction"); }), "damaged"));
  CHECK(contains(stored.configured([](json& j) { j["form"] = "lstm"; }), "lstm"));
  CHECK(
      contains(stored.configured([](json& j) { j["hidden"] = json::array(); }), "found 0 layers"));
  CHECK(contains(stored.configured([](json& j) { j["hidden"] = {3, 4097}; }), "found 4097 units"));
  CHECK(contains(stored.configured([](json& j) { j["hidden"] = {3, 6}; }), "encoder.1.weight_ih"));
  CHECK(contains(stored.configured([](json& j) { j["widths"]["weight_bits"] = 4; }),
                 "'encoder.0.weight_ih': found I8 [9][1], wanted U8 [9][1]"));
  CHECK(
      contains(stored.after([](Safetensors& c) { c.metadata.clear(); }), "found no integer model"));
  CHECK(contains(stored.after([](Safetensors& c) {
    c.metadata = {{"taugate.model", "{}"}};
  }),
                 "found a float model"));
  CHECK(contains(stored.after([](Safetensors& c) { tensor(c, "head.bias").name = "head.b"; }),
                 "'head.bias' is missing"));
  CHECK(contains(
      stored.after([](Safetensors& c) { c.add_integers("extra", {1}, c.tensors[0].bytes.data()); }),
      "found tensor 'extra'"));
  CHECK(contains(stored.after([](Safetensors& c) {
    tensor(c, "encoder.1.bias_ih").bytes.replace(0, 4, "\xff\xff\xff\x7f");
  }),
                 "encoder.1: gate r, row 0: its accumulator could reach"));
  CHECK(
      contains(stored.after([](Safetensors& c) { tensor(c, "encoder.1.shift").bytes[2] = '\x40'; }),
               "with shift 64"));
}
