#pragma once
// A network's description as the JSON of model files.

#include <nlohmann/json.hpp>
#include <string>

#include "taugate/nn/network.h"

namespace taugate {

/// Of a Seq2Seq {gates, outputs, hidden, form, activation}; of another network {gates, layers, head}.
nlohmann::json network_to_json(const Network& network);

/// Throws nlohmann's exceptions for what is missing or of another type, Error for numbers that are not whole, UsageError
/// and Error as Network::validate(). `where` begins the messages about numbers.
Network network_from_json(const nlohmann::json& json, const std::string& where);

/// A whole number; the JSON library alone would cut 2.5 or 2^32 + 2 down to 2.
int whole_number(const nlohmann::json& value, const std::string& where);

}  // namespace taugate
