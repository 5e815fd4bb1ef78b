#include "nn/network_json.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "taugate/core/error.h"

namespace taugate {
namespace {

using Json = nlohmann::json;

constexpr std::pair<GruSpec::Reads, const char*> kReads[] = {{GruSpec::Reads::trace, "trace"},
                                                             {GruSpec::Reads::zeros, "zeros"},
                                                             {GruSpec::Reads::below, "below"}};
constexpr std::pair<HeadSpec::At, const char*> kAt[] = {{HeadSpec::At::every_step, "every_step"},
                                                        {HeadSpec::At::last_step, "last_step"}};

constexpr const char* kEncoderOutputs = "encoder_outputs";

template <class Names, class Value>
const char* name_in(const Names& names, Value value) {
  for (const auto& [known, name] : names)
    if (known == value) return name;
  return "";
}
template <class Value, std::size_t N>
Value value_in(const std::pair<Value, const char*> (&names)[N], const Json& json,
               const std::string& where) {
  const auto text = json.get<std::string>();
  for (const auto& [value, name] : names)
    if (text == name) return value;
  fail(where, ": found '", text, "', wanted '", names[0].second, "', '", names[1].second, "' ..");
}

std::optional<Seq2SeqConfig> as_seq2seq(const Network& network) {
  try {
    return seq2seq_config(network);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

int whole_number(const Json& value, const std::string& where) {
  require(value.is_number_integer() && std::in_range<int>(value.get<std::int64_t>()), where,
          ": found ", value.dump(), ", wanted a whole number");
  return value.get<int>();
}

Json network_to_json(const Network& network) {
  Json json = Json::object();
  if (network.encoder_outputs > 0) json[kEncoderOutputs] = network.encoder_outputs;
  if (const auto config = as_seq2seq(network)) {
    json.update({{"gates", config->gates},
                 {"outputs", config->outputs},
                 {"hidden", config->hidden},
                 {"form", name_of(config->form)},
                 {"activation", name_of(config->activation)}});
    return json;
  }
  Json layers = Json::array();
  for (const GruSpec& layer : network.layers)
    layers.push_back({{"name", layer.name},
                      {"units", layer.units},
                      {"reads", name_in(kReads, layer.reads)},
                      {"starts_from", layer.starts_from},
                      {"form", name_of(layer.form)},
                      {"activation", name_of(layer.activation)}});
  json.update({{"gates", network.gates},
               {"layers", layers},
               {"head",
                {{"name", network.head.name},
                 {"outputs", network.head.outputs},
                 {"at", name_in(kAt, network.head.at)}}}});
  if (network.features != 1) json["features"] = network.features;
  return json;
}

Network network_from_json(const Json& json, const std::string& where) {
  const auto number = [&](const Json& value) { return whole_number(value, where); };
  const int encoder_outputs = json.contains(kEncoderOutputs) ? number(json.at(kEncoderOutputs)) : 0;
  if (!json.contains("layers")) {
    Seq2SeqConfig config{number(json.at("gates")),
                         number(json.at("outputs")),
                         {},
                         gru_form(json.at("form").get<std::string>()),
                         activation(json.at("activation").get<std::string>()),
                         encoder_outputs};
    for (const Json& units : json.at("hidden")) config.hidden.push_back(number(units));
    return seq2seq(config);
  }
  Network network{number(json.at("gates")), {}, {}};
  for (const Json& layer : json.at("layers"))
    network.layers.push_back(
        {layer.at("name"), number(layer.at("units")), value_in(kReads, layer.at("reads"), where),
         number(layer.at("starts_from")), gru_form(layer.at("form").get<std::string>()),
         activation(layer.at("activation").get<std::string>())});
  const Json& head = json.at("head");
  network.head = {head.at("name"), number(head.at("outputs")), value_in(kAt, head.at("at"), where)};
  network.encoder_outputs = encoder_outputs;
  if (json.contains("features")) network.features = number(json.at("features"));
  network.validate();
  return network;
}

}  // namespace taugate
