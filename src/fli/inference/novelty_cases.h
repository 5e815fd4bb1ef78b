#pragma once
// Traces that a network was not trained for, at fixed numbers of photons, and how many of them
// Novelty flags.

#include <functional>
#include <string>
#include <vector>

#include "taugate/fli/inference/trained_model.h"

namespace taugate {

struct NoveltyCase {
  std::string name;
  std::vector<double> flagged;  ///< share of the traces, one a number of photons
  std::vector<double> bias;     ///< median of predicted / true amplitude-weighted lifetime - 1; NaN
                                ///< where there is no true one
};

struct NoveltyTable {
  std::vector<double> photons;
  std::vector<NoveltyCase>
      cases;  ///< the first: traces as in training, so its rates are false alarms
};

/// `traces` of each case and number of photons, from the data set `seed`. Lifetimes and IRFs beyond
/// the prior are chosen by the prior's own ends. Error for a model without Novelty.
/// keep_going(cases done) is called now and then; where it returns false, the table ends there.
NoveltyTable novelty_table(const TraceModel& model, const std::vector<double>& photons,
                           std::size_t traces, std::uint64_t seed,
                           const std::function<bool(std::size_t)>& keep_going = {});

/// The same as a JSON object.
std::string to_json(const NoveltyTable& table);

}  // namespace taugate
