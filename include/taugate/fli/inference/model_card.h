#pragma once
// Trained models to take: weights with a card that says for which recordings they are and how good. A folder of models
// has NAME.json, the card, beside NAME.safetensors.

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "taugate/fli/inference/inference.h"
#include "taugate/fli/io/measurement.h"

namespace taugate {

/// How well the amplitude-weighted lifetime is read at one lifetime and number of photons; all relative to it.
struct CardFigure {
  double tau_ns = 0.0, photons = 0.0;
  double bias = 0.0, deviation = 0.0;
  double stated = 0.0;  ///< mean of the network's own standard deviations
  double bound = 0.0;   ///< Cramer-Rao, of the same unknowns
};

struct ModelCard {
  std::string name, about;
  std::filesystem::path weights;
  std::string checksum;       ///< of that file: FNV-1a, 64 bits, in hexadecimal
  std::string command;        ///< that made it
  SimulatorConfig simulator;  ///< acquisition and prior of its training
  /// The recording is turned so that its summed decay rises here, in ns after gate 0: its clock may begin anywhere.
  /// None: the camera's own gates, as they are recorded.
  std::optional<double> rise_ns;
  Range lifetimes_ns, photons;      ///< between which `figures` were found
  std::vector<CardFigure> figures;  ///< IRF and background drawn from the prior

  /// Smallest and largest over `figures`, of deviation / bound and of the bias from `least_photons` on.
  Range deviation_over_bound() const;
  Range bias(double least_photons) const;
};

std::string to_json(const ModelCard& card);
/// The cards of a folder, by name. Error where there are none, or one is damaged or has no weights.
std::vector<ModelCard> read_model_cards(const std::filesystem::path& folder);
/// Of the weights' file as it is.
std::string checksum_of(const std::filesystem::path& weights);
/// Error where the weights are not those of the card.
std::unique_ptr<TraceModel> load_model_of(const ModelCard& card);

/// A recording that a card is to fit: its bins, period and where its summed decay rises.
class RecordedAxis {
 public:
  /// Error where bin width or period are unknown, or there are no counts.
  explicit RecordedAxis(const Measurement& measurement);
  /// "256 bins of 0.0488 ns, period 12.5 ns, a decay that rises at 1.3 ns"
  std::string described() const;
  /// What the card wants instead; empty where it fits.
  std::string misfit(const ModelCard& card) const;
  /// Where gate 0 of a card that fits opens, on the recorder's clock.
  double first_gate_ns(const ModelCard& card) const;

 private:
  std::string file_;
  int bins_;
  double bin_ns_, period_ns_, rise_ns_;
  bool covers_period_;
  Range recorded_ns_;  // between the first and the last bin that hold counts at all
};

/// The first of `cards` that fits. Error with what the recording has and what each card would want.
const ModelCard& fitting_card(std::span<const ModelCard> cards, const Measurement& measurement);
/// The card `name`, or for "auto" the first that fits; sets options.whole_counts and, unless it is given,
/// options.first_gate_ns. Error where there is no such card, or it does not fit.
const ModelCard& chosen_card(std::span<const ModelCard> cards, const std::string& name,
                             const Measurement& measurement, InferenceOptions& options);
/// The card of that name; null where there is none.
const ModelCard* card_named(std::span<const ModelCard> cards, const std::string& name);

}  // namespace taugate
