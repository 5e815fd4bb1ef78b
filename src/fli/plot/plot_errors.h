#pragma once
// Errors of several estimators against what makes their task harder.

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace taugate {

/// One estimator; a value a point in each column, relative to the truth.
struct ErrorCurve {
  std::string name;
  std::vector<double> x;
  std::vector<double> deviation, bound;  ///< > 0; the bound may be infinite
  std::vector<double> bias;
};

/// Left the deviations with their bounds (dashed, in the same colour), right the biases, up to 30 %
/// of the lifetime. `axis` names x; `logarithmic` says how it runs. Error as in picture.h.
void draw_error_curves(const std::filesystem::path& path, const std::string& axis, bool logarithmic,
                       std::span<const ErrorCurve> curves);

}  // namespace taugate
