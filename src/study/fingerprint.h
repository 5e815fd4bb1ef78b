#pragma once
// What decides the bits of a training, as text. A checkpoint is resumed, and a run of `reproduce`
// counts as done, only where it is the same.

#include <string>

#include "study/recipe.h"

namespace taugate {

/// Every option that a recipe has, as canonical JSON (fields in alphabetical order, numbers exact),
/// and with integers the version of their arithmetic. Two recipes of the same text, from the same
/// start and with the same teacher, end in the same network.
std::string fingerprint(const Recipe& recipe);

}  // namespace taugate
