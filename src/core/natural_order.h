#pragma once

#include <string_view>

namespace taugate {

/// Whether a comes before b where runs of digits count as numbers: "gate_2" before "gate_10". A
/// strict order, also among texts that differ in leading zeros alone.
bool natural_less(std::string_view a, std::string_view b);

}  // namespace taugate
