#include "taugate/quant/integer/integer_model_file.h"

#include <algorithm>
#include <utility>

#include "nn/model_notes.h"
#include "nn/network_json.h"
#include "taugate/core/error.h"
#include "taugate/quant/integer/qkeras_file.h"

namespace taugate {
namespace {

using Json = nlohmann::json;
const std::string kEntry = "taugate.integer_model";

struct IntField {
  const char* name;
  int Widths::*value;
};
constexpr IntField kIntFields[] = {{"weight_bits", &Widths::weight_bits},
                                   {"operand_fraction", &Widths::operand_frac_bits},
                                   {"accumulator_bits", &Widths::accumulator_bits},
                                   {"sum_bits", &Widths::preact_bits},
                                   {"gate_sum_fraction", &Widths::gate_preact_frac_bits},
                                   {"candidate_sum_fraction", &Widths::candidate_preact_frac_bits},
                                   {"gate_fraction", &Widths::gate_frac_bits},
                                   {"candidate_fraction", &Widths::candidate_frac_bits},
                                   {"product_fraction", &Widths::product_frac_bits},
                                   {"state_fraction", &Widths::state_frac_bits},
                                   {"output_bits", &Widths::output_bits},
                                   {"output_fraction", &Widths::output_frac_bits}};
constexpr const char* kInputExtra = "input_extra";  // only where it is not 0
// Only in files of version 2, which programs that know of the nearest write-back alone refuse.
constexpr const char *kResidual = "residual_bits", *kWriteBack = "write_back";
constexpr int kWriteBackVersion = 2;
bool writes_as_ever(const Widths& w) {
  return w.write_back == WriteBack::nearest && w.residual_bits == 0 &&
         w.state_frac_bits >= w.operand_frac_bits;
}
struct BoolField {
  const char* name;
  bool Widths::*value;
};
constexpr BoolField kBoolFields[] = {{"step_reads_operand", &Widths::step_reads_operand},
                                     {"head_reads_state", &Widths::head_reads_state}};

std::size_t size(int extent) { return static_cast<std::size_t>(extent); }

// Weights of 2 to 4 bits lie two in a byte, the first in the lower half, each row in bytes of its
// own.
bool packs(int bits) { return bits <= 4; }

void add_weights(Safetensors& out, const std::string& name, const IntegerRows& m, int bits) {
  const std::size_t rows = size(m.rows), cols = size(m.cols);
  if (packs(bits)) {
    const std::size_t width = (cols + 1) / 2;
    std::vector<std::uint8_t> bytes(rows * width);
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t k = 0; k < cols; ++k)
        bytes[r * width + k / 2] |=
            static_cast<std::uint8_t>((m.weights[r * cols + k] & 15) << (k % 2 * 4));
    out.add_integers(name, {rows, width}, bytes.data());
  } else if (bits <= 8) {
    const std::vector<std::int8_t> bytes(m.weights.begin(), m.weights.end());
    out.add_integers(name, {rows, cols}, bytes.data());
  } else {
    out.add_integers(name, {rows, cols}, m.weights.data());
  }
}

void add_biases(Safetensors& out, const std::string& name, const std::vector<std::int64_t>& values,
                int bits) {
  const std::vector<std::int32_t> in_32_bits(values.begin(), values.end());
  if (bits == 32)
    out.add_integers(name, {values.size()}, in_32_bits.data());
  else
    out.add_integers(name, {values.size()}, values.data());
}

void add_requantizers(Safetensors& out, const std::string& name,
                      const std::vector<Requantizer>& all) {
  std::vector<std::uint16_t> multipliers;
  std::vector<std::uint8_t> shifts;
  for (const Requantizer& r : all) {
    multipliers.push_back(r.multiplier);
    shifts.push_back(r.shift);
  }
  out.add_integers(name + ".multiplier", {all.size()}, multipliers.data());
  out.add_integers(name + ".shift", {all.size()}, shifts.data());
}

/// Takes tensors by name, checks type and shape, and knows which nobody asked for.
class TensorReader {
 public:
  TensorReader(const Safetensors& content, const std::string& file)
      : content_(content), file_(file) {}

  std::vector<std::int64_t> take(const std::string& name, const char* dtype,
                                 const std::vector<std::size_t>& shape) {
    const StoredTensor* t = content_.find(name);
    require(t != nullptr, file_, ": tensor '", name, "' is missing");
    require(t->dtype == dtype && t->shape == shape, file_, ": tensor '", name, "': found ",
            t->dtype, " ", shape_text(t->shape), ", wanted ", dtype, " ", shape_text(shape));
    taken_.push_back(name);
    return integers_of(*t, file_);
  }
  IntegerRows weights(const std::string& name, int rows, int cols, int bits) {
    IntegerRows m{rows, cols, {}};
    const std::size_t width = packs(bits) ? (size(cols) + 1) / 2 : size(cols);
    const auto values = take(name,
                             packs(bits) ? "U8"
                             : bits <= 8 ? "I8"
                                         : "I16",
                             {size(rows), width});
    for (std::size_t r = 0; r < size(rows); ++r)
      for (std::size_t k = 0; k < size(cols); ++k) {
        const auto half = [&] {
          const auto nibble = static_cast<int>(values[r * width + k / 2] >> (k % 2 * 4) & 15);
          return nibble < 8 ? nibble : nibble - 16;
        };
        m.weights.push_back(static_cast<std::int16_t>(
            packs(bits) ? half() : static_cast<int>(values[r * width + k])));
      }
    return m;
  }
  std::vector<std::int64_t> biases(const std::string& name, int count, int bits) {
    return take(name, bits == 32 ? "I32" : "I64", {size(count)});
  }
  std::vector<Requantizer> requantizers(const std::string& name, int count) {
    const auto multipliers = take(name + ".multiplier", "U16", {size(count)});
    const auto shifts = take(name + ".shift", "U8", {size(count)});
    std::vector<Requantizer> all;
    for (std::size_t i = 0; i < size(count); ++i)
      all.push_back(
          {static_cast<std::uint16_t>(multipliers[i]), static_cast<std::uint8_t>(shifts[i])});
    return all;
  }
  void finish() const {
    for (const StoredTensor& t : content_.tensors)
      require(std::find(taken_.begin(), taken_.end(), t.name) != taken_.end(), file_,
              ": found tensor '", t.name, "', which this model has no place for");
  }

 private:
  const Safetensors& content_;
  const std::string& file_;
  std::vector<std::string> taken_;
};

/// The model without weights.
IntegerModel parse_header(const std::string& file, const std::string& text) {
  const std::string where = file + ": its entry " + kEntry;
  IntegerModel model;
  try {
    const Json json = Json::parse(text);
    const int version = whole_number(json.at("arithmetic"), where);
    require(version == kArithmeticVersion || version == kWriteBackVersion, file,
            ": found a model for version ", version, " of the integer arithmetic, wanted version ",
            kArithmeticVersion, " or ", kWriteBackVersion);
    model.description = network_from_json(json, where);
    const Json& widths = json.at("widths");
    for (const auto& [name, value] : kIntFields)
      model.widths.*value = whole_number(widths.at(name), where);
    if (widths.contains(kInputExtra))
      model.widths.input_extra = whole_number(widths[kInputExtra], where);
    for (const auto& [name, value] : kBoolFields) model.widths.*value = widths.at(name).get<bool>();
    if (version == kWriteBackVersion) {
      model.widths.residual_bits = whole_number(widths.at(kResidual), where);
      model.widths.write_back = write_back_of(widths.at(kWriteBack).get<std::string>());
    }
    model.widths.validate(model.description.form(), model.description.activation());
  } catch (const Json::exception&) {
    fail(where, " is damaged");
  } catch (const UsageError& e) {
    fail(where, ": ", e.what());
  }
  return model;
}

IntegerModel native_model(const Safetensors& content, const std::string& file) {
  IntegerModel model = parse_header(file, content.metadata.at(kEntry));
  const int bits = model.widths.weight_bits, sum = model.widths.accumulator_bits;
  TensorReader reader(content, file);
  for (std::size_t k = 0; k < model.description.layers.size(); ++k) {
    const GruSpec& spec = model.description.layers[k];
    const GruTensors names(spec.name);
    IntegerLayer layer;
    const int H = layer.hidden = spec.units;
    const int split = spec.form == GruForm::reset_after ? H : 0;
    layer.inputs = model.description.inputs(k);
    layer.input = layer.inputs > 0 ? reader.weights(names.weight_ih, 3 * H, layer.inputs, bits)
                                   : IntegerRows{3 * H, 0, {}};
    layer.recurrent = reader.weights(names.weight_hh, 3 * H, H, bits);
    layer.bias = reader.biases(names.bias_ih, 3 * H, sum);
    if (split > 0) layer.recurrent_bias = reader.biases(names.bias_hh, H, sum);
    layer.requantizers = reader.requantizers(spec.name, 3 * H + split);
    model.layers.push_back(std::move(layer));
  }
  const HeadSpec& head = model.description.head;
  const LinearTensors names(head.name);
  model.head =
      reader.weights(names.weight, head.outputs, model.description.layers.back().units, bits);
  model.head_bias = reader.biases(names.bias, head.outputs, sum);
  model.head_requantizers = reader.requantizers(head.name, head.outputs);
  if (const int E = model.description.encoder_outputs; E > 0) {
    const LinearTensors second(kEncoderHead);
    model.encoder_head = {
        reader.weights(second.weight, E, model.description.encoder_top().units, bits),
        reader.biases(second.bias, E, sum), reader.requantizers(kEncoderHead, E)};
  }
  reader.finish();
  return model;
}

bool is_qkeras(const Safetensors& content) {
  const auto form = content.metadata.find("form");
  return form != content.metadata.end() && form->second == "qkeras";
}

}  // namespace

void save_integer_model(const std::filesystem::path& path, const IntegerModel& model) {
  model.validate();
  Json widths;
  for (const auto& [name, value] : kIntFields) widths[name] = model.widths.*value;
  for (const auto& [name, value] : kBoolFields) widths[name] = model.widths.*value;
  if (model.widths.input_extra > 0) widths[kInputExtra] = model.widths.input_extra;
  Json header = network_to_json(model.description);
  header["arithmetic"] = kArithmeticVersion;
  if (!writes_as_ever(model.widths)) {
    header["arithmetic"] = kWriteBackVersion;
    widths[kResidual] = model.widths.residual_bits;
    widths[kWriteBack] = name_of(model.widths.write_back);
  }
  header["widths"] = widths;
  Safetensors out;
  add_notes(out, model.notes);
  out.metadata[kEntry] = header.dump();
  const int bits = model.widths.weight_bits, sum = model.widths.accumulator_bits;
  for (std::size_t k = 0; k < model.layers.size(); ++k) {
    const IntegerLayer& layer = model.layers[k];
    const GruTensors names(model.description.layers[k].name);
    if (layer.inputs > 0) add_weights(out, names.weight_ih, layer.input, bits);
    add_weights(out, names.weight_hh, layer.recurrent, bits);
    add_biases(out, names.bias_ih, layer.bias, sum);
    if (!layer.recurrent_bias.empty()) add_biases(out, names.bias_hh, layer.recurrent_bias, sum);
    add_requantizers(out, model.description.layers[k].name, layer.requantizers);
  }
  const auto add_head = [&](const std::string& name, const IntegerRows& weights,
                            const std::vector<std::int64_t>& bias,
                            const std::vector<Requantizer>& requantizers) {
    const LinearTensors names(name);
    add_weights(out, names.weight, weights, bits);
    add_biases(out, names.bias, bias, sum);
    add_requantizers(out, name, requantizers);
  };
  add_head(model.description.head.name, model.head, model.head_bias, model.head_requantizers);
  if (const IntegerHead& second = model.encoder_head; second.weights.rows > 0)
    add_head(kEncoderHead, second.weights, second.bias, second.requantizers);
  write_safetensors(path, out);
}

bool is_integer_model(const Safetensors& content) {
  return content.metadata.contains(kEntry) || is_qkeras(content);
}

IntegerModel load_integer_model(const std::filesystem::path& path) {
  const std::string file = path.string();
  Safetensors content = read_safetensors(path);
  if (!is_integer_model(content))
    fail(file, content.metadata.contains("taugate.model")
                   ? ": found a float model, wanted an integer one: quantize it first"
                   : ": found no integer model: it has neither a taugate.integer_model entry nor "
                     "\"form\": \"qkeras\"");
  auto notes = take_notes(content, kEntry);
  IntegerModel model =
      is_qkeras(content) ? qkeras_model(content, file) : native_model(content, file);
  model.notes = std::move(notes);
  try {
    model.validate();
  } catch (const Error& e) {
    fail(file, ": ", e.what());
  }
  return model;
}

}  // namespace taugate
