// The published student's form against its equations in doubles, to the last bit.

#include "fli/io_testing.h"
#include "quant/quant_testing.h"
#include "taugate/quant/integer/integer_model_file.h"
#include "taugate/quant/integer/qkeras_file.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kTraces = 40;
#else
constexpr std::size_t kTraces = 1024;
#endif
constexpr std::size_t T = 135, H = 32, C = 3;

std::vector<double> random_grid(Random& rng, std::size_t count, double deviation) {
  std::vector<double> values(count);
  for (double& v : values)
    v = std::clamp(std::nearbyint(128.0 * deviation * rng.normal()), -128.0, 127.0) / 128.0;
  return values;
}

/// W [3H][1], U [3H][H], b [3H]; gates r, z, n.
struct Side {
  std::vector<double> w, u, b;
  explicit Side(Random& rng, double deviation)
      : w(random_grid(rng, 3 * H, 1.0)),
        u(random_grid(rng, 3 * H * H, deviation)),
        b(random_grid(rng, 3 * H, 0.5)) {}
};

struct Student {
  Side encoder, decoder;
  std::vector<double> head, head_bias;  ///< [C][H], [C]
  Student(Random& rng, double deviation)
      : encoder(rng, deviation),
        decoder(rng, deviation),
        head(random_grid(rng, C * H, 0.4)),
        head_bias(random_grid(rng, C, 0.4)) {}
};

double quantized(double x) {  // quantized_bits(8, 0), symmetric
  return std::clamp(std::nearbyint(128.0 * x), -127.0, 127.0) / 128.0;
}
double hard_sigmoid(double x) { return std::clamp(0.5 * x + 0.5, 0.0, 1.0); }

/// One step, as the reference model of the published student states it.
void step(const Side& s, double x, std::vector<double>& h) {
  std::vector<double> qh(H), reset(H), z(H);
  for (std::size_t i = 0; i < H; ++i) qh[i] = quantized(h[i]);
  const auto row = [&](std::size_t i, const std::vector<double>& v) {
    double sum = 0.0;
    for (std::size_t k = 0; k < H; ++k) sum += s.u[i * H + k] * v[k];
    return s.w[i] * x + s.b[i] + sum;
  };
  for (std::size_t i = 0; i < H; ++i) {
    reset[i] = hard_sigmoid(row(i, qh)) * qh[i];
    z[i] = hard_sigmoid(row(H + i, qh));
  }
  for (std::size_t i = 0; i < H; ++i) {
    const double hh = quantized(std::clamp(row(2 * H + i, reset), -1.0, 1.0));
    h[i] = z[i] * qh[i] + (1.0 - z[i]) * hh;
  }
}

std::vector<double> run(const Student& s, const std::vector<double>& trace) {
  std::vector<double> h(H, 0.0), y;
  for (double x : trace) step(s.encoder, x, h);
  for (std::size_t t = 0; t < T; ++t) {
    step(s.decoder, 0.0, h);
    for (std::size_t c = 0; c < C; ++c) {
      double sum = s.head_bias[c];
      for (std::size_t k = 0; k < H; ++k) sum += s.head[c * H + k] * h[k];
      y.push_back(sum);
    }
  }
  return y;
}

Safetensors content_of(const Student& s, bool integers) {
  Safetensors out;
  out.metadata = {{"form", "qkeras"}, {"gates", "135"}, {"taugate.training", "QKeras"}};
  const auto add = [&](const std::string& name, std::vector<std::size_t> shape,
                       const std::vector<double>& values) {
    std::vector<float> floats(values.begin(), values.end());
    std::vector<std::int8_t> bytes;
    for (double v : values) bytes.push_back(static_cast<std::int8_t>(128.0 * v));
    if (integers)
      out.add_integers(name, shape, bytes.data());
    else
      out.add_floats(name, shape, floats.data());
  };
  for (const auto& [name, side] : {std::pair{"encoder.0", &s.encoder}, {"decoder.0", &s.decoder}}) {
    add(concat(name, ".weight_ih"), {3 * H, 1}, side->w);
    add(concat(name, ".weight_hh"), {3 * H, H}, side->u);
    add(concat(name, ".bias_ih"), {3 * H}, side->b);
  }
  add("head.weight", {C, H}, s.head);
  add("head.bias", {C}, s.head_bias);
  return out;
}

}  // namespace

TEST_CASE("the QKeras form equals its equations in doubles, over random weights") {
  const Folder folder;
  const std::size_t models = 4, traces = kTraces / models;
  for (std::uint64_t m = 0; m < models; ++m) {
    CAPTURE(m);
    Random rng(23, m);
    const Student student(rng, 0.1 + 0.15 * static_cast<double>(m));  // the last ones saturate
    const auto path = folder.path / "student.safetensors";
    write_safetensors(path, content_of(student, m % 2 == 1));
    // As it is read, and with samples finer than the state.
    const int fraction = m < 2 ? 7 : m == 2 ? 10 : 15;
    const double grid = std::ldexp(1.0, fraction);
    const IntegerModel model = m < 2
                                   ? load_integer_model(path)
                                   : qkeras_model(read_safetensors(path), "student", fraction + 1);
    Running<IntegerExecutor> engine(model);
    if (m < 2) CHECK(model.notes.at("training") == "QKeras");
    std::vector<std::int16_t> words;
    for (std::size_t i = 0; i < traces * T; ++i)
      words.push_back(
          static_cast<std::int16_t>(std::clamp(0.6 * grid * rng.normal(), 1.0 - grid, grid - 1.0)));
    std::vector<std::int64_t> output(traces * T * C);
    engine.run_words(words, output);
    std::size_t wrong = 0, saturated = 0;
    for (std::size_t i = 0; i < traces; ++i) {
      std::vector<double> trace;
      for (std::size_t t = 0; t < T; ++t) trace.push_back(words[i * T + t] / grid);
      const std::vector<double> wanted = run(student, trace);
      for (std::size_t j = 0; j < T * C; ++j) {
        wrong +=
            std::ldexp(static_cast<double>(output[i * T * C + j]), 7 - 29 - fraction) != wanted[j];
        saturated += std::abs(wanted[j]) > 1.0;
      }
    }
    CHECK(wrong == 0);
    CHECK(saturated > 0);
  }
}

TEST_CASE("the QKeras form's files: what is refused") {
  const Folder folder;
  const auto path = folder.path / "student.safetensors";
  Random rng(29, 0);
  const Student student(rng, 0.2);
  const auto message = [&](auto change) {
    Safetensors content = content_of(student, false);
    change(content);
    write_safetensors(path, content);
    return error_of([&] { load_integer_model(path); });
  };
  const auto set = [](Safetensors& c, const std::string& name, std::size_t at, float value) {
    for (auto& t : c.tensors)
      if (t.name == name) std::memcpy(t.bytes.data() + 4 * at, &value, 4);
  };
  CHECK(message([](Safetensors&) {}).empty());
  CHECK(contains(message([&](auto& c) { set(c, "encoder.0.weight_hh", 17, 0.3f); }),
                 "tensor 'encoder.0.weight_hh': value 17: found 0.3, wanted k/128 with k in "
                 "-128..127"));
  CHECK(contains(message([&](auto& c) { set(c, "head.bias", 2, 1.0f); }), "'head.bias': value 2"));
  CHECK(contains(message([&](auto& c) { set(c, "decoder.0.bias_ih", 5, std::nanf("")); }),
                 "'decoder.0.bias_ih': value 5"));
  CHECK(contains(message([](auto& c) { c.metadata.erase("gates"); }), "\"gates\""));
  CHECK(contains(message([](auto& c) { c.metadata["gates"] = "135 steps"; }), "found 135 steps"));
  CHECK(contains(message([](auto& c) { c.metadata["gates"] = "0"; }), "gates: found 0"));
  CHECK(contains(message([](auto& c) { c.tensors.pop_back(); }), "'head.bias' is missing"));
  CHECK(contains(message([](auto& c) {
                   c.tensors[1].shape = {2 * H, 3 * H / 2};
                 }),
                 "found shape [64][48], wanted [3H][H]"));
  CHECK(contains(message([](auto& c) {
                   c.tensors[0].shape = {3, H};
                 }),
                 "found shape [3][32], wanted [96][1]"));
  CHECK(contains(message([](auto& c) { c.tensors[2].name = "encoder.0.bias_hh"; }),
                 "'encoder.0.bias_hh', which the QKeras form has no place for"));
  // The zero-fed decoder's input weights may be there or not.
  CHECK(message([](auto& c) { c.tensors.erase(c.tensors.begin() + 3); }).empty());
  const std::vector<std::int16_t> k(3, 0);
  CHECK(contains(message([&](auto& c) {
                   c.tensors.pop_back();
                   c.add_integers("head.bias", {3}, k.data());
                 }),
                 "found I16, wanted I8, the k of k/128"));
}
