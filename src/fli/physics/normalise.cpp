#include "taugate/fli/physics/normalise.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "fli/physics/json_fields.h"
#include "taugate/fli/physics/irf_quantiles.h"

namespace taugate {

static constexpr std::array<std::string_view, 1> enum_names(Scaling) { return {"peak"}; }

constexpr std::size_t kIrfMedian = 2;
static_assert(kIrfShares.size() == kIrfInputs && kIrfShares[kIrfMedian] == 0.5);
constexpr double kDecades = 7.0;  // of all counts, that the first input spans

template <class Visit, json_fields::Is<Normalisation> N>
static void fields(Visit& visit, N& n) {
  visit("baseline_gates", n.baseline_gates);
  visit("scaling", n.scaling);
  visit.unless("counts_first", n.counts_first, false);
  visit.unless("irf_unit_ns", n.irf_unit_ns, 0.0);
  visit.unless("irf_centre_ns", n.irf_centre_ns, 0.0);
}

void validate(const Normalisation& normalisation, int gates) {
  check_within("baseline gates", normalisation.baseline_gates, 0, gates - 1);
}

bool normalise(const Normalisation& normalisation, std::span<const float> counts,
               std::span<float> input) {
  require(input_size(normalisation, counts.size()) == input.size(), "normalise: found room for ",
          input.size(), " values, wanted ", input_size(normalisation, counts.size()));
  const std::size_t before = static_cast<std::size_t>(normalisation.baseline_gates);
  require(before == 0 || before < counts.size(), "normalise: found ", before,
          " baseline gates in a trace of ", counts.size(), " gates, wanted fewer");
  double baseline = 0.0, all = 0.0;
  float peak = 0.0f;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    require(std::isfinite(counts[k]) && counts[k] >= 0.0f, "normalise: found ", counts[k],
            " counts in gate ", k, ", wanted a number of at least 0");
    if (k < before) baseline += counts[k];
    all += counts[k];
    peak = std::max(peak, counts[k]);
  }
  if (before > 0) baseline /= static_cast<double>(before);
  if (!(peak > baseline)) {
    std::fill(input.begin(), input.end(), 0.0f);
    return false;
  }
  const double scale = 1.0 / (peak - baseline);
  const std::span gates = gates_of(normalisation, input);
  for (std::size_t k = 0; k < counts.size(); ++k)
    gates[k] = static_cast<float>(std::max(counts[k] - baseline, 0.0) * scale);
  if (normalisation.reads_irf()) {
    const std::span irf = irf_of(normalisation, input);
    const float median = irf[kIrfMedian], unit = static_cast<float>(normalisation.irf_unit_ns);
    for (float& quantile : irf) quantile = (quantile - median) / unit;
    irf[kIrfMedian] = (median - static_cast<float>(normalisation.irf_centre_ns)) / unit;
  }
  if (normalisation.counts_first)
    input[gates_offset(normalisation) - 1] =
        static_cast<float>(std::clamp(std::log10(all) / kDecades, 0.0, 1.0));
  return true;
}

std::string to_json(const Normalisation& normalisation) {
  return json_fields::write(normalisation);
}

Normalisation normalisation_from_json(std::string_view text) {
  Normalisation normalisation;
  json_fields::read(text, "normalisation", normalisation);
  require(normalisation.baseline_gates >= 0, "normalisation.baseline_gates: found ",
          normalisation.baseline_gates, ", wanted at least 0");
  return normalisation;
}

}  // namespace taugate
