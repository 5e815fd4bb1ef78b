// The published student through the door: files as QKeras and others write them, taugate import,
// taugate infer; and every value against the student's equations in doubles, in Keras' own order.

#include <cmath>
#include <functional>

#include "hdf5_writer.h"
#include "program.h"
#include "taugate/core/random.h"
#include "taugate/core/safetensors.h"
#include "taugate/fli/formats/npy.h"

using namespace taugate;
using namespace taugate::testing;

namespace {

constexpr int T = 135, H = 32, C = 3, kTraces = 24;
const std::string kImport = " --form qkeras --preset ss3-135 --baseline-gates 10 ";

/// Integers k that stand for k/128, row-major.
struct Weights {
  std::vector<std::size_t> shape;
  std::vector<std::int8_t> k;
  double at(int row, int column) const {
    return k[static_cast<std::size_t>(row) * shape.back() + static_cast<std::size_t>(column)] /
           128.0;
  }
  std::vector<float> floats() const {
    std::vector<float> values;
    for (const std::int8_t x : k) values.push_back(static_cast<float>(x) / 128.0f);
    return values;
  }
};
Weights random_weights(Random& rng, std::vector<std::size_t> shape, double deviation) {
  std::size_t count = 1;
  for (const std::size_t extent : shape) count *= extent;
  Weights a{std::move(shape), {}};
  for (std::size_t i = 0; i < count; ++i)
    a.k.push_back(
        static_cast<std::int8_t>(std::clamp(128.0 * deviation * rng.normal(), -128.0, 127.0)));
  return a;
}

/// kernel [I][3H], recurrent [H][3H], bias [3H]; columns z, r, h.
struct Gru {
  Weights kernel, recurrent, bias;
  Gru(Random& rng, std::size_t inputs, double deviation)
      : kernel(random_weights(rng, {inputs, 3 * H}, 0.6)),
        recurrent(random_weights(rng, {H, 3 * H}, deviation)),
        bias(random_weights(rng, {3 * H}, 0.3)) {}
};
struct Student {
  Gru encoder, decoder;
  Weights kernel, bias;  ///< [H][C], [C]
  explicit Student(Random& rng, std::size_t fed = 1, double deviation = 0.2)
      : encoder(rng, 1, deviation),
        decoder(rng, fed, deviation),
        kernel(random_weights(rng, {H, C}, 0.4)),
        bias(random_weights(rng, {C}, 0.2)) {}
  /// LAYER, the array's name, the array.
  void visit(const std::function<void(const std::string&, const std::string&, const Weights&)>& f,
             const std::string& first = "encoder", const std::string& second = "decoder",
             const std::string& last = "head") const {
    for (const auto& [name, gru] : {std::pair{first, &encoder}, {second, &decoder}}) {
      f(name, "kernel", gru->kernel);
      f(name, "recurrent_kernel", gru->recurrent);
      f(name, "bias", gru->bias);
    }
    f(last, "kernel", kernel);
    f(last, "bias", bias);
  }
};

double to_k(double x, double grid) {
  return std::clamp(std::nearbyint(grid * x), 1.0 - grid, grid - 1.0) / grid;
}
double hard_sigmoid(double x) { return std::clamp(0.5 * x + 0.5, 0.0, 1.0); }

/// A step of QGRUCell: state_quantizer, reset_after=False, activation=quantized_tanh(8).
void step(const Gru& g, double x, std::vector<double>& state) {
  std::vector<double> h(H), rh(H), z(H);
  for (int u = 0; u < H; ++u) h[u] = to_k(state[u], 128.0);
  const auto column = [&](int c, const std::vector<double>& v) {
    double sum = x * g.kernel.at(0, c) + g.bias.at(0, c);
    for (int k = 0; k < H; ++k) sum += v[k] * g.recurrent.at(k, c);
    return sum;
  };
  for (int u = 0; u < H; ++u) {
    z[u] = hard_sigmoid(column(u, h));
    rh[u] = hard_sigmoid(column(H + u, h)) * h[u];
  }
  for (int u = 0; u < H; ++u) {
    const double hh = to_k(std::clamp(column(2 * H + u, rh), -1.0, 1.0), 128.0);
    state[u] = z[u] * h[u] + (1.0 - z[u]) * hh;
  }
}

/// counts [T] to [T][C]; samples on the grid of 1/grid.
std::vector<double> run_student(const Student& s, const float* counts, double grid) {
  double base = 0.0, peak = 0.0;
  for (int t = 0; t < 10; ++t) base += counts[t] / 10.0;
  for (int t = 0; t < T; ++t) peak = std::max(peak, counts[t] - base);
  std::vector<double> h(H, 0.0), y;
  for (int t = 0; t < T; ++t)
    step(s.encoder, to_k(static_cast<float>(std::max(0.0, counts[t] - base) / peak), grid), h);
  for (int t = 0; t < T; ++t) {
    step(s.decoder, 0.0, h);
    for (int c = 0; c < C; ++c) {
      double sum = s.bias.at(0, c);
      for (int k = 0; k < H; ++k) sum += h[k] * s.kernel.at(k, c);
      y.push_back(sum);
    }
  }
  return y;
}

/// Decays of counts up to 3,000 on a background.
std::vector<float> random_counts(Random& rng) {
  std::vector<float> counts;
  for (int n = 0; n < kTraces; ++n) {
    const double tau = rng.uniform(0.2, 1.5), peak = std::exp(rng.uniform(3.0, 8.0));
    for (int t = 0; t < T; ++t)
      counts.push_back(static_cast<float>(
          rng.below(4) +
          static_cast<std::uint64_t>(
              t < 12 ? 0.0 : peak * std::exp(-0.09 * (t - 12) / tau) * rng.uniform(0.8, 1.2))));
  }
  return counts;
}

/// Puts k as I8, or k/128 as F32.
void put(Safetensors& out, const std::string& name, const Weights& a, bool integers) {
  if (integers)
    out.add_integers(name, a.shape, a.k.data());
  else
    out.add_floats(name, a.shape, a.floats().data());
}
void put(Hdf5Writer& out, const std::string& path, const Weights& a, bool integers) {
  if (integers)
    out.put(path, a.shape, a.k);
  else
    out.put(path, a.shape, a.floats());
}

/// LAYER/LAYER/qgru_cell/kernel:0 below `root`, as save_weights and save of Keras 2 write it.
void write_h5(const fs::path& path, const Student& s, const std::string& root, bool integers,
              const char* config = nullptr) {
  Hdf5Writer file(path);
  s.visit([&](const std::string& layer, const std::string& part, const Weights& a) {
    const char* cell = layer == "head" ? "/" : "/qgru_cell_1/";
    put(file, concat(root, layer, '/', layer, cell, part, ":0"), a, integers);
  });
  if (config) file.attribute("/", "model_config", config);
}
/// layers/qgru/cell/vars/0 ..., as .weights.h5 has it.
void write_numbered(const fs::path& path, const Student& s) {
  Hdf5Writer file(path);
  s.visit(
      [&](const std::string& layer, const std::string& part, const Weights& a) {
        const int number = part == "kernel"                       ? 0
                           : part == "bias" && layer == "q_dense" ? 1
                           : part == "bias"                       ? 2
                                                                  : 1;
        put(file, concat("layers/", layer, layer == "q_dense" ? "" : "/cell", "/vars/", number), a,
            false);
      },
      "qgru", "qgru_1", "q_dense");
}
void write_keras_names(const fs::path& path, const Student& s, const char* between, bool integers) {
  Safetensors out;
  s.visit([&](const std::string& layer, const std::string& part, const Weights& a) {
    put(out, layer + between + part, a, integers);
  });
  write_safetensors(path, out);
}
/// PyTorch's names and order: [3H][I], rows r, z, n.
Safetensors torch_content(const Student& s, bool integers) {
  Safetensors out;
  out.metadata["gates"] = "135";
  s.visit([&](const std::string& layer, const std::string& part, const Weights& a) {
    const std::size_t rows = part == "bias" ? 1 : a.shape[0], columns = a.shape.back();
    Weights turned{{columns, rows}, {}};
    for (std::size_t c = 0; c < columns; ++c) {
      const std::size_t from = layer == "head" || c >= 2 * H ? c : c < H ? c + H : c - H;
      for (std::size_t r = 0; r < rows; ++r) turned.k.push_back(a.k[r * columns + from]);
    }
    if (part == "bias") turned.shape = {columns};
    if (layer == "head")
      put(out, part == "bias" ? "head.bias" : "head.weight", turned, integers);
    else
      put(out,
          layer + (part == "bias"     ? ".0.bias_ih"
                   : part == "kernel" ? ".0.weight_ih"
                                      : ".0.weight_hh"),
          turned, integers);
  });
  return out;
}

Outcome import_of(const Folder& folder, const std::string& file, const std::string& options = "") {
  return run(folder, "import " + file + kImport + "-o s.safetensors " + options);
}

/// Values of sfd.npy that differ from the student's.
int wrong_values(const Folder& folder, const Student& s, const std::vector<float>& counts,
                 double grid) {
  const Outcome o =
      run(folder, "infer s.safetensors counts.npy -o r --no-pictures --bin 0.09 --period 12.5");
  REQUIRE_MESSAGE(o.code == 0, o.err);
  const auto sfd = read_npy<float>(folder / "r" / "sfd.npy");
  REQUIRE(sfd.values.size() == static_cast<std::size_t>(kTraces * T * C));
  int wrong = 0;
  for (int n = 0; n < kTraces; ++n) {
    const std::vector<double> wanted =
        run_student(s, &counts[static_cast<std::size_t>(n * T)], grid);
    for (std::size_t i = 0; i < wanted.size(); ++i)
      wrong += sfd.values[static_cast<std::size_t>(n) * wanted.size() + i] !=
               static_cast<float>(wanted[i]);
  }
  return wrong;
}

}  // namespace

TEST_CASE("a QKeras student's files, imported: every value of infer is the student's own") {
  const Folder folder;
  Random rng(31, 0);
  const std::vector<float> counts = random_counts(rng);
  write_npy<float>(folder / "counts.npy", {'f', 4, false}, {kTraces, T}, counts);
  const Student s(rng), wide(rng, C, 0.35);  // the wide one saturates
  const std::vector<std::pair<std::string, std::function<void(const fs::path&)>>> files{
      {"weights.h5", [&](const fs::path& p) { write_h5(p, s, "", false); }},
      {"integers.h5", [&](const fs::path& p) { write_h5(p, s, "", true); }},
      {"model.h5", [&](const fs::path& p) { write_h5(p, s, "model_weights/", false); }},
      {"s.weights.h5", [&](const fs::path& p) { write_numbered(p, s); }},
      {"slash.st", [&](const fs::path& p) { write_keras_names(p, s, "/", true); }},
      {"dot.st", [&](const fs::path& p) { write_keras_names(p, s, ".", false); }},
      {"underscore.st", [&](const fs::path& p) { write_keras_names(p, s, "_", true); }},
      {"torch.st", [&](const fs::path& p) { write_safetensors(p, torch_content(s, true)); }},
      {"torch32.st", [&](const fs::path& p) { write_safetensors(p, torch_content(s, false)); }}};
  for (const auto& [file, write] : files) {
    const std::string name = file;  // clang 14 captures no binding
    CAPTURE(name);
    write(folder / name);
    const Outcome o = import_of(folder, name);
    REQUIRE_MESSAGE(o.code == 0, o.err);
    CHECK(contains(o.out, "reset_before, hard activations; 135 gates, 3 output(s)"));
    CHECK(wrong_values(folder, s, counts, 32768.0) == 0);
  }
  write_h5(folder / "wide.h5", wide, "", false);
  for (const int bits : {8, 11, 16}) {
    CAPTURE(bits);
    REQUIRE(import_of(folder, "wide.h5", concat("--input-bits ", bits)).code == 0);
    CHECK(wrong_values(folder, wide, counts, std::ldexp(1.0, bits - 1)) == 0);
  }
}

TEST_CASE("what the other commands make of an imported student") {
  const Folder folder;
  Random rng(37, 0);
  write_h5(folder / "w.h5", Student(rng), "", false);
  REQUIRE(import_of(folder, "w.h5").code == 0);
  const Outcome info = run(folder, "info s.safetensors");
  CHECK(info.code == 0);
  CHECK(contains(info.out, "135 gates of 0.09 ns"));
  CHECK(contains(info.out,
                 "weights 8, operand 8, gates 24, candidate 8, carried state 31, input 16"));
  const Outcome evaluated = run(folder, "evaluate s.safetensors --samples 200");
  CHECK_MESSAGE(evaluated.code == 0, evaluated.err);
  const auto refused = [&](const std::string& command, const std::string& part) {
    const Outcome o = run(folder, command);
    CHECK(o.code == 1);
    CHECK(one_line(o.err));
    CHECK_MESSAGE(contains(o.err, part), o.err);
  };
  refused("export-onnx s.safetensors -o s.onnx", "found a model of integers");
  refused("export-rtl s.safetensors -o rtl", "found a reset_before model, wanted reset_after");
  refused("cosim s.safetensors", "found a reset_before model, wanted reset_after");
  refused("quantize s.safetensors -o q.safetensors", "integers");
}

TEST_CASE("what is no QKeras student's file is refused in one line") {
  const Folder folder;
  Random rng(41, 0);
  const Student s(rng);
  const auto refused = [&](const std::string& file, const std::string& part,
                           const std::string& options = "", int code = 1) {
    const Outcome o = import_of(folder, file, options);
    CHECK(o.code == code);
    CHECK(one_line(o.err));
    CHECK_MESSAGE(contains(o.err, part), o.err);
    CHECK_FALSE(fs::exists(folder / "s.safetensors"));
  };
  /// The file of PyTorch's names with one tensor changed.
  const auto changed = [&](const std::string& tensor, auto change, const std::string& part) {
    Safetensors content = torch_content(s, false);
    for (StoredTensor& t : content.tensors)
      if (t.name == tensor) change(t);
    write_safetensors(folder / "bad.st", content);
    refused("bad.st", part);
  };
  const auto value = [](std::size_t at, float x) {
    return [at, x](StoredTensor& t) { std::memcpy(t.bytes.data() + 4 * at, &x, 4); };
  };
  changed("encoder.0.weight_hh", value(17, 0.3f),
          "tensor 'encoder.0.weight_hh': value 17: found 0.3, wanted k/128 with k in -128..127");
  changed("head.bias", value(2, 1.0f), "tensor 'head.bias': value 2: found 1, wanted k/128");
  changed("decoder.0.bias_ih", value(5, NAN), "tensor 'decoder.0.bias_ih': value 5: found nan");
  changed(
      "encoder.0.weight_hh",
      [](StoredTensor& t) {
        t.shape = {2 * H, 3 * H / 2};
      },
      "found weights of shapes [96][1] and [64][48], wanted a GRU's");
  changed(
      "head.weight",
      [](StoredTensor& t) {
        t.shape = {H, C};
      },
      "tensor 'head.bias': found shape [3], wanted [32]");
  changed(
      "encoder.0.bias_ih", [](StoredTensor& t) { t.name = "encoder.0.beta"; },
      "found tensor 'encoder.0.beta', wanted those of GRU and dense layers");
  changed(
      "encoder.0.weight_ih", [](StoredTensor& t) { t.name = "spare.weight"; },
      "layer 'encoder.0' reads 0 values a step (it has no input weights), wanted 1");
  changed(
      "head.bias", [](StoredTensor& t) { t.dtype = "I16", t.bytes.resize(2 * C); },
      "tensor 'head.bias': found I16, wanted I8");
  {
    Hdf5Writer file(folder / "short.h5");
    file.put("encoder/kernel", {1, 3 * H}, std::vector<std::int16_t>(3 * H, 1));
    file.put("encoder/recurrent_kernel", s.encoder.recurrent.shape, s.encoder.recurrent.k);
  }
  refused("short.h5", "dataset 'encoder/kernel': found I16, wanted I8");
  // Nothing tells which of these two layers is the encoder.
  Safetensors unnamed;
  s.visit([&](const std::string& layer, const std::string& part,
              const Weights& a) { put(unnamed, layer + "/" + part, a, true); },
          "alpha", "beta");
  write_safetensors(folder / "unnamed.st", unnamed);
  refused("unnamed.st", "name them (--encoder, --decoder) out of: alpha, beta");
  write_h5(folder / "w.h5", s, "", true);
  refused("w.h5", "--input-bits: found 17, wanted 8 to 16", "--input-bits 17", 2);
  refused("w.h5", "--activation: found smooth", "--activation smooth", 2);
  write_safetensors(folder / "gates.st", torch_content(s, true));
  refused("gates.st", "its entry \"gates\" is 135, found the wish for 70", "--gates 70");
  const Outcome o = run(folder, "import w.h5 --preset ss3-135 -o s.safetensors");
  CHECK(o.code == 1);
  CHECK_MESSAGE(contains(o.err, "found I8, wanted floating point (or, for a QKeras student's"),
                o.err);
}

TEST_CASE("what a saved QKeras model says about itself is heard; --round rounds as it does") {
  const Folder folder;
  Random rng(44, 0);
  const Student s(rng);
  const auto outcome = [&](const std::string& gru) {
    const std::string config = R"({"config": {"layers": [{"class_name": "QGRU", "config":
        {"name": "encoder", "recurrent_activation": "hard_sigmoid", )" +
                               gru + "}}]}}";
    write_h5(folder / "m.h5", s, "model_weights/", false, config.c_str());
    const Outcome o = import_of(folder, "m.h5");
    CHECK(o.code == (o.err.empty() ? 0 : 1));
    return o.err;
  };
  const std::string tanh =
      R"("activation": {"class_name": "quantized_tanh", "config": {"bits": 8}})";
  const auto quantizer = [](int bits, int integer) {
    return concat(R"("kernel_quantizer": {"class_name": "quantized_bits", "config": {"bits": )",
                  bits, R"(, "integer": )", integer, "}}");
  };
  CHECK(outcome(tanh + ", " + quantizer(8, 0)) == "");
  CHECK(outcome(R"x("activation": "quantized_bits(8,0,1)")x") == "");
  CHECK(contains(outcome(tanh + ", " + quantizer(4, 0)),
                 "encoder's kernel_quantizer is of 4 bits, 0 of them whole"));
  CHECK(contains(outcome(tanh + R"(, "state_quantizer": null)"),
                 "encoder's state_quantizer is null"));
  CHECK(contains(outcome(R"("activation": "tanh")"), "hard_sigmoid and tanh"));
  CHECK(contains(outcome(R"x("activation": "quantized_tanh(4)")x"), "quantized_tanh(4)"));

  // Unrounded weights, some beyond the range.
  Hdf5Writer* file = nullptr;
  {
    Hdf5Writer writer(folder / "latent.h5");
    file = &writer;
    s.visit([&](const std::string& layer, const std::string& part, const Weights& a) {
      std::vector<float> values = a.floats();
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] += a.k[i] == 127    ? 0.3f
                     : a.k[i] == -128 ? -0.3f
                                      : static_cast<float>(rng.uniform(-0.49, 0.49) / 128.0);
      file->put(layer + "/" + part, a.shape, values);
    });
  }
  CHECK(contains(import_of(folder, "latent.h5").err, "wanted k/128 with k in -128..127"));
  const std::vector<float> counts = random_counts(rng);
  write_npy<float>(folder / "counts.npy", {'f', 4, false}, {kTraces, T}, counts);
  REQUIRE(import_of(folder, "latent.h5", "--round").code == 0);
  CHECK(wrong_values(folder, s, counts, 32768.0) == 0);
}
