#pragma once
// From counts to the network's input. A network only makes sense of traces that were normalised as
// its training data were, so the recipe is stored with the model, beside the acquisition.

#include <array>
#include <cstddef>
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
  /// Where > 0, the input begins with what the IRF is (irf_quantiles.h): its median less `irf_centre_ns`, and how far
  /// its other quantiles are from it, all over this.
  double irf_unit_ns = 0.0, irf_centre_ns = 0.0;
  bool reads_irf() const { return irf_unit_ns > 0.0; }
  bool operator==(const Normalisation&) const = default;
};

/// Throws UsageError unless 0 <= baseline_gates < gates.
void validate(const Normalisation& normalisation, int gates);

inline constexpr std::size_t kIrfInputs = 5;

/// Numbers of an input before its gates.
inline std::size_t gates_offset(const Normalisation& normalisation) {
  return (normalisation.reads_irf() ? kIrfInputs : 0) + (normalisation.counts_first ? 1 : 0);
}
/// Numbers of an input: T, and what is before.
inline std::size_t input_size(const Normalisation& normalisation, std::size_t gates) {
  return gates + gates_offset(normalisation);
}
/// The T gates of an input.
template <class T>
std::span<T> gates_of(const Normalisation& normalisation, std::span<T> input) {
  return input.subspan(gates_offset(normalisation));
}
/// The place of the IRF's quantiles in an input; empty where it has none.
template <class T>
std::span<T> irf_of(const Normalisation& normalisation, std::span<T> input) {
  return input.first(normalisation.reads_irf() ? kIrfInputs : 0);
}

/// counts [T] -> input [input_size()]; counts may be gates_of(input), and irf_of(input) holds the IRF's quantiles in ns.
/// Returns false, with the input all zero,
/// where nothing is above the baseline: such a trace has no lifetime. Throws Error for a count that
/// is negative, infinite or NaN, and where the sizes differ.
bool normalise(const Normalisation& normalisation, std::span<const float> counts,
               std::span<float> input);

/// {"baseline_gates":0,"scaling":"peak"}, and "counts_first":true and the IRF's numbers where they are so
std::string to_json(const Normalisation& normalisation);
/// Absent fields keep their defaults. Throws Error.
Normalisation normalisation_from_json(std::string_view text);

}  // namespace taugate
