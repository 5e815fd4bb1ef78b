#pragma once
// From counts to the network's input. A network only makes sense of traces that were normalised as
// its training data were, so the recipe is stored with the model, beside the acquisition.

#include <span>
#include <string>
#include <string_view>

namespace taugate {

/// How the background-free, non-negative counts x are scaled.
enum class Scaling {
  peak,  ///< x / max x
};

/// The mean of the first `baseline_gates` gates (those before the rise) is subtracted, what is
/// negative then is set to 0, and the rest is scaled.
struct Normalisation {
  int baseline_gates = 0;  ///< 0: nothing is subtracted
  Scaling scaling = Scaling::peak;
  /// The input begins with log10(all counts) / 7, within 0 and 1, and the gates follow: a network
  /// that is to know how sure it can be must see how many photons there were.
  bool counts_first = false;
  bool operator==(const Normalisation&) const = default;
};

/// Throws UsageError unless 0 <= baseline_gates < gates.
void validate(const Normalisation& normalisation, int gates);

/// Numbers of an input: T, or T + 1.
inline std::size_t input_size(const Normalisation& normalisation, std::size_t gates) {
  return gates + (normalisation.counts_first ? 1 : 0);
}
/// The T gates of an input.
template <class T>
std::span<T> gates_of(const Normalisation& normalisation, std::span<T> input) {
  return input.subspan(normalisation.counts_first ? 1 : 0);
}

/// counts [T] -> input [input_size()]; counts may be gates_of(input). Returns false, with the input all zero,
/// where nothing is above the baseline: such a trace has no lifetime. Throws Error for a count that
/// is negative, infinite or NaN, and where the sizes differ.
bool normalise(const Normalisation& normalisation, std::span<const float> counts,
               std::span<float> input);

/// {"baseline_gates":0,"scaling":"peak"}, and "counts_first":true where it is so
std::string to_json(const Normalisation& normalisation);
/// Absent fields keep their defaults. Throws Error.
Normalisation normalisation_from_json(std::string_view text);

}  // namespace taugate
