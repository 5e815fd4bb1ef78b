#pragma once
// A network of single photons beside the field's estimators, on the same photons, and the Cramer-Rao bound: at given
// lifetimes, numbers of photons and backgrounds. The estimators get the histogram of the photons and are told the IRF, and
// of the unknowns what the network's training told it.

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "taugate/fli/inference/trained_model.h"

namespace taugate {

/// Everything relative to the true lifetime.
struct PhotonScore {
  std::string estimator;  ///< network, mle or cmm
  std::size_t failures = 0;
  double bias = 0.0, deviation = 0.0;
  double predicted = 0.0;  ///< of the network: mean of its own standard deviations
  double within_one = 0.0,
         within_two = 0.0;  ///< and how often the truth lies within one and two of these

  double rmse() const;
};
struct PhotonRow {
  double tau_ns = 0.0, background_share = 0.0;
  int photons = 0;     ///< of a list, those of the background among them
  double bound = 0.0;  ///< least deviation of an unbiased estimator with the same unknowns
  std::vector<PhotonScore> scores;

  /// error / tau * sqrt(photons without background).
  double f_value(double relative_error) const;
};

/// One lifetime after the other, without a background and with one in the middle of what `data` has, if any; lists with
/// the middle of its IRFs. Error for a library of several measured IRFs or a model of traces. keep_going(rows done)
/// false ends it.
std::vector<PhotonRow> evaluate_photons(const TraceModel& model, const SimulatorConfig& data,
                                        std::span<const double> tau_ns,
                                        std::span<const int> photons, std::size_t lists,
                                        std::uint64_t seed,
                                        const std::function<bool(std::size_t)>& keep_going = {});

std::string to_json(std::span<const PhotonRow> rows);

}  // namespace taugate
