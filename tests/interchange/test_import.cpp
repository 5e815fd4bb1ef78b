// Weights of PyTorch and Keras: written here as those frameworks lay them out, run by plain
// equations in that layout, and compared with what the imported network makes of the same traces.

#include <zip.h>

#include <array>

#include "fli/formats/hdf5.h"
#include "fli/io_testing.h"
#include "hdf5_writer.h"
#include "nn/nn_testing.h"
#include "taugate/interchange/import_keras.h"
#include "taugate/interchange/import_torch.h"
#include "taugate/runtime/executor.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;
namespace fs = std::filesystem;

namespace {

constexpr int kGates = 6, kTraces = 3;

double sigmoid_of(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// A matrix as the framework stores it.
struct Table {
  int rows = 0, cols = 0;
  std::vector<float> values;
  double at(int r, int c) const { return values[static_cast<std::size_t>(r) * cols + c]; }
};
Table random_table(int rows, int cols, Random& rng) {
  Table t{rows, cols, std::vector<float>(static_cast<std::size_t>(rows) * cols)};
  fill_normal(t.values.data(), t.values.size(), rng, 0.5);
  return t;
}

/// Keras: x [I] times kernel [I][3H], columns z, r, h; bias [2][3H], [1][3H], or none.
struct KerasLayer {
  std::string name;
  Table kernel, recurrent, bias;
  bool reset_after = true;

  std::vector<double> step(const std::vector<double>& x, const std::vector<double>& h) const {
    const int H = recurrent.rows;
    const auto input = [&](int c) {
      double sum = bias.rows > 0 ? bias.at(0, c) : 0.0;
      for (int i = 0; i < kernel.rows; ++i) sum += x[static_cast<std::size_t>(i)] * kernel.at(i, c);
      return sum;
    };
    const auto state = [&](int c, const std::vector<double>& from) {
      double sum = bias.rows > 1 ? bias.at(1, c) : 0.0;
      for (int i = 0; i < H; ++i) sum += from[static_cast<std::size_t>(i)] * recurrent.at(i, c);
      return sum;
    };
    std::vector<double> reset(h), next(h);
    for (int u = 0; u < H; ++u)
      reset[static_cast<std::size_t>(u)] *= sigmoid_of(input(H + u) + state(H + u, h));
    for (int u = 0; u < H; ++u) {
      const double z = sigmoid_of(input(u) + state(u, h));
      const double r = sigmoid_of(input(H + u) + state(H + u, h));
      const double candidate = std::tanh(
          input(2 * H + u) + (reset_after ? r * state(2 * H + u, h) : state(2 * H + u, reset)));
      const auto i = static_cast<std::size_t>(u);
      next[i] = z * h[i] + (1.0 - z) * candidate;
    }
    return next;
  }
};

/// PyTorch's nn.GRU: weight_ih [3H][I], rows r, z, n; both biases.
struct TorchLayer {
  Table weight_ih, weight_hh, bias_ih, bias_hh;

  std::vector<double> step(const std::vector<double>& x, const std::vector<double>& h) const {
    const int H = weight_hh.cols;
    const auto row = [](const Table& w, const Table& b, int r, const std::vector<double>& v) {
      double sum = b.at(r, 0);
      for (int c = 0; c < w.cols; ++c) sum += w.at(r, c) * v[static_cast<std::size_t>(c)];
      return sum;
    };
    std::vector<double> next(h);
    for (int u = 0; u < H; ++u) {
      const double r = sigmoid_of(row(weight_ih, bias_ih, u, x) + row(weight_hh, bias_hh, u, h));
      const double z =
          sigmoid_of(row(weight_ih, bias_ih, H + u, x) + row(weight_hh, bias_hh, H + u, h));
      const double n = std::tanh(row(weight_ih, bias_ih, 2 * H + u, x) +
                                 r * row(weight_hh, bias_hh, 2 * H + u, h));
      const auto i = static_cast<std::size_t>(u);
      next[i] = (1.0 - z) * n + z * h[i];
    }
    return next;
  }
};

/// Encoder layers first, then as many of the decoder, whose input is zero of width `fed`.
template <class Layer>
std::vector<double> outputs_of(const std::vector<Layer>& layers, const std::vector<int>& hidden,
                               int fed, const Table& head, bool head_is_keras, const Table& bias,
                               const float* trace) {
  const std::size_t side = hidden.size();
  std::vector<std::vector<double>> states;
  for (int units : hidden) states.emplace_back(static_cast<std::size_t>(units), 0.0);
  std::vector<double> out;
  for (int t = 0; t < 2 * kGates; ++t) {
    const bool decoding = t >= kGates;
    std::vector<double> x(static_cast<std::size_t>(decoding ? fed : 1), decoding ? 0.0 : trace[t]);
    for (std::size_t k = 0; k < side; ++k)
      x = states[k] = layers[decoding ? side + k : k].step(x, states[k]);
    if (!decoding) continue;
    const int C = head_is_keras ? head.cols : head.rows;
    for (int c = 0; c < C; ++c) {
      double sum = bias.values[static_cast<std::size_t>(c)];
      for (std::size_t u = 0; u < x.size(); ++u)
        sum += x[u] *
               (head_is_keras ? head.at(static_cast<int>(u), c) : head.at(c, static_cast<int>(u)));
      out.push_back(sum);
    }
  }
  return out;
}

std::vector<float> traces() {
  std::vector<float> x(kTraces * kGates);
  Random rng(3, 0);
  for (float& v : x) v = static_cast<float>(rng.uniform(0.0, 1.0));
  return x;
}

/// Largest difference of the imported network from `expected` of each trace.
template <class Expected>
double error_against(const ImportedModel& imported, Expected expected) {
  const std::vector<float> x = traces();
  const int C = imported.model.description().outputs();
  std::vector<float> y(x.size() * static_cast<std::size_t>(C));
  predict(imported.model, x, y);
  double worst = 0.0;
  for (int n = 0; n < kTraces; ++n) {
    const std::vector<double> wanted = expected(x.data() + n * kGates);
    REQUIRE(wanted.size() == static_cast<std::size_t>(kGates * C));
    for (std::size_t i = 0; i < wanted.size(); ++i)
      worst = std::max(worst, std::abs(wanted[i] - y[n * wanted.size() + i]));
  }
  return worst;
}

void put(Hdf5Writer& file, const std::string& path, const Table& t) {
  file.put(path, {static_cast<std::size_t>(t.rows), static_cast<std::size_t>(t.cols)}, t.values);
}

/// A network of Keras: encoder and decoder of these units, one input, a head of C outputs.
struct KerasNetwork {
  std::vector<int> hidden;
  int outputs = 3;
  std::vector<KerasLayer> layers;
  Table head, head_bias;

  KerasNetwork(std::vector<int> units, bool reset_after, bool biased, const std::string& encoder,
               const std::string& decoder)
      : hidden(std::move(units)) {
    Random rng(11, 0);
    for (const std::string& side : {encoder, decoder}) {
      int inputs = 1;
      for (std::size_t k = 0; k < hidden.size(); ++k) {
        const int H = hidden[k];
        layers.push_back({concat(side, k),
                          random_table(inputs, 3 * H, rng),
                          random_table(H, 3 * H, rng),
                          {},
                          reset_after});
        if (biased) layers.back().bias = random_table(reset_after ? 2 : 1, 3 * H, rng);
        inputs = H;
      }
    }
    head = random_table(hidden.back(), outputs, rng);
    head_bias = random_table(1, outputs, rng);
  }

  void put_bias(Hdf5Writer& file, const std::string& path, const KerasLayer& layer) const {
    const auto columns = static_cast<std::size_t>(layer.bias.cols);
    if (layer.bias.rows == 2) put(file, path, layer.bias);
    if (layer.bias.rows == 1) file.put(path, {columns}, layer.bias.values);
  }
  /// LAYER/LAYER/gru_cell/kernel:0 below `root`, as Keras 1 and 2 lay weights out.
  void write_legacy(const fs::path& path, const std::string& root, const char* config) const {
    Hdf5Writer file(path);
    for (const KerasLayer& layer : layers) {
      const std::string group = concat(root, layer.name, '/', layer.name, "/gru_cell_1/");
      put(file, group + "kernel:0", layer.kernel);
      put(file, group + "recurrent_kernel:0", layer.recurrent);
      put_bias(file, group + "bias:0", layer);
    }
    put(file, root + "top/top/kernel:0", head);
    file.put(root + "top/top/bias:0", {static_cast<std::size_t>(outputs)}, head_bias.values);
    put(file, "optimizer_weights/Adam/m/kernel:0", head);
    if (config) file.attribute("/", "model_config", config);
  }
  /// layers/gru_K/cell/vars/0, as Keras 3 does.
  void write_numbered(const fs::path& path) const {
    Hdf5Writer file(path);
    for (std::size_t k = 0; k < layers.size(); ++k) {
      const std::string group = k == 0 ? "layers/gru" : concat("layers/gru_", k);
      put(file, group + "/cell/vars/0", layers[k].kernel);
      put(file, group + "/cell/vars/1", layers[k].recurrent);
      put_bias(file, group + "/cell/vars/2", layers[k]);
    }
    file.put("layers/dropout/seed_generator/vars/0", {2}, {1.0f, 2.0f});
    put(file, "layers/dense/vars/0", head);
    file.put("layers/dense/vars/1", {static_cast<std::size_t>(outputs)}, head_bias.values);
  }
  double error_of(const ImportedModel& imported) const {
    return error_against(imported, [&](const float* trace) {
      return outputs_of(layers, hidden, 1, head, true, head_bias, trace);
    });
  }
};

LayerMapping plain(std::vector<std::string> encoder = {}, std::vector<std::string> decoder = {}) {
  LayerMapping a;
  a.gates = kGates;
  a.encoder = std::move(encoder);
  a.decoder = std::move(decoder);
  return a;
}

/// PyTorch's state_dict of a module with `encoder` and `decoder` (nn.GRU of several layers), `fc`.
struct TorchNetwork {
  std::vector<int> hidden{5, 3};
  int fed = 2;
  std::vector<TorchLayer> layers;
  Table head, head_bias;
  Safetensors state;

  TorchNetwork() {
    Random rng(5, 0);
    for (const std::string side : {"encoder", "decoder"}) {
      int inputs = side == "encoder" ? 1 : fed;
      for (std::size_t k = 0; k < hidden.size(); ++k) {
        const int rows = 3 * hidden[k];
        layers.push_back({random_table(rows, inputs, rng), random_table(rows, hidden[k], rng),
                          random_table(rows, 1, rng), random_table(rows, 1, rng)});
        add(concat(side, ".weight_ih_l", k), layers.back().weight_ih);
        add(concat(side, ".weight_hh_l", k), layers.back().weight_hh);
        add(concat(side, ".bias_ih_l", k), layers.back().bias_ih);
        add(concat(side, ".bias_hh_l", k), layers.back().bias_hh);
        inputs = hidden[k];
      }
    }
    head = random_table(fed, hidden.back(), rng);
    head_bias = random_table(fed, 1, rng);
    add("fc.weight", head);
    add("fc.bias", head_bias);
  }
  void add(const std::string& name, const Table& t) {
    std::vector<std::size_t> shape{static_cast<std::size_t>(t.rows)};
    if (name.find("bias") == std::string::npos) shape.push_back(static_cast<std::size_t>(t.cols));
    state.add_floats(name, shape, t.values.data());
  }
  StoredTensor& tensor(const std::string& name) {
    for (auto& t : state.tensors)
      if (t.name == name) return t;
    FAIL("no tensor ", name);
    return state.tensors.front();
  }
};

std::string torch_error(const TorchNetwork& n, LayerMapping a = plain()) {
  return error_of([&] { map_layers(torch_network(n.state, "w.safetensors"), a); });
}

}  // namespace

TEST_CASE("PyTorch's weights give PyTorch's outputs") {
  const TorchNetwork n;
  const ImportedModel imported = map_layers(torch_network(n.state, "w.safetensors"), plain());
  CHECK(imported.encoder == std::vector<std::string>{"encoder.l0", "encoder.l1"});
  CHECK(imported.decoder == std::vector<std::string>{"decoder.l0", "decoder.l1"});
  CHECK(imported.head == "fc");
  CHECK(imported.dropped_inputs == 2);
  CHECK(imported.model.description().form() == GruForm::reset_after);
  CHECK(error_against(imported, [&](const float* trace) {
          return outputs_of(n.layers, n.hidden, n.fed, n.head, false, n.head_bias, trace);
        }) <= 2e-6);
}

TEST_CASE("Keras' weights give Keras' outputs, in every layout") {
  const Folder folder;
  for (const bool reset_after : {true, false}) {
    const KerasNetwork n({4, 2}, reset_after, true, "Encoder_", "my_decoder_");
    CAPTURE(reset_after);
    const auto form = reset_after ? GruForm::reset_after : GruForm::reset_before;
    const auto check = [&](const fs::path& path, const LayerMapping& a) {
      ImportedModel imported = map_layers(read_network(path), a);
      CHECK(imported.model.description().form() == form);
      CHECK(seq2seq_config(imported.model.description()).hidden == n.hidden);
      CHECK(n.error_of(imported) <= 2e-6);
      return imported;
    };
    for (const std::string root : {"", "model_weights/"}) {
      const fs::path path = folder.path / "legacy.h5";
      n.write_legacy(path, root, nullptr);
      const ImportedModel imported = check(path, plain());
      CHECK(imported.encoder == std::vector<std::string>{"Encoder_0", "Encoder_1"});
      CHECK(imported.head == "top");
    }
    const fs::path path = folder.path / "numbered.weights.h5";
    n.write_numbered(path);
    check(path, plain({"gru", "gru_1"}, {"gru_2", "gru_3"}));
    CHECK(contains(error_of([&] { map_layers(read_network(path), plain()); }),
                   "gru, gru_1, gru_2, gru_3"));
  }
}

TEST_CASE("names beside Keras 3's numbers, and a .keras archive") {
  const Folder folder;
  const KerasNetwork n({4}, true, true, "enc", "dec");
  const fs::path inner = folder.path / "model.weights.h5", archive = folder.path / "model.keras";
  {
    // Backwards: only the names tell which is which.
    Hdf5Writer file(inner);
    for (std::size_t k = 0; k < 2; ++k) {
      const std::string group = k == 0 ? "layers/gru_1" : "layers/gru";
      put(file, group + "/cell/vars/0", n.layers[k].kernel);
      put(file, group + "/cell/vars/1", n.layers[k].recurrent);
      put(file, group + "/cell/vars/2", n.layers[k].bias);
      file.group(group + "/vars");
      file.attribute(group + "/vars", "name", n.layers[k].name.c_str());
    }
    put(file, "layers/time_distributed/layer/vars/0", n.head);
    file.put("layers/time_distributed/layer/vars/1", {3}, n.head_bias.values);
  }
  const ImportedModel imported = map_layers(read_network(inner), plain());
  CHECK(imported.encoder == std::vector<std::string>{"enc0"});
  CHECK(n.error_of(imported) <= 2e-6);

  n.write_numbered(inner);
  int code = 0;
  zip_t* zip = zip_open(archive.c_str(), ZIP_CREATE, &code);
  const std::string config =
      R"({"config": {"layers": [{"class_name": "GRU", "config": {"name": "my_decoder", "activation":
      "tanh", "recurrent_activation": "sigmoid"}}, {"class_name": "GRU", "config": {"name": "an_enc",
      "activation": "tanh", "recurrent_activation": "sigmoid"}}, {"class_name": "TimeDistributed",
      "config": {"layer": {"class_name": "Dense", "config": {"name": "d", "activation": "linear"}}}}]}})";
  zip_file_add(zip, "config.json", zip_source_buffer(zip, config.data(), config.size(), 0), 0);
  zip_file_add(zip, "model.weights.h5", zip_source_file(zip, inner.c_str(), 0, -1), 0);
  REQUIRE(zip_close(zip) == 0);
  const ImportedNetwork network = read_network(archive);
  CHECK(network.activation == Activation::smooth);
  CHECK(map_layers(network, plain()).encoder == std::vector<std::string>{"an_enc"});
  CHECK(contains(error_of([&] { Hdf5File(read_file(archive), "bytes"); }), "bytes: cannot be"));
}

TEST_CASE("what a saved Keras model says about itself is heard") {
  const Folder folder;
  const fs::path path = folder.path / "m.h5";
  const auto outcome = [&](const std::string& gru, const std::string& dense, LayerMapping a,
                           bool biased = true) {
    const KerasNetwork n({3}, true, biased, "enc", "dec");
    const std::string config =
        R"({"config": {"layers": [{"class_name": "GRU", "config": {)" + gru +
        R"(}}, {"class_name": "Dense", "config": {"name": "top", "activation": ")" + dense +
        R"("}}]}})";
    n.write_legacy(path, "model_weights/", config.c_str());
    return error_of([&] {
      const ImportedModel imported = map_layers(keras_network(path), a);
      CHECK(n.error_of(imported) <= 2e-6);
    });
  };
  const std::string smooth = R"("activation": "tanh", "recurrent_activation": "sigmoid")";
  CHECK(outcome(smooth, "linear", plain()) == "");
  CHECK(contains(outcome(smooth, "relu", plain()), "activation relu, wanted linear"));
  CHECK(contains(
      outcome(R"("activation": "tanh", "recurrent_activation": "hard_sigmoid")", "linear", plain()),
      "hard_sigmoid and tanh"));
  CHECK(contains(outcome(smooth + R"(, "go_backwards": true)", "linear", plain()), "go_backwards"));
  CHECK(contains(outcome(R"("units": )", "linear", plain()), "damaged"));
  LayerMapping hard = plain();
  hard.activation = Activation::hard;
  CHECK(contains(outcome(smooth, "linear", hard), "found the wish for hard"));
  // Without biases only the configuration, or the user, knows the form.
  CHECK(outcome(smooth + R"(, "reset_after": true)", "linear", plain(), false) == "");
  CHECK(contains(outcome(smooth, "linear", plain(), false), "--form"));
  LayerMapping after = plain();
  after.form = GruForm::reset_after;
  CHECK(outcome(smooth, "linear", after, false) == "");
}

TEST_CASE("what does not make a Seq2Seq is refused by name") {
  const auto with = [](const std::string& name, std::vector<std::size_t> shape) {
    TorchNetwork n;
    std::size_t count = 1;
    for (std::size_t extent : shape) count *= extent;
    n.tensor(name) = {name, "F32", std::move(shape), std::string(4 * count, '\0')};
    return torch_error(n);
  };
  CHECK(contains(with("encoder.weight_ih_l0", {15, 2}), "'encoder.l0' reads 2 values a step"));
  CHECK(contains(with("encoder.weight_hh_l1", {9, 4}), "wanted a GRU's [3H][I] and [3H][H]"));
  CHECK(contains(with("encoder.weight_hh_l1", {12, 3}), "an LSTM's"));
  CHECK(contains(with("decoder.bias_hh_l1", {10}), "wanted [9]"));
  CHECK(contains(with("fc.weight", {2, 4}), "head 'fc' reads 4 values, wanted 3"));
  CHECK(contains(with("fc.weight", {2, 4, 1}), "wanted a matrix"));

  TorchNetwork n;
  n.tensor("fc.bias").name = "fc.gamma";
  CHECK(contains(torch_error(n), "'fc.gamma'"));
  n = {};
  n.tensor("encoder.bias_ih_l0").name = "encoder.bias_ih_l0_reverse";
  CHECK(contains(torch_error(n), "bidirectional"));
  n = {};
  n.add("skip.weight", n.head);
  CHECK(contains(torch_error(n), "--head) out of: fc, skip"));
  LayerMapping chosen = plain();
  chosen.head = "fc";
  CHECK(torch_error(n, chosen) == "");
  CHECK(contains(torch_error(n, plain({"encoder.l0"})), "1 encoder and 2 decoder"));
  CHECK(contains(torch_error(n, plain({"lstm"})), "no layer 'lstm'"));
  CHECK_THROWS_AS(map_layers(torch_network(n.state, "w"), plain({"lstm"})), UsageError);

  n = {};
  const float infinity = INFINITY;
  std::memcpy(n.tensor("fc.weight").bytes.data() + 4, &infinity, 4);
  CHECK(contains(torch_error(n), "not finite"));
}

TEST_CASE("a decoder that may have been fed wants the user's word") {
  TorchNetwork n;
  Random rng(9, 0);
  n.tensor("decoder.weight_ih_l0").name = "decoder.gone";
  n.state.tensors.erase(std::find_if(n.state.tensors.begin(), n.state.tensors.end(),
                                     [](const auto& t) { return t.name == "decoder.gone"; }));
  n.add("decoder.weight_ih_l0", random_table(15, 5, rng));
  CHECK(contains(torch_error(n), "--zero-fed"));
  LayerMapping a = plain();
  a.zero_fed = true;
  CHECK(torch_error(n, a) == "");
}

TEST_CASE("damaged files of Keras are one Error") {
  const Folder folder;
  const KerasNetwork n({3}, true, true, "enc", "dec");
  const fs::path path = folder.path / "m.h5";
  n.write_legacy(path, "", nullptr);
  const std::string good = read_file(path);
  for (std::size_t size = 0; size < good.size(); size += 97) {
    CAPTURE(size);
    overwrite(path, good.substr(0, size));
    const std::string error = error_of([&] { read_network(path); });
    CHECK(contains(error, "m.h5: "));
    CHECK_FALSE(contains(error, "\n"));
  }
  CHECK(contains(error_of([&] { read_network(folder.file("a.pt", "PK\x03\x04 and more")); }),
                 "a.pt: "));
  CHECK(contains(error_of([&] { read_network(folder.file("a.txt", "some words here")); }),
                 "neither safetensors nor HDF5"));
}
