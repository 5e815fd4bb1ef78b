#pragma once
// Gradients beside finite differences, in double: the truth that every backward pass answers to.

#include <functional>
#include <string>
#include <vector>

#include "taugate/autograd/tape.h"

namespace taugate {

struct GradientCheck {
  double worst = 0.0;  ///< largest relative error, |analytic - numeric| / max(|both|, scale)
  std::string where;   ///< the entry that has it, e.g. "2[17]": tensor 2, value 17
  double analytic = 0.0, numeric = 0.0;
  std::size_t entries = 0;  ///< how many were compared
};

/// Compares d loss / d entry for every entry of `inputs` (sequences, padding lanes left out) and of
/// the parameter block.
///   build       makes the loss, a single number, from variables for `inputs` and the tape's
///   parameters parameters  values that tape.weight() refers to; may be empty
/// Numeric derivatives are a central difference with Richardson extrapolation (error O(step^4)).
/// The scale below which an error counts absolutely is 1e-3 of the largest gradient in the same
/// tensor.
GradientCheck check_gradients(
    const std::function<Var<double>(Tape<double>&, const std::vector<Var<double>>&)>& build,
    const std::vector<Sequence<double>>& inputs, Matrix<double> parameters = {},
    double step = 1e-3);

}  // namespace taugate
