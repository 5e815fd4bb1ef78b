// Model files: what was saved comes back bit for bit; whatever else comes along is an Error.

#include <bit>
#include <limits>
#include <nlohmann/json.hpp>

#include "fli/io_testing.h"
#include "nn/nn_testing.h"
#include "taugate/core/safetensors.h"
#include "taugate/nn/model_file.h"
#include "testing.h"

using namespace taugate;
using namespace taugate::testing;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

/// Parameters of all sizes and signs, each exact in half precision (and so in every other).
Model small_model(Seq2SeqConfig config = {
                      .gates = 2, .hidden = {1}, .form = GruForm::reset_before}) {
  Model model(std::move(config));
  float value = -2.0f;
  for (const auto& entry : model.parameters().entries()) {
    const Matrix<float> m = model.parameters().matrix(entry.at);
    for (std::size_t i = 0; i < m.size(); ++i) m.data[i] = value += 0.125f;
  }
  return model;
}

std::vector<float> values_of(const Model& model) {
  return {model.parameters().data(), model.parameters().data() + model.parameters().size()};
}

/// The bytes of a model file, and how to load such bytes.
struct Stored {
  Folder folder;
  fs::path path = folder.path / "student.safetensors";
  Model model = small_model();
  std::string bytes;

  Stored() {
    save_model(path, model, {{"training", "{}"}});
    bytes = read_file(path);
  }
  std::size_t header_size() const {
    std::uint64_t size = 0;
    std::memcpy(&size, bytes.data(), 8);
    return size;
  }
  std::string message(const std::string& content) const {
    overwrite(path, content);
    return error_of([&] { load_model(path); });
  }
  /// After a change to the parsed file.
  template <class Change>
  std::string after(Change change) const {
    overwrite(path, bytes);
    Safetensors content = read_safetensors(path);
    change(content);
    write_safetensors(path, content);
    return error_of([&] { load_model(path); });
  }
  /// After a change to the configuration.
  template <class Change>
  std::string configured(Change change) const {
    return after([&](Safetensors& c) {
      json config = json::parse(c.metadata.at("taugate.model"));
      change(config);
      c.metadata["taugate.model"] = config.dump();
    });
  }
  /// With another header before the same data.
  std::string with_header(const std::string& header) const {
    return message(bytes_of(std::uint64_t{header.size()}) + header +
                   bytes.substr(8 + header_size()));
  }
  json header() const { return json::parse(bytes.substr(8, header_size())); }
};

StoredTensor& tensor(Safetensors& content, const std::string& name) {
  for (auto& t : content.tensors)
    if (t.name == name) return t;
  FAIL("no tensor ", name);
  return content.tensors.front();
}

template <class Raw>
StoredTensor make_tensor(const std::string& dtype, const std::vector<Raw>& values) {
  StoredTensor t{"x", dtype, {values.size()}, {}};
  for (Raw v : values) t.bytes += bytes_of(v);
  return t;
}

}  // namespace

TEST_CASE("a model comes back bit for bit, with its notes") {
  const Folder folder;
  const fs::path path = folder.path / "teacher.safetensors";
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before})
    for (Activation activation : {Activation::smooth, Activation::hard}) {
      Model model(
          {.gates = 70, .outputs = 3, .hidden = {6, 3}, .form = form, .activation = activation});
      model.initialise(3);
      model.parameters().data()[0] = -0.0f;
      model.parameters().data()[1] = std::numeric_limits<float>::denorm_min();
      model.parameters().data()[2] = -std::numeric_limits<float>::max();
      const ModelNotes notes{
          {"simulator", "{\"gates\":70}"}, {"first_gate_ns", "1.5"}, {"training", "τ \"\n"}};
      save_model(path, model, notes);
      const StoredModel stored = load_model(path);
      CHECK(stored.notes == notes);
      CHECK(seq2seq_config(stored.model.description()).gates == 70);
      CHECK(seq2seq_config(stored.model.description()).outputs == 3);
      CHECK(seq2seq_config(stored.model.description()).hidden == std::vector{6, 3});
      CHECK(seq2seq_config(stored.model.description()).form == form);
      CHECK(seq2seq_config(stored.model.description()).activation == activation);
      REQUIRE(stored.model.parameters().size() == model.parameters().size());
      CHECK(std::memcmp(stored.model.parameters().data(), model.parameters().data(),
                        model.parameters().size() * sizeof(float)) == 0);
      const std::string bytes = read_file(path);
      save_model(path, stored.model, stored.notes);
      CHECK(read_file(path) == bytes);
    }
  CHECK(folder.entries() == 1);
}

TEST_CASE("weights that are floats of 16 bits are stored as such, and notes of bytes as a tensor") {
  const Folder folder;
  const fs::path path = folder.path / "student.safetensors";
  Model model({.gates = 70, .outputs = 1, .hidden = {5}});
  model.initialise(3);
  CHECK_FALSE(model.parameters().are_halves());
  save_model(path, model);
  const auto size = fs::file_size(path);
  model.parameters().round_to_halves();
  CHECK(model.parameters().are_halves());
  const ModelNotes notes{{"bytes", std::string("\0\xff\1", 3)}, {"text", "t"}};
  save_model(path, model, notes);
  CHECK(fs::file_size(path) < size - model.parameters().count());
  const StoredModel stored = load_model(path);
  CHECK(stored.notes == notes);
  CHECK(std::memcmp(stored.model.parameters().data(), model.parameters().data(),
                    model.parameters().size() * sizeof(float)) == 0);
  const Safetensors content = read_safetensors(path);
  CHECK(content.find("head.weight")->dtype == "F16");
  CHECK(content.find("taugate.bytes")->bytes == notes.at("bytes"));
}

TEST_CASE("the file is what safetensors describes") {
  const Stored s;
  CHECK(s.header_size() % 8 == 0);
  const json header = s.header();
  CHECK(header.at("encoder.0.weight_ih").at("dtype") == "F32");
  CHECK(header.at("encoder.0.weight_ih").at("shape") == json{3, 1});
  CHECK(header.at("encoder.0.bias_ih").at("shape") == json::array({3}));
  CHECK(header.at("head.weight").at("shape") == json{1, 1});
  CHECK(header.at("__metadata__").at("taugate.training") == "{}");
  CHECK(json::parse(header.at("__metadata__").at("taugate.model").get<std::string>()) ==
        json{{"version", 1},
             {"gates", 2},
             {"outputs", 1},
             {"hidden", {1}},
             {"form", "reset_before"},
             {"activation", "smooth"}});
  // The first number of the first tensor, found by hand.
  const auto begin = header.at("encoder.0.weight_ih").at("data_offsets").at(0).get<std::size_t>();
  float first = 0.0f;
  std::memcpy(&first, s.bytes.data() + 8 + s.header_size() + begin, 4);
  CHECK(first == -1.875f);
}

TEST_CASE(
    "a file cut short anywhere is an Error that names it, and so is one with more at its end") {
  const Stored s;
  for (std::size_t length = 0; length < s.bytes.size(); ++length) {
    const std::string text = s.message(s.bytes.substr(0, length));
    CAPTURE(length);
    CHECK(contains(text, "student.safetensors: "));
    CHECK_FALSE(contains(text, "\n"));
  }
  CHECK(contains(s.message(s.bytes + "x"), "student.safetensors: "));
  CHECK(s.message(s.bytes).empty());
}

TEST_CASE("a wrong byte in the header is an Error, or harms nothing but what it says") {
  const Stored s;
  // The JSON's keys are sorted: __metadata__, whose text may say anything, and then the tensors.
  const std::size_t tensors = s.bytes.find("\"decoder.0.");
  const std::size_t closing = 8 + s.bytes.substr(8, s.header_size()).rfind('}');
  REQUIRE(tensors < closing);
  const std::string wrong("\0 \"{]:,9e-\x80\xff", 12);
  for (std::size_t at = 0; at < 8 + s.header_size(); ++at)
    for (char c : wrong) {
      if (s.bytes[at] == c || (at > closing && c == '\0')) continue;  // a NUL ends JSON, too
      std::string damaged = s.bytes;
      damaged[at] = c;
      CAPTURE(at);
      CAPTURE(static_cast<int>(c));
      // Anything but a taugate::Error escapes, and fails the test.
      const std::string text = s.message(damaged);
      if (at < 8 || at >= tensors) CHECK(contains(text, "student.safetensors: "));
    }
}

TEST_CASE("a flipped bit anywhere is an Error, or leaves the network as it was") {
  const Stored s;
  const auto values = values_of(s.model);
  std::size_t loaded = 0;
  for (std::size_t at = 0; at < s.bytes.size(); ++at) {
    std::string damaged = s.bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1 << at % 8);
    CAPTURE(at);
    const std::string text = s.message(damaged);
    if (!text.empty()) continue;
    ++loaded;
    CHECK(at < 8 + s.header_size());
    CHECK(values_of(load_model(s.path).model) == values);
  }
  // The name of the entry with the checksum, and blanks at the end of the header.
  CHECK(loaded <= 16 + 8);
  std::string last = s.bytes;
  last.back() = static_cast<char>(last.back() ^ 1);
  CHECK(contains(s.message(last), "is damaged: its content has the checksum"));
}

TEST_CASE("the checksum is that of zlib, and files without one are read") {
  const Stored s;
  json header = s.header();
  const std::string found = header.at("__metadata__").at("taugate.crc32");
  header.at("__metadata__").erase("taugate.crc32");
  // Bit by bit, as the polynomial is defined.
  std::uint32_t crc = 0xffffffffu;
  for (const char c : header.dump() + s.bytes.substr(8 + s.header_size())) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
  }
  CHECK(std::stoul(found, nullptr, 16) == (crc ^ 0xffffffffu));
  CHECK(s.with_header(header.dump()).empty());
  CHECK_FALSE(load_model(s.path).notes.contains("crc32"));
}

TEST_CASE("header lengths out of all proportion") {
  const Stored s;
  for (std::uint64_t size :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{s.bytes.size() - 7},
        std::uint64_t{1} << 32, std::uint64_t{1} << 63, UINT64_MAX - 7, UINT64_MAX}) {
    CAPTURE(size);
    CHECK(contains(s.message(bytes_of(size) + s.bytes.substr(8)), "student.safetensors: "));
  }
}

TEST_CASE("headers that lie about their tensors") {
  const Stored s;
  const auto lying = [&](auto change) {
    json header = s.header();
    header.at("__metadata__").erase("taugate.crc32");
    change(header);
    const std::string text = s.with_header(header.dump());
    CHECK(contains(text, "student.safetensors: "));
    return text;
  };
  const auto bias = [](json& h) -> json& { return h.at("encoder.0.bias_ih"); };
  CHECK(contains(lying([&](json& h) {
                   bias(h)["data_offsets"] = h.at("decoder.0.bias_ih").at("data_offsets");
                 }),
                 "overlap"));
  lying([&](json& h) { bias(h)["data_offsets"] = {0, 1 << 20}; });
  lying([&](json& h) { bias(h)["data_offsets"] = {12, 0}; });
  lying([&](json& h) { bias(h)["data_offsets"] = {-12, 0}; });
  lying([&](json& h) { bias(h)["data_offsets"] = {0}; });
  lying([&](json& h) { bias(h)["data_offsets"] = "0,12"; });
  lying([&](json& h) { bias(h)["shape"] = {UINT64_MAX}; });
  lying([&](json& h) { bias(h)["shape"] = {std::uint64_t{1} << 62, 3}; });
  lying([&](json& h) { bias(h)["shape"] = {-3}; });
  lying([&](json& h) { bias(h)["shape"] = {3.0}; });
  lying([&](json& h) { bias(h)["shape"] = 3; });
  lying([&](json& h) { bias(h)["shape"] = {0, UINT64_MAX}; });
  lying([&](json& h) { bias(h)["dtype"] = "F33"; });
  lying([&](json& h) { bias(h)["dtype"] = 32; });
  lying([&](json& h) { bias(h) = nullptr; });
  lying([&](json& h) { h["__metadata__"] = {{"taugate.model", 1}}; });
  lying([&](json& h) { h.erase("__metadata__"); });
  lying([&](json& h) { h = json::array(); });
  CHECK(contains(s.with_header(std::string(100'000, '[')), "student.safetensors: "));
}

TEST_CASE("tensors that do not fit the configuration") {
  const Stored s;
  const std::string name = "encoder.0.weight_hh";
  CHECK(contains(s.after([&](Safetensors& c) {
    tensor(c, name).shape = {1, 3};
  }),
                 "found shape [1][3], wanted [3][1]"));
  CHECK(contains(s.after([&](Safetensors& c) { tensor(c, name).shape = {3}; }),
                 "found shape [3], wanted [3][1]"));
  CHECK(contains(s.after([&](Safetensors& c) { tensor(c, name).name += "2"; }),
                 "'encoder.0.weight_hh' is missing"));
  CHECK(contains(s.after([](Safetensors& c) {
    const float x = 1.0f;
    c.add_floats("encoder.0.bias_hh", {1}, &x);
  }),
                 "'encoder.0.bias_hh', which this model has no place for"));
  for (float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    CHECK(contains(
        s.after([&](Safetensors& c) { std::memcpy(tensor(c, name).bytes.data() + 8, &bad, 4); }),
        "'encoder.0.weight_hh' has a value that is not finite"));
  CHECK(contains(s.after([&](Safetensors& c) { tensor(c, name).dtype = "I32"; }),
                 "found I32, wanted floating point"));
}

TEST_CASE("configurations that make no sense") {
  const Stored s;
  CHECK(s.configured([](json&) {}).empty());
  CHECK(contains(s.configured([](json& c) { c["version"] = 2; }), "version 2, wanted 1"));
  for (const char* key : {"version", "gates", "outputs", "hidden", "form", "activation"}) {
    CAPTURE(key);
    CHECK(contains(s.configured([&](json& c) { c.erase(key); }), "damaged"));
    CHECK(contains(s.configured([&](json& c) { c[key] = nullptr; }), "student.safetensors: "));
  }
  for (const json& bad : {json(0), json(-1), json(65'537), json(2.5), json(1e300), json(true),
                          json((std::uint64_t{1} << 32) + 2), json(UINT64_MAX), json("2")}) {
    CAPTURE(bad.dump());
    CHECK(contains(s.configured([&](json& c) { c["gates"] = bad; }), "student.safetensors: "));
    CHECK(contains(s.configured([&](json& c) { c["hidden"] = {bad}; }), "student.safetensors: "));
  }
  CHECK(contains(s.configured([](json& c) { c["form"] = "reset"; }),
                 "found 'reset', wanted reset_after"));
  CHECK(contains(s.configured([](json& c) { c["activation"] = "relu"; }), "found 'relu'"));
  // Gigabytes of weights that the file does not have are not even asked for.
  CHECK(contains(s.configured([](json& c) { c["hidden"] = std::vector<int>(16, 4096); }),
                 "recurrent weights"));
  CHECK(contains(s.after([](Safetensors& c) { c.metadata.clear(); }), "not a taugate model"));
  CHECK(contains(s.after([](Safetensors& c) { c.metadata["taugate.model"] = "{"; }), "damaged"));
}

TEST_CASE("other floating-point types are read, and the zero-fed decoder's input weights dropped") {
  const Stored s;
  const auto loaded_after = [&](auto change) {
    REQUIRE(s.after(change) == "");
    return values_of(load_model(s.path).model);
  };
  const auto converted = [](Safetensors& c, const std::string& dtype, auto encode) {
    for (auto& t : c.tensors) {
      const auto values = floats_of(t, "");
      t.dtype = dtype;
      t.bytes.clear();
      for (float v : values) t.bytes += bytes_of(encode(v));
    }
  };
  const auto wanted = values_of(s.model);
  CHECK(loaded_after([&](Safetensors& c) {
          converted(c, "F64", [](float v) { return double{v}; });
        }) == wanted);
  CHECK(loaded_after([&](Safetensors& c) {
          converted(c, "BF16", [](float v) {
            return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(v) >> 16);
          });
        }) == wanted);
  CHECK(loaded_after([&](Safetensors& c) {
          converted(c, "F16", [](float v) {  // normal numbers that need no rounding
            const auto bits = std::bit_cast<std::uint32_t>(v);
            if (v == 0.0f) return std::uint16_t{0};
            const std::uint32_t exponent = (bits >> 23 & 255) - 127 + 15;
            return static_cast<std::uint16_t>((bits >> 31) << 15 | exponent << 10 |
                                              (bits >> 13 & 1023));
          });
        }) == wanted);
  CHECK(loaded_after([](Safetensors& c) {
          const std::vector<float> ignored(3, 9.0f);
          c.add_floats("decoder.0.weight_ih", {3, 1}, ignored.data());
        }) == wanted);
}

TEST_CASE("half precision, by its encodings") {
  using Half = std::uint16_t;
  const auto half = floats_of(
      make_tensor<Half>("F16", {0x3c00, 0xc000, 0x3555, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x8000}),
      "f");
  CHECK(half == std::vector{1.0f, -2.0f, 0.333251953125f, 0x1p-24f, 0x1.ff8p-15f, 0x1p-14f,
                            65504.0f, -0.0f});
  CHECK(std::signbit(half.back()));
  const auto special = floats_of(make_tensor<Half>("F16", {0x7c00, 0xfc00, 0x7e00}), "f");
  CHECK(special[0] == std::numeric_limits<float>::infinity());
  CHECK(special[1] == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(special[2]));
  CHECK(floats_of(make_tensor<Half>("BF16", {0x3f80, 0xc049, 0x0080}), "f") ==
        std::vector{1.0f, -3.140625f, std::numeric_limits<float>::min()});
  CHECK(floats_of(make_tensor<double>("F64", {0.1, -3.0}), "f") == std::vector{0.1f, -3.0f});
  CHECK_THROWS_WITH_AS(floats_of(make_tensor<Half>("U16", {1}), "f"),
                       doctest::Contains("f: tensor 'x': found U16"), Error);
}

TEST_CASE("a model that cannot be written leaves nothing") {
  const Folder folder;
  const Model model = small_model();
  CHECK(contains(error_of([&] { save_model(folder.path / "missing" / "m", model); }),
                 "cannot be written"));
  fs::create_directory(folder.path / "m");
  CHECK(contains(error_of([&] { save_model(folder.path / "m", model); }), "cannot be written"));
  CHECK(contains(error_of([&] {
                   save_model(folder.path / "n", model, {{"training", "\xff"}});
                 }),
                 "not UTF-8"));
  CHECK(folder.entries() == 1);
  CHECK(contains(error_of([&] { load_model(folder.path / "n"); }), "n: "));
}
